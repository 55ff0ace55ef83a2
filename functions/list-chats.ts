import { listChats } from "../lib/chats.ts"
import { endpoint } from "../lib/http/endpoint.ts"
import { answerList } from "../lib/http/pages.ts"
import * as operations from "../lib/operations/chats.ts"
import { runtime } from "../lib/runtime.ts"

export const handler = endpoint(operations.listChats, ({ path, params, query }, scope) =>
  answerList({ path, keyedBy: "number" }, query, async (page) => listChats(await runtime(scope), params.token, page)),
)
