import * as z from "zod"
import {
  type Order,
  type Position,
  type Question,
  type SearchFilters,
  SearchQuery,
  searchFilters,
} from "../contract.ts"
import { invalid } from "../errors.ts"
import { LIMITS } from "../limits.ts"
import { parseRfc3339 } from "../rfc3339.ts"
import { named } from "../schemas.ts"
import {
  Cursor,
  LimitParameter,
  limitMeta,
  listParameters,
  OrderParameter,
  PageParameter,
  pageReply,
  pageRequest,
  refinePage,
} from "./pages.ts"
import type { Reply } from "./reply/replies.ts"

const order = OrderParameter.meta({
  description: "Newest first by default.",
  default: "desc",
  examples: ["asc"],
})

const FILTERS = Object.keys(searchFilters) as (keyof SearchFilters)[]

const NO_PAGE = "is not offered for a search: use cursor"
/** Searches continue by cursor only: Elasticsearch pays for every hit that an offset skips. */
const page = z.never(NO_PAGE).optional()

const options = { ...searchFilters, limit: LimitParameter, order, cursor: Cursor, page }
export const SearchOptions = z.object(options)
export const SearchParameters = z.object({ query: SearchQuery, ...options })

/** A search in a body, whose options override those in the query string. */
export const SearchInput = named("SearchInput", {
  query: SearchQuery,
  ...searchFilters,
  limit: z.int().min(1).max(LIMITS.pageLimitMax).optional().meta(limitMeta),
  order,
  cursor: Cursor,
  page,
})

/**
 * The parameters of `GET …/messages`, which lists or, with `query`, searches. `order` has no default here, since
 * clients that send defaults would reverse each search; `page` has no example, since it is refused beside `query`.
 */
const messagesParameters = {
  ...listParameters,
  order: OrderParameter.meta({
    description: "By number, asc by default; with `query` desc.",
    examples: ["desc"],
  }),
  page: PageParameter,
  query: SearchQuery.optional(),
  ...searchFilters,
}
export const MessagesQuery = z.object(messagesParameters).superRefine((parameters, context) => {
  if (parameters.query === undefined) {
    for (const name of FILTERS)
      if (parameters[name] !== undefined)
        context.addIssue({ code: "custom", path: [name], message: "is offered for a search only: give a query" })
    return refinePage(parameters, context)
  }
  if (parameters.page !== undefined) context.addIssue({ code: "custom", path: ["page"], message: NO_PAGE })
})

export type Asked = SearchFilters & {
  query: string
  limit?: number | undefined
  order?: Order | undefined
  cursor?: string | undefined
}
type Found = { data: unknown[]; next: Position | null; total: number }

/** Returns the answer of a search at `path`, by default newest first. */
export async function answerSearch(
  path: string,
  keyedBy: "number" | "hit",
  asked: Asked,
  search: (question: Question) => Promise<Found>,
): Promise<Reply> {
  const { query, limit, order, from, to } = asked
  if (from && to && parseRfc3339(from, "down") > parseRfc3339(to, "down"))
    throw invalid("to", "must not be before from")
  const {
    from: _from,
    to: _to,
    ...exact
  } = Object.fromEntries(FILTERS.flatMap((name) => (asked[name] === undefined ? [] : [[name, asked[name]]])))
  // A cursor belongs to one query and its filters.
  const list = { path: `${path}?${JSON.stringify([query, from, to, ...Object.entries(exact).flat()])}`, keyedBy }
  const request = pageRequest(list, asked, "desc")
  const found = await search({
    query,
    order: request.order,
    limit: request.limit,
    ...(request.after && { after: request.after }),
    // Messages have whole milliseconds, so bounds are rounded inwards.
    ...(from && { from: parseRfc3339(from, "up") }),
    ...(to && { to: parseRfc3339(to, "down") }),
    ...(Object.keys(exact).length > 0 && { exact }),
  })
  return pageReply(list, request.order, found, { path, given: { query, from, to, ...exact, limit, order } })
}
