import { MessagePath } from "../lib/contract.ts"
import { endpoint } from "../lib/http/endpoint.ts"
import { ok } from "../lib/http/replies.ts"
import { getMessage } from "../lib/messages.ts"
import { runtime } from "../lib/runtime.ts"

// GET /applications/{token}/chats/{chat_number}/messages/{number}
export const handler = endpoint({
  path: MessagePath,
  run: async ({ path }, scope) => ok(await getMessage(runtime(scope), path.token, path.chat_number, path.number)),
})
