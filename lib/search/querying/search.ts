/** The endpoints' searches: checks the parents, asks the index behind its breaker, and highlights the matches. */
import { setImmediate } from "node:timers/promises"
import { deletedChats, requireChat } from "../../chats.ts"
import type { ApplicationSearchHit, Question, SearchHit } from "../../contract.ts"
import { DependencyAway, invalid } from "../../errors.ts"
import { answered } from "../../members.ts"
import { createPage } from "../../page-bytes.ts"
import type { SearchStores } from "../../stores.ts"
import { type FoldedQuery, fold } from "../folding/fold.ts"
import { highlight } from "../folding/highlight.ts"
import { isSearchAway, isUnanswered } from "../search-errors.ts"
import { type Found, positionOf, type SearchAnswer, type SearchScope, searchIndex } from "./query-index.ts"

/** Searches take milliseconds; a request has nine seconds in all. */
const SEARCH_TIMEOUT_MS = 3_000
/** After that long another request gets its turn. The longest bodies take 5 to 40 ms each. */
const TURN_MS = 20

type Hits = Pick<SearchAnswer, "next" | "total"> & { data: ApplicationSearchHit[] }

type FoldedQuestion = Omit<Question, "query"> & { query?: FoldedQuery }

/** Throws invalid_request if the query folds to nothing. */
function foldQuery({ query, ...question }: Question): FoldedQuestion {
  if (query === undefined) return question
  const folded = fold(query)
  if (folded.trim() === "") throw invalid("query", "has nothing that could be searched for")
  return { ...question, query: folded as FoldedQuery }
}

/**
 * Returns the hits that fit a page, highlighted if there was a query. A hundred long bodies take a second, so other
 * requests get turns in between.
 */
export async function highlightHits(hits: Found[], query?: FoldedQuery): Promise<ApplicationSearchHit[]> {
  const page = createPage<ApplicationSearchHit>()
  let turnAt = performance.now()
  for (const hit of hits) {
    if (performance.now() - turnAt > TURN_MS) {
      await setImmediate()
      turnAt = performance.now()
    }
    if (!page.add({ ...answered(hit), ...(query && { highlight: highlight(hit.body, query) }) })) break
  }
  return page.items
}

/** Returns a page of hits. Throws DependencyAway while Elasticsearch is away. */
async function findHits(stores: SearchStores, scope: SearchScope, question: FoldedQuestion): Promise<Hits> {
  const request = { ...scope, ...question, timeoutMs: SEARCH_TIMEOUT_MS }
  try {
    const { hits, next, total } = await stores.searchBreaker.run(
      () => searchIndex(stores.elasticsearch, stores.config.ELASTICSEARCH_INDEX, request),
      isUnanswered,
    )
    const data = await highlightHits(hits, question.query)
    const last = data.at(-1)
    return { data, next: last && data.length < hits.length ? positionOf(scope, last) : next, total }
  } catch (error) {
    if (error instanceof DependencyAway) throw error
    throw isSearchAway(error) ? new DependencyAway("elasticsearch", error) : error
  }
}

/**
 * Returns the messages of a living chat that the question asks for. Throws not_found without the chat, invalid_request if
 * the query folds to nothing, DependencyAway while Elasticsearch is away.
 */
export async function searchChat(stores: SearchStores, application: string, chat: number, question: Question) {
  const folded = foldQuery(question)
  await requireChat(stores, application, chat)
  const { data, ...page } = await findHits(stores, { application, chat }, folded)
  return { ...page, data: data.map(({ chat_number: _, ...hit }): SearchHit => hit) }
}

/** Returns the messages of an application's living chats that the question asks for. Throws as `searchChat`. */
export async function searchApplication(stores: SearchStores, application: string, question: Question) {
  const folded = foldQuery(question)
  const without = await deletedChats(stores, application)
  return findHits(stores, { application, without }, folded)
}
