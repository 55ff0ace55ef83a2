import { deletedChats } from "../../chats.ts"
import type { Question } from "../../contract.ts"
import type { SearchStores } from "../../stores.ts"
import { findHits, foldQuery } from "./search.ts"

/**
 * The messages of all living chats of a living application that contain the query. Throws not_found without the
 * application, invalid_request for a query that folds to nothing, DependencyAway while Elasticsearch is away.
 */
export async function searchApplication(stores: SearchStores, application: string, question: Question) {
  const query = foldQuery(question.query)
  const without = await deletedChats(stores, application)
  return findHits(stores, { application, without }, { ...question, query })
}
