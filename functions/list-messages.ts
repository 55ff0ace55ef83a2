import { endpoint } from "../lib/http/endpoint.ts"
import { answerList } from "../lib/http/pages.ts"
import { answerSearch, isSearch } from "../lib/http/searches.ts"
import { listMessages } from "../lib/messages.ts"
import * as operations from "../lib/operations/messages.ts"
import { searchChat } from "../lib/search/querying/search.ts"
import { searchRuntime } from "../lib/search-runtime.ts"

export const handler = endpoint(operations.listMessages, ({ path, params, query: parameters }, scope) => {
  const { token, chat_number: chat } = params
  // With `query` or `sender` this is a search, and its next pages have the search's own path.
  if (isSearch(parameters))
    return answerSearch(`${path}/search`, "number", parameters, async (question) =>
      searchChat(await searchRuntime(scope), token, chat, question),
    )
  return answerList({ path, keyedBy: "message" }, parameters, async (page) =>
    listMessages(await searchRuntime(scope), token, chat, page),
  )
})
