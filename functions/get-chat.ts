import { getChat } from "../lib/chats.ts"
import { endpoint } from "../lib/http/endpoint.ts"
import { found } from "../lib/http/reply/entity-tag.ts"
import * as operations from "../lib/operations/chats.ts"
import { runtime } from "../lib/runtime.ts"

export const handler = endpoint(operations.getChat, async ({ params }, scope) =>
  found(await getChat(await runtime(scope), params.token, params.number), scope.headers),
)
