import { MessageChanges, MessagePath } from "../lib/contract.ts"
import { endpoint } from "../lib/http/endpoint.ts"
import { ok } from "../lib/http/replies.ts"
import { updateMessage } from "../lib/messages.ts"
import { runtime } from "../lib/runtime.ts"

// PUT, PATCH /applications/{token}/chats/{chat_number}/messages/{number}
export const handler = endpoint({
  path: MessagePath,
  body: MessageChanges,
  run: async ({ path, body }, scope) =>
    ok(await updateMessage(runtime(scope), path.token, path.chat_number, path.number, body)),
})
