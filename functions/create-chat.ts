import { createChat } from "../lib/chats.ts"
import { ApplicationPath, ChatInput, IdempotencyKey } from "../lib/contract.ts"
import { endpoint } from "../lib/http/endpoint.ts"
import { chatsPath } from "../lib/http/paths.ts"
import { created } from "../lib/http/replies.ts"
import { runtime } from "../lib/runtime.ts"

// POST /applications/{token}/chats
export const handler = endpoint({
  path: ApplicationPath,
  body: ChatInput,
  idempotencyKey: IdempotencyKey,
  run: async ({ path: { token }, body, idempotencyKey: key }, scope) => {
    const path = chatsPath(token)
    const { resource, replayed } = await createChat(
      runtime(scope),
      token,
      body,
      key === undefined ? key : { key, path },
    )
    return created(resource, `${path}/${resource.number}`, replayed)
  },
})
