import type { Client, estypes } from "@elastic/elasticsearch"
import type { Position, Question } from "../../contract.ts"
import { chatText } from "../../events.ts"
import { LIMITS } from "../../limits.ts"
import { MESSAGE_MEMBERS } from "../../members.ts"
import type { FoldedQuery } from "../folding/fold.ts"
import type { MessageDocument } from "../indexing/index-mapping.ts"
import { answeredError, SearchIncomplete, SearchIndexMissing } from "../search-errors.ts"

/** Searches one chat, or an application except its deleted chats (`without`). */
export type SearchScope = { application: string } & ({ chat: number } | { without: number[] })

/** Without `query` it finds all that the filters let through. `timeoutMs` bounds the search, on the server too. */
export type SearchRequest = SearchScope & Omit<Question, "query"> & { query?: FoldedQuery; timeoutMs: number }

/** The document members that an answer has, as they were indexed. */
const FOUND = ["chat_number", "number", ...MESSAGE_MEMBERS, "created_at", "updated_at"] as const
export type Found = Pick<MessageDocument, (typeof FOUND)[number]>

export type SearchAnswer = {
  hits: Found[]
  /** All matches, not only the page's: exact up to LIMITS.searchTotalMax, its maximum. */
  total: number
  /** The next page's `after`; null on the last one. */
  next: Position | null
}

/** Code points of the longest n-grams in the sub-field for short ones, and of all in the other. */
const SHORT_GRAM_MAX = 2
const LONG_GRAM = 3

/** What is read of an answer; the rest, such as each hit's id and sort values, is half of it for short messages. */
const ANSWER_PARTS = ["timed_out", "hits.total", "hits.hits._source"]

/** The server gives up before the client does, so that its answer still arrives. */
const SERVER_TIMEOUT_SHARE = 0.9

function containing(folded: FoldedQuery): estypes.QueryDslQueryContainer {
  const codePoints = [...folded].length
  if (codePoints === 0) throw new Error("a query that folds to nothing must be refused before it is searched")
  if (codePoints <= SHORT_GRAM_MAX) return { term: { "folded_body.grams_1_2": folded } }
  if (codePoints === LONG_GRAM) return { term: { "folded_body.grams_3": folded } }
  // A phrase of any length is one clause to Lucene, so indices.query.bool.max_clause_count sets no bound.
  return { match_phrase: { "folded_body.grams_3": folded } }
}

type Clauses = Pick<estypes.QueryDslBoolQuery, "filter" | "must_not">

function within(request: SearchRequest): Clauses {
  const { application, from, to, exact = {} } = request
  const isBounded = from !== undefined || to !== undefined
  const times = {
    ...(from !== undefined && { gte: from }),
    ...(to !== undefined && { lte: to }),
    format: "epoch_millis",
  }
  const range = isBounded ? [{ range: { effective_at: times } }] : []
  const terms = Object.entries(exact).map(([field, value]) => ({ term: { [field]: value } }))
  if ("chat" in request)
    return { filter: [{ term: { chat_key: chatText({ application, chat: request.chat }) } }, ...range, ...terms] }
  const keys = request.without.map((chat) => chatText({ application, chat }))
  return {
    filter: [{ term: { application } }, ...range, ...terms],
    ...(keys.length > 0 && { must_not: [{ terms: { chat_key: keys } }] }),
  }
}

/**
 * Returns the order of hits, and where the page begins. A chat sorts by number alone: with the chat key in front, every
 * match would be visited (36 ms instead of 4 in a large chat). An application sorts by time, then by chat and number.
 */
function sorting(request: SearchRequest): Pick<estypes.SearchRequest, "sort" | "search_after"> {
  const { order, after } = request
  if ("chat" in request) return { sort: [{ number: { order } }], ...(after && { search_after: [after.key] }) }
  const time = after && new Date(after.createdAt ?? 0).toISOString()
  return {
    sort: [{ created_at: { order, format: "strict_date_time" } }, { chat_number: { order } }, { number: { order } }],
    ...(after && { search_after: [time ?? "", after.chat ?? 0, after.key] }),
  }
}

function searchBody(request: SearchRequest): estypes.SearchRequest {
  const { application, query, limit, timeoutMs } = request
  const { filter, ...others } = within(request)
  return {
    query: { bool: { filter: [filter ?? [], query === undefined ? [] : containing(query)].flat(), ...others } },
    ...sorting(request),
    size: limit + 1, // one more tells whether there is a next page
    track_total_hits: LIMITS.searchTotalMax,
    _source: [...FOUND],
    routing: application,
    timeout: `${Math.max(1, Math.floor(timeoutMs * SERVER_TIMEOUT_SHARE))}ms`,
    allow_partial_search_results: false,
  }
}

/**
 * Returns the messages of a chat, by number, or of an application, by time, whose folded body contains the folded
 * query. Pages never skip or repeat a message that was searchable when the first one was read. Throws
 * SearchIndexMissing, SearchIncomplete, or the client's error; isSearchAway tells which are temporary.
 */
export async function searchIndex(client: Client, alias: string, request: SearchRequest): Promise<SearchAnswer> {
  const { limit, timeoutMs } = request
  let answer: estypes.SearchResponse<Found>
  try {
    const asked = { index: alias, ...searchBody(request), filter_path: ANSWER_PARTS }
    answer = await client.search(asked, { requestTimeout: timeoutMs })
  } catch (error) {
    if (answeredError(error)?.type === "index_not_found_exception") throw new SearchIndexMissing(alias, error)
    throw error
  }
  if (answer.timed_out) throw new SearchIncomplete(`not within ${timeoutMs} ms`)
  // Without a hit the answer has no list of them.
  const found = (answer.hits.hits ?? []).flatMap(({ _source }) => (_source ? [_source] : []))
  const hits = found.slice(0, limit)
  const total = typeof answer.hits.total === "number" ? answer.hits.total : (answer.hits.total?.value ?? 0)
  const last = found.length > limit ? hits.at(-1) : undefined
  return { hits, total, next: last === undefined ? null : positionOf(request, last) }
}

type Place = Pick<Found, "number" | "chat_number" | "created_at">

/** Returns the position of a hit, after which the next page begins. */
export function positionOf(scope: SearchScope, { number, chat_number, created_at }: Place): Position {
  return "chat" in scope ? { key: number } : { key: number, chat: chat_number, createdAt: Date.parse(created_at) }
}
