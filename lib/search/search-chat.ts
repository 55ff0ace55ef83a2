import { requireChat } from "../chats.ts"
import type { Order, SearchHit } from "../contract.ts"
import { DependencyAway, invalid } from "../errors.ts"
import type { Stores } from "../stores.ts"
import { fold } from "./fold.ts"
import { highlight } from "./highlight.ts"
import { isSearchAway, isUnanswered } from "./search-errors.ts"
import { searchIndex } from "./search-messages.ts"

/** A search takes milliseconds; a request has nine seconds in all. */
const SEARCH_TIMEOUT_MS = 3_000

type ChatSearch = { query: string; order: Order; after?: number; limit: number }
export type ChatSearchAnswer = { data: SearchHit[]; next: number | null; total: number }

/**
 * The messages of a living chat that contain the query. Throws not_found without the chat, invalid_request for a query
 * that folds to nothing, DependencyAway while Elasticsearch is away.
 */
export async function searchChat(
  stores: Stores,
  application: string,
  chat: number,
  { query, order, after, limit }: ChatSearch,
): Promise<ChatSearchAnswer> {
  if (fold(query).trim() === "") throw invalid("query", "has nothing that could be searched for")
  await requireChat(stores, application, chat)
  try {
    const request = { application, chat, query, order, after: after ?? null, limit, timeoutMs: SEARCH_TIMEOUT_MS }
    const { hits, next, total } = await stores.searchBreaker.run(
      () => searchIndex(stores.elasticsearch, stores.config.ELASTICSEARCH_INDEX, request),
      isUnanswered,
    )
    return { data: hits.map((hit) => ({ ...hit, highlight: highlight(hit.body, query) })), next, total }
  } catch (error) {
    if (error instanceof DependencyAway) throw error
    throw isSearchAway(error) ? new DependencyAway("elasticsearch", error) : error
  }
}
