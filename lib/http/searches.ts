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
import { named, numberBound } from "../schemas.ts"
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

/** Returns whether these parameters ask for a search. */
export const isSearch = ({ query, sender }: { query?: string | undefined; sender?: string | undefined }): boolean =>
  query !== undefined || sender !== undefined

const NO_PAGE = "is not offered for a search: use cursor"
/** Searches continue by cursor only: Elasticsearch pays for every hit that an offset skips. */
const page = z.never(NO_PAGE).optional()

const options = { ...searchFilters, limit: LimitParameter, order, cursor: Cursor, page }
export const SearchOptions = z.object(options)
export const SearchParameters = z.object({ query: SearchQuery.optional(), ...options })

/** A search in a body, whose options override those in the query string. */
export const SearchInput = named("SearchInput", {
  query: SearchQuery.optional(),
  ...searchFilters,
  limit: z.int().min(1).max(LIMITS.pageLimitMax).optional().meta(limitMeta),
  order,
  cursor: Cursor,
  page,
})

const RANGE_NOTE = "The list's cursors keep it, so it cannot be given with a cursor, nor with page, query or sender."

/**
 * The parameters of `GET …/messages`, which lists or, with `query` or `sender`, searches. `order` has no default here,
 * since clients that send defaults would reverse each search; `page`, `after` and `before` have no example, since they
 * are refused beside them.
 */
const messagesParameters = {
  ...listParameters,
  order: OrderParameter.meta({
    description: "By number, asc by default; with `query` or `sender` desc.",
    examples: ["desc"],
  }),
  page: PageParameter,
  after: numberBound(`Only messages with a greater number; after 0 are all. ${RANGE_NOTE}`).optional(),
  before: numberBound(`Only messages with a smaller number. ${RANGE_NOTE}`).optional(),
  query: SearchQuery.optional(),
  ...searchFilters,
}

type MessagesParameters = z.infer<z.ZodObject<typeof messagesParameters>>

/** Refuses `after` and `before` beside another parameter that says where a list or search begins. */
function refineRange(parameters: MessagesParameters, context: z.RefinementCtx): void {
  const other = (["query", "sender", "cursor", "page"] as const).find((name) => parameters[name] !== undefined)
  if (other === undefined) return
  for (const name of ["after", "before"] as const)
    if (parameters[name] !== undefined)
      context.addIssue({ code: "custom", path: [name], message: `cannot be given with ${other}` })
}

export const MessagesQuery = z.object(messagesParameters).superRefine((parameters, context) => {
  refineRange(parameters, context)
  if (!isSearch(parameters)) {
    for (const name of FILTERS)
      if (parameters[name] !== undefined)
        context.addIssue({
          code: "custom",
          path: [name],
          message: "is offered for a search only: give a query or sender",
        })
    return refinePage(parameters, context)
  }
  if (parameters.page !== undefined) context.addIssue({ code: "custom", path: ["page"], message: NO_PAGE })
})

export type Asked = SearchFilters & {
  query?: string | undefined
  limit?: number | undefined
  order?: Order | undefined
  cursor?: string | undefined
}
type Found = { data: unknown[]; next: Position | null; total: number }

/** Returns the answer of a search at `path`, by default newest first. Throws invalid_request without query and sender. */
export async function answerSearch(
  path: string,
  keyedBy: "number" | "hit",
  asked: Asked,
  search: (question: Question) => Promise<Found>,
): Promise<Reply> {
  const { query, limit, order, from, to } = asked
  if (!isSearch(asked)) throw invalid("query", "is required, unless there is a sender")
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
    ...(query !== undefined && { query }),
    order: request.order,
    limit: request.limit,
    ...(request.after && { after: request.after }),
    // Messages have whole milliseconds, so bounds are rounded inwards.
    ...(from && { from: parseRfc3339(from, "up") }),
    ...(to && { to: parseRfc3339(to, "down") }),
    ...(Object.keys(exact).length > 0 && { exact }),
  })
  return pageReply(list, request, found, { path, given: { query, from, to, ...exact, limit, order } })
}
