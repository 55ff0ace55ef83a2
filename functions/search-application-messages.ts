import { byMethod, endpoint, type Scope } from "../lib/http/endpoint.ts"
import { type Asked, answerSearch } from "../lib/http/searches.ts"
import * as operations from "../lib/operations/messages.ts"
import { searchApplication } from "../lib/search/querying/search.ts"
import { searchRuntime } from "../lib/search-runtime.ts"

const search = (path: string, token: string, asked: Asked, scope: Scope) =>
  answerSearch(path, "hit", asked, async (question) => searchApplication(await searchRuntime(scope), token, question))

export const handler = byMethod(
  endpoint(operations.searchApplicationMessages, ({ path, params, query }, scope) =>
    search(path, params.token, query, scope),
  ),
  {
    POST: endpoint(operations.searchApplicationMessagesByPost, ({ path, params, query, body }, scope) =>
      search(path, params.token, { ...query, ...body }, scope),
    ),
  },
)
