import { updateChat } from "../lib/chats.ts"
import { ChatChanges, ChatPath } from "../lib/contract.ts"
import { endpoint } from "../lib/http/endpoint.ts"
import { ok } from "../lib/http/replies.ts"
import { runtime } from "../lib/runtime.ts"

// PUT, PATCH /applications/{token}/chats/{number}
export const handler = endpoint({
  path: ChatPath,
  body: ChatChanges,
  run: async ({ path, body }, scope) => ok(await updateChat(runtime(scope), path.token, path.number, body)),
})
