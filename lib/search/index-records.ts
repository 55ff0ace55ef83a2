/**
 * DESIGN. The index queue's consumer: keys → the rows as they are now → one bulk request → pending_index.
 *
 * A document is built from its row, with the row's revision as its external version; where the row is gone the document
 * is deleted with the revision of the event. So events may come in any order and any number. An entry of pending_index
 * is removed once its revision, or a newer one, is in every index that is written (see targets.ts); while Elasticsearch is
 * away the queue's messages are done with, since the relay sends the entries again.
 */
import type { SQSRecord } from "aws-lambda"
import { reachMysql } from "../clients/mysql.ts"
import { DependencyAway } from "../errors.ts"
import { type IndexEvent, keyText } from "../events.ts"
import { describeError, hashToken, log } from "../log.ts"
import { keyRanges, revisionRanges } from "../persist/key-ranges.ts"
import { receiveCount } from "../queue/consumer.ts"
import { RECEIVES_MAX } from "../queue/queues.ts"
import type { SearchStores } from "../stores.ts"
import { indexDocuments } from "./index-documents.ts"
import { readOperations } from "./read-operations.ts"
import { isSearchAway, SearchIndexMissing } from "./search-errors.ts"
import { isOwnVersion, readTargets, targetsAre, writesAlias } from "./targets.ts"

/** Within a consumer's ten seconds, so that its answer still counts. */
const BULK_TIMEOUT_MS = 5_000
/** Of the same ten seconds; what an index that is being built has not taken by then, it takes later. */
const BUILD_TIMEOUT_MS = 2_500

/** At a time: one read of MySQL and a bulk request or two. */
const GROUP_EVENTS_MAX = 1_000
/** Of a consumer's ten seconds. What has not begun by then goes to the queue again. */
const BEGIN_WITHIN_MS = 2_500

/** Indexes the messages that `records` name. Answers the ids of the queue messages that must come again. */
export async function indexRecords(stores: SearchStores, records: SQSRecord[]): Promise<string[]> {
  const failed: string[] = []
  const events = new Map<string, IndexEvent>()
  for (const record of records) {
    const parsed = stores.queues.index.decode(record.body)
    if (!parsed) {
      if (!(await rejectUnreadable(stores, record))) failed.push(record.messageId)
      continue
    }
    for (const event of parsed) {
      const other = events.get(keyText(event))
      if (!other || Number(event.revision) > Number(other.revision)) events.set(keyText(event), event)
    }
  }
  await indexInGroups(stores, [...events.values()])
  return failed
}

/** What is not indexed is not lost: every one of the events stands in pending_index, for the relay to send. */
async function indexInGroups(stores: SearchStores, events: IndexEvent[]): Promise<void> {
  const started = performance.now()
  for (let first = 0; first < events.length; first += GROUP_EVENTS_MAX) {
    const isLate = performance.now() - started > BEGIN_WITHIN_MS
    try {
      // After a backlog a batch may hold more than it has time for; the relay would wait for a minute.
      if (isLate) return await stores.queues.index.send(events.slice(first))
      await indexAll(stores, events.slice(first, first + GROUP_EVENTS_MAX))
    } catch (error) {
      if (!(error instanceof DependencyAway) && !isSearchAway(error)) throw error
      return log.warn("indexing postponed", { events: events.length - first, error: describeError(error) })
    }
  }
}

async function indexAll(stores: SearchStores, events: IndexEvent[]): Promise<void> {
  const { mysql, elasticsearch, config } = stores
  const alias = config.ELASTICSEARCH_INDEX
  const { generation, live, building } = await reachMysql(() => readTargets(mysql, alias))
  // An index of another version waits for code that knows how to write it; its entries stay.
  if (live === null || !isOwnVersion(alias, live)) throw new SearchIndexMissing(alias)
  const operations = await readOperations(mysql, events)
  const write = (index: string, timeoutMs: number) =>
    indexDocuments(elasticsearch, writesAlias(index), operations, { timeoutMs })
  const { done, failed } = await write(live, BULK_TIMEOUT_MS)
  if (building !== null) {
    const built = isOwnVersion(alias, building) ? await unlessAway(() => write(building, BUILD_TIMEOUT_MS)) : undefined
    for (const index of done) if (!built?.done.has(index)) done.delete(index)
  }
  const indexed = [...done].flatMap((index) => {
    const [event, operation] = [events[index], operations[index]]
    return event && operation ? [{ ...event, revision: String(operation.revision) }] : []
  })
  await reachMysql(() => removePending(stores, indexed, generation))
  const refused = failed.filter(({ retryable }) => !retryable)
  for (const { index, status, reason } of refused) {
    const event = events[index]
    // Elasticsearch's own words after the type of the error may quote the document.
    if (event) await bury(stores, event, `${status} ${reason.split(":")[0]}`)
  }
}

/** A build that has ended, or not begun yet, is nobody's concern but its own: the entries stay. */
async function unlessAway<T>(write: () => Promise<T>): Promise<T | undefined> {
  try {
    return await write()
  } catch (error) {
    if (isSearchAway(error)) return undefined
    throw error
  }
}

/** Removes what has been done: entries of these keys whose revision is not newer, if the targets are still the same. */
async function removePending({ mysql, config }: SearchStores, events: IndexEvent[], generation: number): Promise<void> {
  if (events.length === 0) return
  /** With revisions that have been indexed: an entry raised since then stays. */
  const remove = async (entries: Parameters<typeof revisionRanges>[0]): Promise<number> => {
    const { numDeletedRows } = await mysql
      .deleteFrom("pending_index")
      .where(revisionRanges(entries))
      .where(targetsAre(config.ELASTICSEARCH_INDEX, generation))
      .executeTakeFirst()
    return Number(numDeletedRows)
  }
  // An entry is written with its row, so nearly always it has the row's revision.
  const removed = await remove(events.map((event) => ({ ...event, revision: Number(event.revision) })))
  if (removed >= events.length) return
  const entries = await mysql
    .selectFrom("pending_index")
    .select(["application", "chat", "message", "revision"])
    .where(keyRanges(events, "message"))
    .execute()
  const done = new Map(events.map((event) => [keyText(event), Number(event.revision)]))
  const older = entries.filter((entry) => entry.revision <= (done.get(keyText(entry)) ?? 0))
  if (older.length > 0) await remove(older)
}

/** A document that Elasticsearch refuses for what it is: dead, with its reason, and not sent again. */
async function bury({ mysql, queues }: SearchStores, event: IndexEvent, reason: string): Promise<void> {
  log.error("document is dead", { application: hashToken(event.application), reason })
  await queues.index.bury(event, reason)
  await reachMysql(() =>
    mysql
      .updateTable("pending_index")
      .set({ due_at: null })
      .where(keyRanges([event], "message"))
      .where("revision", "<=", Number(event.revision))
      .execute(),
  )
}

/** A message that is no list of keys comes again until its last receive, then is dead. Answers whether it is done with. */
async function rejectUnreadable({ queues }: SearchStores, record: SQSRecord): Promise<boolean> {
  if (receiveCount(record) < RECEIVES_MAX) return false
  log.error("message is unreadable", { message_id: record.messageId })
  try {
    await queues.index.bury(record.body, queues.index.unreadable)
    return true
  } catch {
    return false
  }
}
