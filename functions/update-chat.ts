import { updateChat } from "../lib/chats.ts"
import { byMethod, endpoint } from "../lib/http/endpoint.ts"
import { changed, ifMatch } from "../lib/http/reply/entity-tag.ts"
import * as operations from "../lib/operations/chats.ts"
import { runtime } from "../lib/runtime.ts"

export const handler = byMethod(
  endpoint(operations.updateChat, async ({ params, body }, scope) => {
    const terms = { precondition: ifMatch(scope.headers) }
    return changed(await updateChat(await runtime(scope), params.token, params.number, body, terms))
  }),
  {
    PATCH: endpoint(operations.updateChatByPatch, async ({ params, body }, scope) => {
      const terms = { keepsMembers: true, precondition: ifMatch(scope.headers) }
      return changed(await updateChat(await runtime(scope), params.token, params.number, body, terms))
    }),
  },
)
