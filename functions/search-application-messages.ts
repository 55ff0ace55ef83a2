import { ApplicationPath } from "../lib/contract.ts"
import { type EndpointHandler, endpoint } from "../lib/http/endpoint.ts"
import { applicationMessagesPath } from "../lib/http/paths.ts"
import { answerSearch, SearchInput, SearchOptions, SearchParameters } from "../lib/http/searches.ts"
import { searchApplication } from "../lib/search/search-application.ts"
import { searchRuntime } from "../lib/search-runtime.ts"

// GET /applications/{token}/messages/search
const searchByParameters = endpoint({
  path: ApplicationPath,
  query: SearchParameters,
  run: ({ path: { token }, query }, scope) =>
    answerSearch(applicationMessagesPath(token), "hit", query, (asked) =>
      searchApplication(searchRuntime(scope), token, asked),
    ),
})

// POST /applications/{token}/messages/search
const searchByBody = endpoint({
  path: ApplicationPath,
  query: SearchOptions,
  body: SearchInput,
  run: ({ path: { token }, query, body }, scope) =>
    answerSearch(applicationMessagesPath(token), "hit", { ...query, ...body }, (asked) =>
      searchApplication(searchRuntime(scope), token, asked),
    ),
})

export const handler: EndpointHandler = (event, context) =>
  event.requestContext.http.method === "POST" ? searchByBody(event, context) : searchByParameters(event, context)
