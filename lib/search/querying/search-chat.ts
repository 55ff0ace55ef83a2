import { requireChat } from "../../chats.ts"
import type { Question, SearchHit } from "../../contract.ts"
import type { SearchStores } from "../../stores.ts"
import { findHits, foldQuery } from "./search.ts"

/**
 * The messages of a living chat that contain the query. Throws not_found without the chat, invalid_request for a query
 * that folds to nothing, DependencyAway while Elasticsearch is away.
 */
export async function searchChat(stores: SearchStores, application: string, chat: number, question: Question) {
  const query = foldQuery(question.query)
  await requireChat(stores, application, chat)
  const { data, ...page } = await findHits(stores, { application, chat }, { ...question, query })
  return { ...page, data: data.map(({ chat_number: _, ...hit }): SearchHit => hit) }
}
