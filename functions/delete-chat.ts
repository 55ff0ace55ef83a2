import { deleteChat } from "../lib/chats.ts"
import { endpoint } from "../lib/http/endpoint.ts"
import { ifMatch } from "../lib/http/reply/entity-tag.ts"
import { noContent } from "../lib/http/reply/replies.ts"
import * as operations from "../lib/operations/chats.ts"
import { runtime } from "../lib/runtime.ts"

export const handler = endpoint(operations.deleteChat, async ({ params }, scope) => {
  await deleteChat(await runtime(scope), params.token, params.number, {
    precondition: ifMatch(scope.headers),
  })
  return noContent()
})
