import { byMethod, endpoint, type Scope } from "../lib/http/endpoint.ts"
import { type Asked, answerSearch } from "../lib/http/searches.ts"
import * as operations from "../lib/operations/messages.ts"
import { searchChat } from "../lib/search/querying/search.ts"
import { searchRuntime } from "../lib/search-runtime.ts"

type Chat = { token: string; chat_number: number }

const search = (path: string, { token, chat_number: chat }: Chat, asked: Asked, scope: Scope) =>
  answerSearch(path, "number", asked, async (question) => searchChat(await searchRuntime(scope), token, chat, question))

export const handler = byMethod(
  endpoint(operations.searchMessages, ({ path, params, query }, scope) => search(path, params, query, scope)),
  {
    POST: endpoint(operations.searchMessagesByPost, ({ path, params, query, body }, scope) =>
      search(path, params, { ...query, ...body }, scope),
    ),
  },
)
