/**
 * DESIGN. Writes documents so that what counts as done is on Elasticsearch's disk, even when that is full.
 *
 * A revision is an external version, so the newest of several writes stays, in any order. The same revision is written
 * again (`external_gte`) rather than refused: a refusal would prove that it was seen, not that it was kept.
 *
 * The second request is the confirmation. When a shard's log cannot be written since the disk is full, Elasticsearch
 * closes it, and for a moment acknowledges writes that it has not kept ("we already synced everything on engine close",
 * InternalEngine). A closed log takes nothing more, so a later write under the same primary term proves that the
 * earlier ones were kept.
 */
import type { Client, estypes } from "@elastic/elasticsearch"
import { keyText, type ResourceKey } from "../../events.ts"
import { isRefusedForGood, SearchIndexMissing } from "../search-errors.ts"
import type { MessageDocument } from "./index-mapping.ts"

/** The write of a message's document; null deletes it. A revision is a whole number below 2^53. */
export type IndexOperation = ResourceKey & { revision: string | bigint; document: MessageDocument | null }

/** `index` is the operation's position. */
export type FailedOperation = { index: number; status: number; reason: string; retryable: boolean }

export type IndexOutcome = {
  /** Positions of the operations that are on disk, or overtaken by something newer. */
  done: Set<number>
  failed: FailedOperation[]
}

/**
 * Bytes of a bulk request: ten thousand short messages, or a hundred of the largest. Elasticsearch takes 100 MB, but
 * throttles by the sum of requests in flight (10 % of its heap).
 */
const BULK_BYTES_MAX = 4 * 1024 * 1024

/** What is read of an answer; the rest repeats each key, which costs both sides more than this. */
const ANSWER_PARTS = ["status", "error.type", "error.reason", "_primary_term"].map((part) => `items.*.${part}`)

/** Bounds the wait for a shard that has no place: short, so that the answer still reports the other shards' items. */
const SHARD_WAIT_MS = 1_000

const HTTP_CONFLICT = 409
const HTTP_NOT_FOUND = 404

/** Returns the revision as an external version. Throws if it is not exact, since a rounded one compares wrong. */
function externalVersion(revision: string | bigint): number {
  const version = Number(revision)
  if (!Number.isSafeInteger(version) || version < 0)
    throw new Error(`the revision ${revision} is not a whole number below 2^53`)
  return version
}

/** Returns the operation's lines in the bulk format, without the last line break. */
function bulkLines({ revision, document, ...key }: IndexOperation): string {
  const action = {
    _id: keyText(key),
    routing: key.application,
    version: externalVersion(revision),
    version_type: "external_gte",
  }
  if (document === null) return JSON.stringify({ delete: action })
  return `${JSON.stringify({ index: action })}\n${JSON.stringify(document)}`
}

type Bulk = { operations: string[]; indices: number[]; bytes: number }

/** Splits the operations into requests of at most BULK_BYTES_MAX; a larger operation goes alone. */
function splitIntoBulks(operations: readonly IndexOperation[]): Bulk[] {
  const bulks: Bulk[] = []
  let bulk: Bulk | undefined
  for (const [index, operation] of operations.entries()) {
    const lines = bulkLines(operation)
    const bytes = Buffer.byteLength(lines) + 1 // its line break
    if (!bulk || bulk.bytes + bytes > BULK_BYTES_MAX) {
      bulk = { operations: [], indices: [], bytes: 0 }
      bulks.push(bulk)
    }
    bulk.operations.push(lines)
    bulk.indices.push(index)
    bulk.bytes += bytes
  }
  return bulks
}

/** Returns why the operation is not done, or undefined. */
function failureOf(alias: string, item: estypes.BulkResponseItem): Omit<FailedOperation, "index"> | undefined {
  const { status, error } = item
  // A delete of an absent document answers 404 and still leaves its revision as a tombstone.
  if (!error) return undefined
  if (status === HTTP_CONFLICT) return undefined // the document has a newer revision, which has an event of its own
  if (status === HTTP_NOT_FOUND && error.type === "index_not_found_exception") throw new SearchIndexMissing(alias)
  const retryable = !isRefusedForGood({ status, type: error.type })
  return { status, reason: `${error.type}: ${error.reason ?? ""}`, retryable }
}

/** A document that never exists; deleting it is the cheapest write. */
const CONFIRMATION_ID = "confirmation"

/** Writes to the shard of each application. Returns the primary terms of the shards that took it. */
async function confirm(write: (operations: object[]) => Promise<estypes.BulkResponse>, applications: string[]) {
  const { items } = await write(applications.map((routing) => ({ delete: { _id: CONFIRMATION_ID, routing } })))
  const terms = new Map<string, number | undefined>()
  for (const [position, application] of applications.entries()) {
    const item = items[position]?.delete
    if (item && !item.error) terms.set(application, item._primary_term)
  }
  return terms
}

/**
 * Writes the documents of `operations`, in bulk requests of a bounded size, one after the other. Each operation stands
 * alone: a revision older than the document's is ignored and counts as done, and a deleted document stays deleted for
 * `gc_deletes`. Refused ones are in `failed`; `retryable` ones (throttled, a shard away, not confirmed) may succeed
 * later. `timeoutMs` bounds each request, the last one together with the confirmation.
 *
 * Throws SearchIndexMissing if the alias points to no index (none is made by accident), or the client's error if a
 * request got no answer: any part may then be done, and the whole call can be repeated.
 */
export async function indexDocuments(
  client: Client,
  alias: string,
  operations: readonly IndexOperation[],
  { timeoutMs }: { timeoutMs: number },
): Promise<IndexOutcome> {
  let deadline = 0
  const write = (lines: (string | object)[]) =>
    client.bulk(
      {
        ...{ index: alias, require_alias: true, timeout: `${SHARD_WAIT_MS}ms` },
        ...{ operations: lines as string[], filter_path: ANSWER_PARTS },
      },
      { requestTimeout: Math.max(1, Math.ceil(deadline - performance.now())) },
    )
  const outcome: IndexOutcome = { done: new Set(), failed: [] }
  /** The primary terms of the written operations, by position. */
  const written = new Map<number, number | undefined>()
  for (const bulk of splitIntoBulks(operations)) {
    deadline = performance.now() + timeoutMs
    const { items } = await write(bulk.operations)
    for (const [position, index] of bulk.indices.entries()) {
      const item = Object.values(items[position] ?? {})[0]
      const failure = item ? failureOf(alias, item) : { status: 0, reason: "not in the answer", retryable: true }
      if (failure) outcome.failed.push({ index, ...failure })
      else if (item?.error) outcome.done.add(index)
      else written.set(index, item?._primary_term)
    }
  }
  if (written.size === 0) return outcome
  const applicationAt = (index: number): string => operations[index]?.application ?? ""
  const terms = await confirm(write, [...new Set([...written.keys()].map(applicationAt))])
  for (const [index, term] of written) {
    if (term !== undefined && terms.get(applicationAt(index)) === term) outcome.done.add(index)
    else outcome.failed.push({ index, status: 0, reason: "not confirmed", retryable: true })
  }
  return outcome
}
