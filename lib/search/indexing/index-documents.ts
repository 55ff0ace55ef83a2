/**
 * DESIGN. Documents written so that what counts as done is on Elasticsearch's disk, whatever its disk does.
 *
 * A revision is an external version, so of several writes of one document the newest stays, in any order. The same
 * revision is written again (`external_gte`) rather than refused: a refusal says that somebody's write of it has been
 * seen, not that it was kept.
 *
 * After the documents a second request is sent, the confirmation, for this: when the log of a shard cannot be written,
 * its disk being full, Elasticsearch closes the log, and for a moment answers writes as done that it has not kept ("we
 * already synced everything on engine close", InternalEngine). A closed log takes nothing more, so a later write that the
 * same life of the shard (its primary term) takes proves that what was answered before is kept.
 */
import type { Client, estypes } from "@elastic/elasticsearch"
import { keyText, type ResourceKey } from "../../events.ts"
import { fold } from "../folding/fold.ts"
import { SearchIndexMissing } from "../search-errors.ts"
import type { MessageDocument } from "./index-mapping.ts"

/** What becomes of a message's document; null: it goes. A revision is a whole number below 2^53. */
export type IndexOperation = ResourceKey & { revision: string | bigint; document: MessageDocument | null }

/** `index` is the position in the list of operations. */
export type FailedOperation = { index: number; status: number; reason: string; retryable: boolean }

export type IndexOutcome = {
  /** Positions of the operations that are in the index and on its disk, or that something newer has overtaken. */
  done: Set<number>
  failed: FailedOperation[]
}

/**
 * Bytes of one bulk request. Elasticsearch takes 100 MB and throttles by the sum of what is in flight (10 % of its heap),
 * so a few megabytes: about ten thousand short messages, or a hundred of the largest.
 */
const BULK_BYTES_MAX = 4 * 1024 * 1024

/**
 * How long the items of a shard that has no place wait for one: a small part of any request's time, so that the answer
 * still comes and tells the other shards' items as done.
 */
const SHARD_WAIT_MS = 1_000

const HTTP_CONFLICT = 409
const HTTP_NOT_FOUND = 404
const HTTP_TOO_MANY_REQUESTS = 429
const HTTP_SERVER_ERROR = 500

/** The revision as the document's external version. Throws when it cannot be one: a number rounded on the way compares wrong. */
function externalVersion(revision: string | bigint): number {
  const version = Number(revision)
  if (!Number.isSafeInteger(version) || version < 0)
    throw new Error(`the revision ${revision} is not a whole number below 2^53`)
  return version
}

/** The one or two lines of an operation in the bulk format, without the last line break. */
function bulkLines({ revision, document, ...key }: IndexOperation): string {
  const action = {
    _id: keyText(key),
    routing: key.application,
    version: externalVersion(revision),
    version_type: "external_gte",
  }
  if (document === null) return JSON.stringify({ delete: action })
  return `${JSON.stringify({ index: action })}\n${JSON.stringify({ ...document, folded_body: fold(document.body) })}`
}

type Bulk = { operations: string[]; indices: number[]; bytes: number }

/** Divides the operations into requests of at most BULK_BYTES_MAX (a single larger operation travels alone). */
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

/** Undefined when the operation is done, otherwise why it is not. */
function failureOf(alias: string, item: estypes.BulkResponseItem): Omit<FailedOperation, "index"> | undefined {
  const { status, error } = item
  // A delete of a document that is not there answers 404 and yet leaves its revision behind as a tombstone.
  if (!error) return undefined
  if (status === HTTP_CONFLICT) return undefined // the document has a newer revision, which has an event of its own
  if (status === HTTP_NOT_FOUND && error.type === "index_not_found_exception") throw new SearchIndexMissing(alias)
  // A block is lifted some day: the disk's flood stage (429), or a write block that an operator set (403).
  const blocked = error.type === "cluster_block_exception"
  const retryable = blocked || status === HTTP_TOO_MANY_REQUESTS || status >= HTTP_SERVER_ERROR
  return { status, reason: `${error.type}: ${error.reason ?? ""}`, retryable }
}

/** A document that is never there. To delete it is the cheapest write. */
const CONFIRMATION_ID = "confirmation"

/** Writes to the shard of each of these applications; answers the shard's primary term for each that could be written. */
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
 * Brings the documents of `operations` to the given revisions, in bulk requests of a bounded size, one after the other.
 * Each stands alone: an older revision than the document's is ignored and counts as done, whatever the order of arrival,
 * and a deleted document stays deleted for `gc_deletes`. What is refused is in `failed`; `retryable` ones (throttled, a
 * shard away, not confirmed) may succeed later. `timeoutMs` bounds each request, the last one together with the
 * confirmation.
 * Throws SearchIndexMissing when the alias points to no index (none is made by accident), or the client's error when a
 * request got no answer: then any part may have been done, and the whole call can be repeated.
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
      { index: alias, require_alias: true, operations: lines as string[], timeout: `${SHARD_WAIT_MS}ms` },
      { requestTimeout: Math.max(1, Math.ceil(deadline - performance.now())) },
    )
  const outcome: IndexOutcome = { done: new Set(), failed: [] }
  /** What was written, by position: in which primary term of its shard. */
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
