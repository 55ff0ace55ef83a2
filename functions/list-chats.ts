import { listChats } from "../lib/chats.ts"
import { ApplicationPath } from "../lib/contract.ts"
import { endpoint } from "../lib/http/endpoint.ts"
import { answerList, ListQuery } from "../lib/http/pages.ts"
import { chatsPath } from "../lib/http/paths.ts"
import { runtime } from "../lib/runtime.ts"

// GET /applications/{token}/chats
export const handler = endpoint({
  path: ApplicationPath,
  query: ListQuery,
  run: ({ path: { token }, query }, scope) =>
    answerList({ path: chatsPath(token), keyedBy: "number" }, query, (page) => listChats(runtime(scope), token, page)),
})
