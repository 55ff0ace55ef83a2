import { endpoint } from "../lib/http/endpoint.ts"
import { ok } from "../lib/http/reply/replies.ts"
import { updateMessage } from "../lib/messages.ts"
import * as operations from "../lib/operations/messages.ts"
import { runtime } from "../lib/runtime.ts"

export const handler = endpoint(operations.updateMessage, async ({ params, body }, scope) =>
  ok(await updateMessage(await runtime(scope), params.token, params.chat_number, params.number, body)),
)
