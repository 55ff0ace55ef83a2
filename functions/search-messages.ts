import { MessagesPath } from "../lib/contract.ts"
import { type EndpointHandler, endpoint } from "../lib/http/endpoint.ts"
import { messagesPath } from "../lib/http/paths.ts"
import { answerSearch, SearchInput, SearchOptions, SearchParameters } from "../lib/http/searches.ts"
import { searchChat } from "../lib/search/search-chat.ts"
import { searchRuntime } from "../lib/search-runtime.ts"

// GET /applications/{token}/chats/{chat_number}/messages/search
const searchByParameters = endpoint({
  path: MessagesPath,
  query: SearchParameters,
  run: ({ path: { token, chat_number: chat }, query }, scope) =>
    answerSearch(messagesPath(token, chat), "number", query, (asked) =>
      searchChat(searchRuntime(scope), token, chat, asked),
    ),
})

// POST /applications/{token}/chats/{chat_number}/messages/search
const searchByBody = endpoint({
  path: MessagesPath,
  query: SearchOptions,
  body: SearchInput,
  run: ({ path: { token, chat_number: chat }, query, body }, scope) =>
    answerSearch(messagesPath(token, chat), "number", { ...query, ...body }, (asked) =>
      searchChat(searchRuntime(scope), token, chat, asked),
    ),
})

export const handler: EndpointHandler = (event, context) =>
  event.requestContext.http.method === "POST" ? searchByBody(event, context) : searchByParameters(event, context)
