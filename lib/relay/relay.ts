/**
 * DESIGN. The relay sends again what has waited too long: events in the outbox (their send or their persist was lost) and
 * entries of pending_index. Each is claimed with a time of its next attempt and a growing back-off before it is sent, so
 * several relays share the work and a long backlog does not flood the queue. Before anything is claimed, those who are to
 * take it are asked whether they are there: an attempt that cannot succeed would only make the next one later.
 *
 * A run makes one pass, and another one as soon as what is still there is due, or each second while a dependency is
 * away. So what waits is sent within seconds of the dependency being back, though runs begin each minute. In good health
 * all that is there was written in the last seconds: then the run ends.
 */
import { setTimeout as sleep } from "node:timers/promises"
import { sql } from "kysely"
import { keyRanges } from "../clients/key-ranges.ts"
import { reachMysql } from "../clients/mysql.ts"
import { DependencyAway } from "../errors.ts"
import type { IndexEvent } from "../events.ts"
import { describeError, log } from "../log.ts"
import { SHARDS } from "../outbox/keys.ts"
import { RELAY_AFTER_MS } from "../outbox/scripts/writes.ts"
import { INDEX_RELAY_AFTER_MS } from "../persist/persist-events.ts"
import { purgeDue, removeExpiredTombstones } from "../persist/purge.ts"
import { isSearchAway } from "../search/search-errors.ts"
import type { SearchStores } from "../stores.ts"
import { requireIndex } from "./require-index.ts"

/** Claimed and sent at a time: a handful of calls to the queue. */
const CLAIM_COUNT = 500
/** Doubles with each attempt, in seconds, up to the maximum. */
const INDEX_BACKOFF_SECONDS = 60
const INDEX_BACKOFF_MAX_SECONDS = 600

/** Between two passes at least; so often, while a dependency is away. */
const RETRY_MS = 1_000
/** In good health what was accepted is taken off within this; what is still there needs the relay. */
const SETTLED_AFTER_MS = 3_000
/** Purging goes on for this long before what is due is looked at again. */
const PURGE_SLICE_MS = 5_000

export type Relayed = { events: number; indexEvents: number }
/** Times are those of the monotonic clock. `unpurged`: the last pass has left something to purge. */
type Run = { deadline: number; relayed: Relayed; away: Set<string>; unpurged: boolean }

/**
 * Sends what is due and purges what was deleted, for about `budgetMs` at most: until nothing is left that is due within
 * that time. Never throws DependencyAway.
 */
export async function relay(stores: SearchStores, budgetMs: number): Promise<Relayed> {
  const relayed = { events: 0, indexEvents: 0 }
  const run: Run = { deadline: performance.now() + budgetMs, relayed, away: new Set(), unpurged: false }
  do await answers(run, "mysql", () => pass(stores, run))
  while (await untilDue(stores, run))
  return relayed
}

async function pass(stores: SearchStores, run: Run): Promise<void> {
  run.unpurged = false
  const { mysql, queues } = stores
  await reachMysql(() => mysql.selectFrom("persist_locks").select("stripe").limit(1).execute())
  if (await answers(run, "sqs", () => queues.persist.depth())) {
    await answers(run, "outbox", () => relayOutbox(stores, run))
    if (await answers(run, "elasticsearch", () => requireIndex(stores))) {
      await answers(run, "pending index", () => relayPendingIndex(stores, run))
    }
  }
  const sliceEnd = Math.min(run.deadline, performance.now() + PURGE_SLICE_MS)
  await purgeDue(stores, sliceEnd - performance.now())
  await removeExpiredTombstones(stores, sliceEnd - performance.now())
  run.unpurged = performance.now() >= sliceEnd
}

/** Whether `ask` is answered; that a dependency is away is logged once in a run. */
async function answers({ away }: Run, name: string, ask: () => Promise<unknown>): Promise<boolean> {
  try {
    await ask()
    away.delete(name)
    return true
  } catch (error) {
    if (!(error instanceof DependencyAway) && !isSearchAway(error)) throw error
    if (!away.has(name)) log.warn("nothing relayed", { away: name, error: describeError(error, 1) })
    away.add(name)
    return false
  }
}

/** Waits for the next pass. Answers false when there is nothing to wait for before the deadline. */
async function untilDue(stores: SearchStores, { deadline, unpurged }: Run): Promise<boolean> {
  const lookedAt = performance.now()
  let due = await nextDue(stores)
  if (!unpurged && due > lookedAt) {
    if (due >= deadline) return false
    await sleep(Math.min(SETTLED_AFTER_MS, due - lookedAt))
    due = await nextDue(stores, lookedAt)
  }
  const next = unpurged ? lookedAt : Math.max(due, performance.now() + RETRY_MS)
  if (next >= deadline) return false
  await sleep(next - performance.now())
  return true
}

/**
 * When something is due next: now, where that cannot be asked. With `since` only what was there then counts, as far as
 * its due time can tell.
 */
async function nextDue({ outbox, mysql }: SearchStores, since?: number): Promise<number> {
  const counts = (due: number, afterMs: number) => (since === undefined || due <= since + afterMs ? due : Infinity)
  const unknown = (error: unknown): number => {
    if (!(error instanceof DependencyAway)) throw error
    return 0
  }
  const first = mysql.selectFrom("pending_index").select("due_at").where("due_at", "is not", null)
  const [event, entry] = await Promise.all([
    outbox.nextDue().then((waitMs) => (waitMs === undefined ? Infinity : performance.now() + waitMs), unknown),
    reachMysql(() => first.orderBy("due_at").limit(1).executeTakeFirst()).then(
      (row) => (row?.due_at ? performance.now() + row.due_at.getTime() - Date.now() : Infinity),
      unknown,
    ),
  ])
  return Math.min(counts(event, RELAY_AFTER_MS), counts(entry, INDEX_RELAY_AFTER_MS))
}

async function relayOutbox(stores: SearchStores, { deadline, relayed }: Run): Promise<void> {
  for (const shard of SHARDS) {
    while (performance.now() < deadline) {
      const events = await stores.outbox.claim(shard, CLAIM_COUNT)
      await stores.queues.persist.send(events)
      relayed.events += events.length
      if (events.length < CLAIM_COUNT) break
    }
  }
}

async function relayPendingIndex(stores: SearchStores, { deadline, relayed }: Run): Promise<void> {
  while (performance.now() < deadline) {
    const events = await reachMysql(() => claimPendingIndex(stores))
    await stores.queues.index.send(events)
    relayed.indexEvents += events.length
    if (events.length < CLAIM_COUNT) break
  }
}

async function claimPendingIndex({ mysql }: SearchStores): Promise<IndexEvent[]> {
  return mysql.transaction().execute(async (tx) => {
    const entries = await tx
      .selectFrom("pending_index")
      .select(["application", "chat", "message", "revision"])
      .where("due_at", "<=", new Date())
      .orderBy("due_at")
      .limit(CLAIM_COUNT)
      .forUpdate()
      .skipLocked()
      .execute()
    if (entries.length === 0) return []
    const backoff = sql`least(${INDEX_BACKOFF_SECONDS} * pow(2, least(attempts, 16)), ${INDEX_BACKOFF_MAX_SECONDS})`
    await tx
      .updateTable("pending_index")
      .set({
        due_at: sql<Date>`date_add(${new Date()}, interval ${backoff} second)`,
        attempts: sql<number>`attempts + 1`,
      })
      .where(keyRanges(entries, "message"))
      .execute()
    return entries.map(({ revision, ...key }) => ({ ...key, revision: String(revision) }))
  })
}
