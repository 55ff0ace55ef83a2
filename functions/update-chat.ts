import { updateChat } from "../lib/chats.ts"
import { endpoint } from "../lib/http/endpoint.ts"
import { ok } from "../lib/http/reply/replies.ts"
import * as operations from "../lib/operations/chats.ts"
import { runtime } from "../lib/runtime.ts"

export const handler = endpoint(operations.updateChat, async ({ params, body }, scope) =>
  ok(await updateChat(await runtime(scope), params.token, params.number, body)),
)
