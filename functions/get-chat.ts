import { getChat } from "../lib/chats.ts"
import { ChatPath } from "../lib/contract.ts"
import { endpoint } from "../lib/http/endpoint.ts"
import { ok } from "../lib/http/replies.ts"
import { runtime } from "../lib/runtime.ts"

// GET /applications/{token}/chats/{number}
export const handler = endpoint({
  path: ChatPath,
  run: async ({ path }, scope) => ok(await getChat(runtime(scope), path.token, path.number)),
})
