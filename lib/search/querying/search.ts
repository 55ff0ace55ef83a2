/** What every search does, whatever it looks through: ask the index behind its breaker, and mark the matches. */
import type { ApplicationSearchHit, Question } from "../../contract.ts"
import { DependencyAway, invalid } from "../../errors.ts"
import type { SearchStores } from "../../stores.ts"
import { type FoldedQuery, fold } from "../folding/fold.ts"
import { highlight } from "../folding/highlight.ts"
import { isSearchAway, isUnanswered } from "../search-errors.ts"
import { type SearchAnswer, type SearchScope, searchIndex } from "./query-index.ts"

/** A search takes milliseconds; a request has nine seconds in all. */
const SEARCH_TIMEOUT_MS = 3_000

type Hits = Pick<SearchAnswer, "next" | "total"> & { data: ApplicationSearchHit[] }

/** Returns the query as it is searched for. Throws invalid_request for one that folds to nothing. */
export function foldQuery(query: string): FoldedQuery {
  const folded = fold(query)
  if (folded.trim() === "") throw invalid("query", "has nothing that could be searched for")
  return folded as FoldedQuery
}

/** A page of hits with their matches marked. Throws DependencyAway while Elasticsearch is away. */
export async function findHits(
  stores: SearchStores,
  scope: SearchScope,
  question: Question & { query: FoldedQuery },
): Promise<Hits> {
  const request = { ...scope, ...question, timeoutMs: SEARCH_TIMEOUT_MS }
  try {
    const { hits, next, total } = await stores.searchBreaker.run(
      () => searchIndex(stores.elasticsearch, stores.config.ELASTICSEARCH_INDEX, request),
      isUnanswered,
    )
    return { data: hits.map((hit) => ({ ...hit, highlight: highlight(hit.body, question.query) })), next, total }
  } catch (error) {
    if (error instanceof DependencyAway) throw error
    throw isSearchAway(error) ? new DependencyAway("elasticsearch", error) : error
  }
}
