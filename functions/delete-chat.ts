import { deleteChat } from "../lib/chats.ts"
import { ChatPath } from "../lib/contract.ts"
import { endpoint } from "../lib/http/endpoint.ts"
import { noContent } from "../lib/http/replies.ts"
import { runtime } from "../lib/runtime.ts"

// DELETE /applications/{token}/chats/{number}
export const handler = endpoint({
  path: ChatPath,
  run: async ({ path }, scope) => {
    await deleteChat(runtime(scope), path.token, path.number)
    return noContent()
  },
})
