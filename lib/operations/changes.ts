import { ApplicationPath, ChangeList } from "../contract.ts"
import { ChangesQuery } from "../http/changes.ts"
import type { Operation } from "../http/operation.ts"

export const listChanges = {
  id: "list-changes",
  methods: ["GET"],
  path: "/applications/{token}/changes",
  tag: "changes",
  summary: "Follow an application's changes",
  description:
    "Has every write to the application, its chats and messages, in the order of writing, each resource with its latest state. " +
    "Without a cursor it begins with all that lives now. Keep `next_cursor` of every answer, also of an empty one, and go on from it, at once while `has_more`. " +
    "A deleted chat is one change, and nothing below it follows. Counts move without a change.",
  params: ApplicationPath,
  query: ChangesQuery,
  alsoFails: [410],
  answer: { status: 200, description: "A page of changes.", schema: ChangeList },
  sample: 'for await (const change of application.changes({ cursor: "latest" })) console.log(change.type, change.data)',
} satisfies Operation
