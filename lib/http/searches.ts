import { z } from "zod"
import { LIMITS, type Order, type SearchHit, SearchQuery } from "../contract.ts"
import { invalid } from "../errors.ts"
import { Cursor, LimitParameter, listParameters, OrderParameter, pageReply, pageRequest, refinePage } from "./pages.ts"
import { messagesPath } from "./paths.ts"
import type { Reply } from "./replies.ts"

const order = OrderParameter.meta({ description: "By number: newest first unless told.", default: "desc" })

/** The parameters of a search in a query string. */
export const searchOptions = { limit: LimitParameter, order, cursor: Cursor }
export const searchParameters = { query: SearchQuery, ...searchOptions }

/** A search goes on by cursor only: Elasticsearch pays for every hit that an offset skips. */
const page = z
  .string()
  .optional()
  .refine((value) => value === undefined, "is not offered for a search: use cursor")

export const SearchParameters = z.object({ ...searchParameters, page })
export const SearchOptions = z.object({ ...searchOptions, page })

/** A search in a body; what it says comes before the same option in the query string. */
export const NewSearch = z.object({
  query: SearchQuery,
  limit: z.int().min(1).max(LIMITS.pageLimitMax).optional().meta({ default: LIMITS.pageLimitDefault }),
  order,
  cursor: Cursor,
})

/** `GET …/messages`: the list, or with `query` the search. */
export const messagesParameters = { ...listParameters, query: SearchQuery.optional() }
export const MessagesQuery = z.object(messagesParameters).superRefine((parameters, context) => {
  if (parameters.query === undefined) return refinePage(parameters, context)
  if (parameters.page !== undefined)
    context.addIssue({ code: "custom", path: ["page"], message: "is not offered for a search: use cursor" })
})

type Asked = {
  query: string
  limit?: number | undefined
  order?: Order | undefined
  cursor?: string | undefined
}
type Found = { data: SearchHit[]; next: number | null; total: number }
type Search = (asked: { query: string; order: Order; after?: number; limit: number }) => Promise<Found>

/** Answers a search of one chat's messages, newest first unless told, by `search`. */
export async function answerSearch(token: string, chat: number, asked: Asked, search: Search): Promise<Reply> {
  const { query, limit, order } = asked
  const path = `${messagesPath(token, chat)}/search`
  const list = { path: `${path}?${query}`, keyedBy: "number" } as const
  const request = pageRequest(list, asked, "desc")
  const after = request.after?.key
  if (typeof after === "string") throw invalid("cursor", "is not a cursor of this list")
  const found = await search({
    query,
    order: request.order,
    limit: request.limit,
    ...(after !== undefined && { after }),
  })
  const next = found.next === null ? null : { key: found.next }
  return pageReply(list, request.order, { ...found, next }, { path, given: { query, limit, order } })
}
