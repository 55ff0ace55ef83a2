import { byMethod, endpoint } from "../lib/http/endpoint.ts"
import { changed, ifMatch } from "../lib/http/reply/entity-tag.ts"
import { updateMessage } from "../lib/messages.ts"
import * as operations from "../lib/operations/messages.ts"
import { runtime } from "../lib/runtime.ts"

export const handler = byMethod(
  endpoint(operations.updateMessage, async ({ params, body }, scope) => {
    const { token, chat_number: chat, number } = params
    const terms = { precondition: ifMatch(scope.headers) }
    return changed(await updateMessage(await runtime(scope), token, chat, number, body, terms))
  }),
  {
    PATCH: endpoint(operations.updateMessageByPatch, async ({ params, body }, scope) => {
      const { token, chat_number: chat, number } = params
      const terms = { keepsMembers: true, precondition: ifMatch(scope.headers) }
      return changed(await updateMessage(await runtime(scope), token, chat, number, body, terms))
    }),
  },
)
