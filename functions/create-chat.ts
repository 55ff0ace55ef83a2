import { createChat } from "../lib/chats.ts"
import { endpoint } from "../lib/http/endpoint.ts"
import { created } from "../lib/http/reply/entity-tag.ts"
import * as operations from "../lib/operations/chats.ts"
import { runtime } from "../lib/runtime.ts"

export const handler = endpoint(operations.createChat, async ({ path, params, body, idempotency }, scope) => {
  const { resource, replayed } = await createChat(await runtime(scope), params.token, body, idempotency)
  return created(resource, `${path}/${resource.number}`, replayed)
})
