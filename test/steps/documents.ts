// Reads everything that is in the index, and that ought to be, in the simplest way.
import type { SearchStores } from "../../lib/stores.ts"

const DOCUMENTS_MAX = 10_000

type Document = {
  application: string
  chat_number: number
  number: number
  body: string
  created_at: string
  updated_at: string
}

const inOrder = (a: Document, b: Document): number =>
  a.application < b.application
    ? -1
    : a.application > b.application
      ? 1
      : a.chat_number - b.chat_number || a.number - b.number

/** Returns every document that a search can find. */
export async function documentsOf({ elasticsearch, config }: SearchStores): Promise<Document[]> {
  const _source = ["application", "chat_number", "number", "body", "created_at", "updated_at"]
  const { hits } = await elasticsearch.search<Document>({
    index: config.ELASTICSEARCH_INDEX,
    size: DOCUMENTS_MAX,
    _source,
  })
  if (hits.hits.length >= DOCUMENTS_MAX) throw new Error("there are more documents than a test can read")
  return hits.hits.flatMap(({ _source: source }) => source ?? []).sort(inOrder)
}

/** Returns the documents that the rows require. */
export async function rowsAsDocuments({ mysql }: SearchStores): Promise<Document[]> {
  const rows = await mysql.selectFrom("messages").selectAll().execute()
  return rows
    .map(
      ({ application, chat, number, body, created_at, updated_at }): Document => ({
        application,
        chat_number: chat,
        number,
        body,
        created_at: created_at.toISOString(),
        updated_at: updated_at.toISOString(),
      }),
    )
    .sort(inOrder)
}
