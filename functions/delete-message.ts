import { MessagePath } from "../lib/contract.ts"
import { endpoint } from "../lib/http/endpoint.ts"
import { noContent } from "../lib/http/replies.ts"
import { deleteMessage } from "../lib/messages.ts"
import { runtime } from "../lib/runtime.ts"

// DELETE /applications/{token}/chats/{chat_number}/messages/{number}
export const handler = endpoint({
  path: MessagePath,
  run: async ({ path }, scope) => {
    await deleteMessage(runtime(scope), path.token, path.chat_number, path.number)
    return noContent()
  },
})
