import { isDeepStrictEqual } from "node:util"
import type { Client, estypes } from "@elastic/elasticsearch"
import { keyRanges } from "../../clients/key-ranges.ts"
import { type Mysql, reachMysql } from "../../clients/mysql.ts"
import { keyText, type ResourceKey } from "../../events.ts"
import { documentOf, type MessageDocument, type MessageRow } from "../../search/indexing/index-mapping.ts"

/** Hundreds of documents by id take tens of milliseconds; a busy Elasticsearch takes longer. */
const READ_TIMEOUT_MS = 30_000
/** Documents per page: keys and versions only. */
const SCAN_PAGE = 1_000
/** Versions are revisions in µs: one this far beyond the clock and its row would refuse the message's next changes. */
const AHEAD_MAX_US = 60_000_000

/** A document as it is now, refreshed or not. */
export type StoredDocument = { version: number; source: MessageDocument }
export type DocumentKey = { application: string; chat: number; number: number; version: number }

export async function readDocuments(
  elasticsearch: Client,
  index: string,
  keys: ResourceKey[],
): Promise<Map<string, StoredDocument>> {
  if (keys.length === 0) return new Map()
  const docs = keys.map((key) => ({ _id: keyText(key), routing: key.application }))
  const answer = await elasticsearch.mget<MessageDocument>({ index, docs }, { requestTimeout: READ_TIMEOUT_MS })
  const found = new Map<string, StoredDocument>()
  for (const doc of answer.docs) {
    if ("error" in doc && doc.error) throw new Error(`a document cannot be read: ${doc.error.type}`)
    if ("found" in doc && doc.found && doc._source)
      found.set(doc._id, { version: doc._version ?? 0, source: doc._source })
  }
  return found
}

export type Difference = "missing_document" | "stale_document" | undefined

/** Returns how a row's document differs from it; a later version of the same content does not. */
export function compare(row: MessageRow, document: StoredDocument | undefined): Difference {
  if (!document) return "missing_document"
  const { version, source } = document
  const isSame =
    version >= row.revision &&
    version < Math.max(row.revision, Date.now() * 1_000) + AHEAD_MAX_US &&
    isDeepStrictEqual(source, documentOf(row))
  return isSame ? undefined : "stale_document"
}

/** Reads the keys and versions of all documents, or of one application's, in the index's sort order. */
export async function* walkDocuments(
  elasticsearch: Client,
  index: string,
  { application, signal }: { application?: string | undefined; signal?: AbortSignal | undefined },
): AsyncGenerator<DocumentKey[]> {
  let after: estypes.SortResults | undefined
  for (;;) {
    signal?.throwIfAborted()
    const { hits } = await elasticsearch.search<MessageDocument>(
      {
        index,
        query: application === undefined ? { match_all: {} } : { term: { application } },
        ...(application === undefined ? {} : { routing: application }),
        sort: [{ chat_key: "asc" }, { number: "desc" }],
        ...(after === undefined ? {} : { search_after: after }),
        size: SCAN_PAGE,
        track_total_hits: false,
        version: true,
        _source: ["application", "chat_number", "number"],
        allow_partial_search_results: false,
      },
      { requestTimeout: READ_TIMEOUT_MS },
    )
    const keys = hits.hits.flatMap(({ _source, _version }) =>
      _source
        ? [
            {
              application: _source.application,
              chat: _source.chat_number,
              number: _source.number,
              version: _version ?? 0,
            },
          ]
        : [],
    )
    if (keys.length > 0) yield keys
    if (hits.hits.length < SCAN_PAGE) return
    after = hits.hits.at(-1)?.sort
  }
}

export async function readRows(mysql: Mysql, keys: ResourceKey[]): Promise<Map<string, MessageRow>> {
  if (keys.length === 0) return new Map()
  const rows = await reachMysql(() =>
    mysql.selectFrom("messages").selectAll().where(keyRanges(keys, "number")).execute(),
  )
  return new Map(rows.map((row) => [keyText({ ...row, message: row.number }), row]))
}

export async function readRowKeys(mysql: Mysql, keys: ResourceKey[]): Promise<Set<string>> {
  if (keys.length === 0) return new Set()
  const rows = await reachMysql(() =>
    mysql.selectFrom("messages").select(["application", "chat", "number"]).where(keyRanges(keys, "number")).execute(),
  )
  return new Set(rows.map((row) => keyText({ ...row, message: row.number })))
}

/** Returns the keys that have an entry of pending_index still to be sent. */
export async function readPendingKeys(mysql: Mysql, keys: ResourceKey[]): Promise<Set<string>> {
  if (keys.length === 0) return new Set()
  const entries = await reachMysql(() =>
    mysql
      .selectFrom("pending_index")
      .select(["application", "chat", "message", "due_at"])
      .where(keyRanges(keys, "message"))
      .execute(),
  )
  return new Set(entries.filter(({ due_at }) => due_at !== null).map(keyText))
}
