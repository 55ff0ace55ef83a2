import { IdempotencyKey, MessageInput, MessagesPath } from "../lib/contract.ts"
import { endpoint } from "../lib/http/endpoint.ts"
import { messagesPath } from "../lib/http/paths.ts"
import { created } from "../lib/http/replies.ts"
import { createMessage } from "../lib/messages.ts"
import { runtime } from "../lib/runtime.ts"

// POST /applications/{token}/chats/{chat_number}/messages
export const handler = endpoint({
  path: MessagesPath,
  body: MessageInput,
  idempotencyKey: IdempotencyKey,
  run: async ({ path: { token, chat_number: chat }, body, idempotencyKey: key }, scope) => {
    const path = messagesPath(token, chat)
    const idempotency = key === undefined ? key : { key, path }
    const { resource, replayed } = await createMessage(runtime(scope), token, chat, body, idempotency)
    return created(resource, `${path}/${resource.number}`, replayed)
  },
})
