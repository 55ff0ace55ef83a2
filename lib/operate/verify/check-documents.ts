/**
 * DESIGN. Compares MySQL and the index from both sides: each row with its document, then each document with its row.
 *
 * Under load a document lags behind its row, so each difference is read again by key until it is gone, or until five
 * reads a second apart have found it and no entry of `pending_index` is to be sent. Row and entry are written together,
 * and the entry is removed only once the document is there, so a difference without an entry is permanent.
 */

import { keyText, type ResourceKey } from "../../events.ts"
import type { MessageRow } from "../../search/indexing/index-mapping.ts"
import { walkMessages } from "../../search/rebuilding/walk-messages.ts"
import type { SearchStores } from "../../stores.ts"
import {
  compare,
  type DocumentKey,
  readDocuments,
  readPendingKeys,
  readRowKeys,
  readRows,
  walkDocuments,
} from "./compare-documents.ts"
import type { Example, Findings } from "./findings.ts"
import type { Rounds } from "./rounds.ts"

/** Suspects reread together, by key: some 100 KB. */
const SUSPECTS_MAX = 1_000

/** A wrong document, for the repair; `version` is 0 if there is none. */
export type WrongDocument = ResourceKey & { version: number }

export type DocumentCheck = {
  stores: SearchStores
  findings: Findings
  rounds: Rounds
  application: string | undefined
  signal: AbortSignal | undefined
  onWrong(documents: WrongDocument[]): Promise<void>
  /** Reports the rows (or documents) examined since the last call. */
  onLooked(count: number): void
}

const keyOf = (row: MessageRow): ResourceKey => ({ application: row.application, chat: row.chat, message: row.number })

/** Compares each row with its document, and passes the rows to `onRows` for other checks. */
export async function checkRows(check: DocumentCheck, onRows: (rows: MessageRow[]) => Promise<void>): Promise<void> {
  const { stores, application, signal } = check
  const suspects: ResourceKey[] = []
  for await (const rows of walkMessages(stores.mysql, { application, signal })) {
    const documents = await readDocuments(stores.elasticsearch, stores.config.ELASTICSEARCH_INDEX, rows.map(keyOf))
    for (const row of rows) if (compare(row, documents.get(keyText(keyOf(row))))) suspects.push(keyOf(row))
    if (suspects.length >= SUSPECTS_MAX) await settleRows(check, suspects.splice(0))
    await onRows(rows)
    check.onLooked(rows.length)
  }
  await settleRows(check, suspects)
}

async function settleRows(check: DocumentCheck, suspects: ResourceKey[]): Promise<void> {
  const { stores, rounds, findings } = check
  const index = stores.config.ELASTICSEARCH_INDEX
  let left = suspects
  let wrong: (WrongDocument & { kind: "missing_document" | "stale_document" })[] = []
  const settled = await rounds.until(async () => {
    if (left.length === 0) return true
    // The order matters: an entry that is gone has brought the document to this row or a later one.
    const rows = await readRows(stores.mysql, left)
    const pending = await readPendingKeys(stores.mysql, left)
    const documents = await readDocuments(stores.elasticsearch, index, left)
    wrong = []
    left = left.filter((key) => {
      const row = rows.get(keyText(key))
      const document = documents.get(keyText(key))
      const kind = row && compare(row, document)
      if (!kind) return false
      if (!pending.has(keyText(key))) wrong.push({ ...key, kind, version: document?.version ?? 0 })
      return true
    })
    return left.length === 0
  })
  if (settled) return
  for (const { kind, version: _version, ...key } of wrong) findings.add(kind, key)
  if (wrong.length > 0) await check.onWrong(wrong)
}

/** Looks for documents without a row. */
export async function checkSurplus(check: DocumentCheck): Promise<void> {
  const { stores, application, signal } = check
  const suspects: ResourceKey[] = []
  const index = stores.config.ELASTICSEARCH_INDEX
  for await (const documents of walkDocuments(stores.elasticsearch, index, { application, signal })) {
    const keys = documents.map(({ application, chat, number }: DocumentKey) => ({ application, chat, message: number }))
    const rows = await readRowKeys(stores.mysql, keys)
    suspects.push(...keys.filter((key) => !rows.has(keyText(key))))
    if (suspects.length >= SUSPECTS_MAX) await settleSurplus(check, suspects.splice(0))
    check.onLooked(documents.length)
  }
  await settleSurplus(check, suspects)
}

async function settleSurplus(check: DocumentCheck, suspects: ResourceKey[]): Promise<void> {
  const { stores, rounds, findings } = check
  let left = suspects
  let wrong: WrongDocument[] = []
  const settled = await rounds.until(async () => {
    if (left.length === 0) return true
    const pending = await readPendingKeys(stores.mysql, left)
    const documents = await readDocuments(stores.elasticsearch, stores.config.ELASTICSEARCH_INDEX, left)
    const rows = await readRowKeys(stores.mysql, left)
    left = left.filter((key) => documents.has(keyText(key)) && !rows.has(keyText(key)))
    wrong = left.flatMap((key) => {
      const version = documents.get(keyText(key))?.version ?? 0
      return pending.has(keyText(key)) ? [] : [{ ...key, version }]
    })
    return left.length === 0
  })
  if (settled) return
  for (const { version: _version, ...key } of wrong) findings.add("surplus_document", key satisfies Example)
  if (wrong.length > 0) await check.onWrong(wrong)
}
