import {
  Application,
  ApplicationChanges,
  ApplicationIdempotencyKey,
  ApplicationInput,
  ApplicationList,
  ApplicationPath,
} from "../contract.ts"
import type { Operation } from "../http/operation.ts"
import { ListQuery } from "../http/pages.ts"
import { CHANGES_NOTE, CREATE_NOTE, IF_MATCH_NOTE, LIST_NOTE, WHOLE_NOTE } from "./notes.ts"

const inApplication = { token: "$response.body#/token" }

export const createApplication = {
  id: "create-application",
  methods: ["POST"],
  path: "/applications",
  tag: "applications",
  summary: "Create an application",
  description: `${CREATE_NOTE} Here a key has at least 16 characters, and belongs to the admin key that it was sent with.`,
  administers: true,
  conditional: true,
  body: ApplicationInput,
  example: { name: "Support" },
  idempotencyKey: ApplicationIdempotencyKey,
  answer: {
    status: 201,
    description: "The new application.",
    schema: Application,
    links: {
      get: { operation: "get-application", parameters: inApplication },
      update: { operation: "update-application", parameters: inApplication },
      delete: { operation: "delete-application", parameters: inApplication },
      createChat: { operation: "create-chat", parameters: inApplication },
      listChats: { operation: "list-chats", parameters: inApplication },
    },
  },
  sample: "const { token } = await client.createApplication($example)",
} satisfies Operation

export const listApplications = {
  id: "list-applications",
  methods: ["GET"],
  path: "/applications",
  tag: "applications",
  summary: "List applications",
  description: LIST_NOTE,
  administers: true,
  query: ListQuery,
  answer: { status: 200, description: "A page of applications.", schema: ApplicationList },
  sample: "for await (const application of client.applications()) console.log(application.name)",
} satisfies Operation

export const getApplication = {
  id: "get-application",
  methods: ["GET"],
  path: "/applications/{token}",
  tag: "applications",
  summary: "Read an application",
  description: "Includes the number of its chats, which the ETag covers, too.",
  conditional: true,
  params: ApplicationPath,
  answer: { status: 200, description: "The application.", schema: Application },
  sample: "const { name, chats_count } = await application.get()",
} satisfies Operation

export const updateApplication = {
  id: "update-application",
  methods: ["PUT"],
  path: "/applications/{token}",
  tag: "applications",
  summary: "Replace an application",
  description: `${WHOLE_NOTE} ${IF_MATCH_NOTE}`,
  administers: true,
  conditional: true,
  params: ApplicationPath,
  body: ApplicationInput,
  example: { name: "Sales" },
  answer: { status: 200, description: "The application as it is now.", schema: Application },
  sample: "await application.replace($example)",
} satisfies Operation

export const updateApplicationByPatch = {
  ...updateApplication,
  id: "update-application-by-patch",
  methods: ["PATCH"],
  function: "update-application",
  summary: "Change an application",
  description: `${CHANGES_NOTE} ${IF_MATCH_NOTE}`,
  body: ApplicationChanges,
  sample: "await application.update($example)",
} satisfies Operation

export const deleteApplication = {
  id: "delete-application",
  methods: ["DELETE"],
  path: "/applications/{token}",
  tag: "applications",
  summary: "Delete an application",
  description: `It and everything below it answer 404 from then on. ${IF_MATCH_NOTE}`,
  administers: true,
  conditional: true,
  params: ApplicationPath,
  answer: { status: 204, description: "Deleted." },
  sample: "await application.delete()",
} satisfies Operation
