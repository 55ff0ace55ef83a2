import { keyRanges } from "../../clients/key-ranges.ts"
import { type Mysql, reachMysql } from "../../clients/mysql.ts"
import { type IndexEvent, keyText } from "../../events.ts"
import type { IndexOperation } from "./index-documents.ts"
import { documentOf, type MessageRow } from "./index-mapping.ts"

export const operationOf = (row: MessageRow): IndexOperation => ({
  application: row.application,
  chat: row.chat,
  message: row.number,
  revision: String(row.revision),
  document: documentOf(row),
})

/** Returns the operations that bring the documents of `events`, in order, to their rows; without a row they delete. */
export async function readOperations(mysql: Mysql, events: IndexEvent[]): Promise<IndexOperation[]> {
  if (events.length === 0) return []
  const rows = await reachMysql(() =>
    mysql.selectFrom("messages").selectAll().where(keyRanges(events, "number")).execute(),
  )
  const byKey = new Map(rows.map(operationOf).map((operation) => [keyText(operation), operation]))
  return events.map(
    ({ application, chat, message, revision }): IndexOperation =>
      byKey.get(keyText({ application, chat, message })) ?? { application, chat, message, revision, document: null },
  )
}
