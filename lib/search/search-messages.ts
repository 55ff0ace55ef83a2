import type { Client, estypes } from "@elastic/elasticsearch"
import { LIMITS, type Order } from "../contract.ts"
import { fold } from "./fold.ts"
import { chatKey } from "./index-mapping.ts"
import { answeredError, SearchIncomplete, SearchIndexMissing } from "./search-errors.ts"

export type SearchRequest = {
  application: string
  chat: number
  /** Not folded yet. */
  query: string
  order: Order
  /** The last number of the page before, null for the first page. */
  after: number | null
  limit: number
  /** For the whole search; after it the server stops working on it, too. */
  timeoutMs: number
}

/** A message as it was when it was indexed. Times are RFC 3339 in UTC with milliseconds. */
export type SearchedMessage = { number: number; body: string; created_at: string; updated_at: string }

export type SearchAnswer = {
  hits: SearchedMessage[]
  /** All matches of the chat, on whatever page: exact up to LIMITS.searchTotalMax, and never more than that. */
  total: number
  /** The `after` of the next page, null on the last one. */
  next: number | null
}

/** How many code points the sub-fields of `folded_body` hold in a term. */
const GRAM_SIZES = 3

/** The server gives up a little before the client does, so that its answer still arrives. */
const SERVER_TIMEOUT_SHARE = 0.9

/** The query that matches the documents whose folded body contains `folded`, which must not be empty. */
function containing(folded: string): estypes.QueryDslQueryContainer {
  const codePoints = [...folded].length
  if (codePoints === 0) throw new Error("a query that folds to nothing must be refused before it is searched")
  if (codePoints <= GRAM_SIZES) return { term: { [`folded_body.grams_${codePoints}`]: folded } }
  // To Lucene a phrase is one clause however long it is, so indices.query.bool.max_clause_count sets no bound here.
  return { match_phrase: { [`folded_body.grams_${GRAM_SIZES}`]: folded } }
}

function searchBody(request: SearchRequest): estypes.SearchRequest {
  const { application, chat, query, order, after, limit, timeoutMs } = request
  return {
    query: { bool: { filter: [{ term: { chat_key: chatKey(application, chat) } }, containing(fold(query))] } },
    // By number alone: with the chat key in front, every match would be visited (36 ms instead of 4 in a large chat).
    sort: [{ number: { order } }],
    ...(after === null ? {} : { search_after: [after] }),
    size: limit + 1, // one more tells whether there is a next page
    track_total_hits: LIMITS.searchTotalMax,
    _source: ["number", "body", "created_at", "updated_at"],
    routing: application,
    timeout: `${Math.max(1, Math.floor(timeoutMs * SERVER_TIMEOUT_SHARE))}ms`,
    allow_partial_search_results: false,
  }
}

/**
 * The messages of one chat whose folded body contains the folded query (fold.ts), by number.
 * A page never skips or repeats a message that was searchable when the first page was read.
 * Throws SearchIndexMissing, SearchIncomplete, or the client's error; isSearchAway tells which of them are passing.
 */
export async function searchIndex(client: Client, alias: string, request: SearchRequest): Promise<SearchAnswer> {
  const { limit, timeoutMs } = request
  let answer: estypes.SearchResponse<SearchedMessage>
  try {
    answer = await client.search({ index: alias, ...searchBody(request) }, { requestTimeout: timeoutMs })
  } catch (error) {
    if (answeredError(error)?.type === "index_not_found_exception") throw new SearchIndexMissing(alias, error)
    throw error
  }
  if (answer.timed_out) throw new SearchIncomplete(`not within ${timeoutMs} ms`)
  const found = answer.hits.hits.flatMap(({ _source }) => (_source ? [_source] : []))
  const hits = found.slice(0, limit)
  const total = typeof answer.hits.total === "number" ? answer.hits.total : (answer.hits.total?.value ?? 0)
  return { hits, total, next: found.length > limit ? (hits.at(-1)?.number ?? null) : null }
}
