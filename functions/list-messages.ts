import { MessagesPath } from "../lib/contract.ts"
import { endpoint } from "../lib/http/endpoint.ts"
import { answerList } from "../lib/http/pages.ts"
import { messagesPath } from "../lib/http/paths.ts"
import { answerSearch, MessagesQuery } from "../lib/http/searches.ts"
import { listMessages } from "../lib/messages.ts"
import { searchChat } from "../lib/search/search-chat.ts"
import { searchRuntime } from "../lib/search-runtime.ts"

// GET /applications/{token}/chats/{chat_number}/messages, with `query` a search
export const handler = endpoint({
  path: MessagesPath,
  query: MessagesQuery,
  run: ({ path: { token, chat_number: chat }, query: parameters }, scope) => {
    const { query } = parameters
    const path = messagesPath(token, chat)
    if (query !== undefined)
      return answerSearch(path, "number", { ...parameters, query }, (asked) =>
        searchChat(searchRuntime(scope), token, chat, asked),
      )
    const list = { path, keyedBy: "number" } as const
    return answerList(list, parameters, (page) => listMessages(searchRuntime(scope), token, chat, page))
  },
})
