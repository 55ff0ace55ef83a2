/**
 * DESIGN. Writes a wrong document as its row is now, or deletes it without a row, at once and in every index that is
 * written. The index consumer may not: to it, a document of a later version than the row's is done, whatever it says.
 *
 * The version is the row's revision if the index accepts that, else slightly more, since a document deleted or changed
 * by hand has left a later version. Only slightly, since the message's next revision must be greater: revisions are µs,
 * and a change comes milliseconds later at the least.
 */
import type { Client } from "@elastic/elasticsearch"
import { type Mysql, reachMysql } from "../../clients/mysql.ts"
import { type IndexEvent, keyText } from "../../events.ts"
import { type IndexOperation, indexDocuments } from "../../search/indexing/index-documents.ts"
import { readOperations } from "../../search/indexing/read-operations.ts"
import { isOwnVersion, readTargets, writesAlias } from "../../search/indexing/targets.ts"
import type { SearchStores } from "../../stores.ts"
import type { WrongDocument } from "./check-documents.ts"
import { compare, readDocuments, readRows, type StoredDocument } from "./compare-documents.ts"

const BULK_TIMEOUT_MS = 30_000
/** Steps to try in turn: a delete by hand leaves 1 above the row's revision, edits a few more. */
const STEPS_US = [0, 2, 16, 256]
/** Versions further ahead are left to a reindex. */
const NEAR_US = 256

/** Repairs `documents`. Remaining differences are found by the next verification, and repaired by a reindex. */
export async function repairDocuments(stores: SearchStores, documents: WrongDocument[]): Promise<void> {
  const { mysql, elasticsearch, config } = stores
  const alias = config.ELASTICSEARCH_INDEX
  const { live, building } = await reachMysql(() => readTargets(mysql, alias))
  for (const index of [live, building]) {
    if (index === null || !isOwnVersion(alias, index)) continue
    let left = documents
    for (const step of STEPS_US) {
      if (left.length === 0) break
      await writeOnce(mysql, elasticsearch, index, left, step)
      left = await stillWrong(mysql, elasticsearch, index, left)
    }
  }
}

async function writeOnce(mysql: Mysql, elasticsearch: Client, index: string, left: WrongDocument[], step: number) {
  const events = left.map(({ version, ...key }): IndexEvent => ({ ...key, revision: String(version + 1) }))
  // Rows are read for each attempt: a message deleted since must not come back.
  const operations = await readOperations(mysql, events)
  const raised = operations.map((operation, position) => raise(operation, left[position]?.version ?? 0, step))
  await indexDocuments(elasticsearch, writesAlias(index), raised, { timeoutMs: BULK_TIMEOUT_MS })
}

/** Raises the revision above the document's version, if that is near. */
function raise(operation: IndexOperation, version: number, step: number): IndexOperation {
  if (operation.document === null) return operation
  const revision = Number(operation.revision)
  const isNear = version >= revision && version - revision <= NEAR_US
  return { ...operation, revision: String((isNear ? version + 1 : revision) + step) }
}

async function stillWrong(mysql: Mysql, elasticsearch: Client, index: string, left: WrongDocument[]) {
  const rows = await readRows(mysql, left)
  const documents: Map<string, StoredDocument> = await readDocuments(elasticsearch, index, left)
  return left.filter(({ application, chat, message }) => {
    const id = keyText({ application, chat, message })
    const row = rows.get(id)
    return row ? compare(row, documents.get(id)) !== undefined : documents.has(id)
  })
}
