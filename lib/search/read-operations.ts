import { type Mysql, reachMysql } from "../clients/mysql.ts"
import { type IndexEvent, keyText } from "../events.ts"
import { keyRanges } from "../persist/key-ranges.ts"
import type { IndexOperation } from "./index-documents.ts"
import type { MessageRow } from "./walk-messages.ts"

/** The document of a row. */
export const operationOf = (row: MessageRow): IndexOperation & { kind: "index" } => ({
  kind: "index",
  application: row.application,
  chat: row.chat,
  number: row.number,
  revision: String(row.revision),
  body: row.body,
  createdAt: row.created_at.toISOString(),
  updatedAt: row.updated_at.toISOString(),
})

/** What brings the documents that `events` name to the rows as they are now: a document without a row goes. In order. */
export async function readOperations(mysql: Mysql, events: IndexEvent[]): Promise<IndexOperation[]> {
  if (events.length === 0) return []
  const rows = await reachMysql(() =>
    mysql.selectFrom("messages").selectAll().where(keyRanges(events, "number")).execute(),
  )
  const byKey = new Map(rows.map((row) => [`${row.application}/${row.chat}/${row.number}`, row]))
  return events.map((event): IndexOperation => {
    const row = byKey.get(keyText(event))
    if (row) return operationOf(row)
    const { application, chat, message: number, revision } = event
    return { kind: "delete", application, chat, number, revision }
  })
}
