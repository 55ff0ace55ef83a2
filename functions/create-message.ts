import { endpoint } from "../lib/http/endpoint.ts"
import { created } from "../lib/http/reply/entity-tag.ts"
import { createMessage } from "../lib/messages.ts"
import * as operations from "../lib/operations/messages.ts"
import { runtime } from "../lib/runtime.ts"

export const handler = endpoint(operations.createMessage, async ({ path, params, body, idempotency }, scope) => {
  const { token, chat_number: chat } = params
  const { resource, replayed } = await createMessage(await runtime(scope), token, chat, body, idempotency)
  return created(resource, `${path}/${resource.number}`, replayed)
})
