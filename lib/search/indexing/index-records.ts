/**
 * DESIGN. The index queue's consumer: keys → the rows as they are now → bulk requests → pending_index.
 *
 * A document is built from its row, whose revision is its external version; without a row it is deleted with the
 * event's revision. So events may come in any order and number. An entry of pending_index is removed once its revision,
 * or a newer one, is in every index that is written (see targets.ts).
 */

import { keyRanges, revisionRanges } from "../../clients/key-ranges.ts"
import { reachMysql } from "../../clients/mysql.ts"
import { DependencyAway } from "../../errors.ts"
import { type IndexEvent, keyText } from "../../events.ts"
import { hashToken, log } from "../../log.ts"
import type { Consumption, Envelope } from "../../queue/consumer.ts"
import type { SearchStores } from "../../stores.ts"
import { loggedOrigins, originsOf } from "../../trace.ts"
import { isSearchAway, SearchIndexMissing } from "../search-errors.ts"
import { indexDocuments } from "./index-documents.ts"
import { readOperations } from "./read-operations.ts"
import { isOwnVersion, readTargets, targetsAre, writesAlias } from "./targets.ts"

/** Part of a consumer's ten seconds, so that its answer still counts. */
const BULK_TIMEOUT_MS = 5_000
/** Part of the same ten seconds; an index being built catches up later. */
const BUILD_TIMEOUT_MS = 2_500

/** Returns the consumption of the index queue; its events are also in pending_index, for the relay to send. */
export const indexMessages = (stores: SearchStores): Consumption<IndexEvent> => ({
  queue: stores.queues.index,
  run: (envelopes) => indexGroup(stores, envelopes),
  unkept: async () => [],
})

async function indexGroup(stores: SearchStores, envelopes: Envelope<IndexEvent>[]): Promise<string[]> {
  const latest = new Map<string, IndexEvent>()
  for (const event of envelopes.flatMap(({ events }) => events)) {
    const other = latest.get(keyText(event))
    if (!other || Number(event.revision) > Number(other.revision)) latest.set(keyText(event), event)
  }
  try {
    await indexAll(stores, [...latest.values()])
  } catch (error) {
    if (isSearchAway(error)) throw new DependencyAway("elasticsearch", error)
    throw error
  }
  return []
}

async function indexAll(stores: SearchStores, events: IndexEvent[]): Promise<void> {
  const { mysql, elasticsearch, config } = stores
  const alias = config.ELASTICSEARCH_INDEX
  const { generation, live, building } = await reachMysql(() => readTargets(mysql, alias))
  // An index of another version waits for code that can write it; its entries stay.
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
    // Elasticsearch's text after the error type may quote the document.
    if (event) await bury(stores, event, `${status} ${reason.split(":")[0]}`)
  }
}

/** Returns undefined if the index being built is away or missing; its entries then stay for the relay. */
async function unlessAway<T>(write: () => Promise<T>): Promise<T | undefined> {
  try {
    return await write()
  } catch (error) {
    if (isSearchAway(error)) return undefined
    throw error
  }
}

/** Removes entries of these keys that are not newer, if the targets are unchanged. */
async function removePending({ mysql, config }: SearchStores, events: IndexEvent[], generation: number): Promise<void> {
  if (events.length === 0) return
  /** Matches the indexed revisions exactly: an entry raised since stays. */
  const remove = async (entries: Parameters<typeof revisionRanges>[0]): Promise<number> => {
    const { numDeletedRows } = await mysql
      .deleteFrom("pending_index")
      .where(revisionRanges(entries))
      .where(targetsAre(config.ELASTICSEARCH_INDEX, generation))
      .executeTakeFirst()
    return Number(numDeletedRows)
  }
  // An entry is written with its row, so it nearly always has the row's revision.
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

/** Buries an event whose document Elasticsearch refuses for good, with its reason. */
async function bury({ mysql, queues }: SearchStores, event: IndexEvent, reason: string): Promise<void> {
  log.error("document is dead", {
    application: hashToken(event.application),
    reason,
    ...loggedOrigins(originsOf([event])),
  })
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
