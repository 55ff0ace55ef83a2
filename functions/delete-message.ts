import { endpoint } from "../lib/http/endpoint.ts"
import { ifMatch } from "../lib/http/reply/entity-tag.ts"
import { noContent } from "../lib/http/reply/replies.ts"
import { deleteMessage } from "../lib/messages.ts"
import * as operations from "../lib/operations/messages.ts"
import { runtime } from "../lib/runtime.ts"

export const handler = endpoint(operations.deleteMessage, async ({ params }, scope) => {
  await deleteMessage(await runtime(scope), params.token, params.chat_number, params.number, {
    precondition: ifMatch(scope.headers),
  })
  return noContent()
})
