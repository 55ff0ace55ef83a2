import { endpoint } from "../lib/http/endpoint.ts"
import { ok } from "../lib/http/reply/replies.ts"
import { getMessage } from "../lib/messages.ts"
import * as operations from "../lib/operations/messages.ts"
import { runtime } from "../lib/runtime.ts"

export const handler = endpoint(operations.getMessage, async ({ params }, scope) =>
  ok(await getMessage(await runtime(scope), params.token, params.chat_number, params.number)),
)
