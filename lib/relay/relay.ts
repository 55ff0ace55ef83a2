/**
 * DESIGN. The relay sends again what has waited too long: outbox events whose send or persist was lost, and entries of
 * pending_index. Before sending, it claims each with a growing back-off, so several relays share the work and a long
 * backlog does not flood the queue. Before claiming, it asks whether the receivers are there: a futile attempt would
 * only delay the next.
 *
 * A run repeats its pass as soon as remaining work is due, or each second while a dependency is away. So everything is
 * sent within seconds of a dependency's return, though runs begin each minute. In good health all remaining work is
 * seconds old, and the run ends.
 */
import { setTimeout as sleep } from "node:timers/promises"
import { sql } from "kysely"
import { keyRanges } from "../clients/key-ranges.ts"
import { reachMysql } from "../clients/mysql.ts"
import { retentionOf } from "../config.ts"
import { DependencyAway } from "../errors.ts"
import type { IndexEvent } from "../events.ts"
import { describeError, log } from "../log.ts"
import { SHARDS } from "../outbox/keys.ts"
import { RELAY_AFTER_MS } from "../outbox/scripts/writes.ts"
import { INDEX_RELAY_AFTER_MS } from "../persist/persist-events.ts"
import { purgeDue, removeExpiredTombstones } from "../persist/purge.ts"
import { isSearchAway } from "../search/search-errors.ts"
import type { SearchStores } from "../stores.ts"
import { settleShards } from "../write/settle.ts"
import { requireIndex } from "./require-index.ts"

/** Claims per batch: a handful of calls to the queue. */
const CLAIM_COUNT = 500
/** Seconds; the back-off doubles with each attempt up to the maximum. */
const INDEX_BACKOFF_SECONDS = 60
const INDEX_BACKOFF_MAX_SECONDS = 600

/** The least time between passes, and the interval while a dependency is away. */
const RETRY_MS = 1_000
/** In good health events are taken off within this; those that remain need the relay. */
const SETTLED_AFTER_MS = 3_000
/** Purging pauses after this to see what is due. */
const PURGE_SLICE_MS = 5_000

export type Relayed = { events: number; indexEvents: number }
/**
 * Times are by the monotonic clock. `unpurged`: the last pass left something to purge. `retainedUntil`: when stored events
 * are to be taken off next, Infinity if none are retained.
 */
type Run = { deadline: number; relayed: Relayed; away: Set<string>; unpurged: boolean; retainedUntil: number }

/** Sends what is due and purges what was deleted, for about `budgetMs` at most. Never throws DependencyAway. */
export async function relay(stores: SearchStores, budgetMs: number): Promise<Relayed> {
  const relayed = { events: 0, indexEvents: 0 }
  const deadline = performance.now() + budgetMs
  const run: Run = { deadline, relayed, away: new Set(), unpurged: false, retainedUntil: Infinity }
  do await answers(run, "mysql", () => pass(stores, run))
  while (await untilDue(stores, run))
  return relayed
}

async function pass(stores: SearchStores, run: Run): Promise<void> {
  run.unpurged = false
  const { mysql, queues } = stores
  await answers(run, "stored events", () => retireStored(stores, run))
  await reachMysql(() => mysql.selectFrom("persist_locks").select("stripe").limit(1).execute())
  if (await answers(run, "sqs", () => queues.persist.depth())) {
    // Readers of changes wait for it, and without a write nobody else would.
    await answers(run, "shards", () => settleShards(stores))
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

/** Returns whether `ask` is answered. Logs that a dependency is away, once until it answers again. */
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

/** Waits for the next pass. Returns false if nothing is due before the deadline. */
async function untilDue(stores: SearchStores, { deadline, unpurged, retainedUntil }: Run): Promise<boolean> {
  const lookedAt = performance.now()
  let due = await nextDue(stores)
  if (!unpurged && due > lookedAt) {
    due = Math.min(due, retainedUntil)
    if (due >= deadline) return false
    await sleep(Math.min(SETTLED_AFTER_MS, Math.max(0, due - lookedAt)))
    due = Math.min(await nextDue(stores, lookedAt), retainedUntil)
  }
  const next = unpurged ? lookedAt : Math.max(due, performance.now() + RETRY_MS)
  if (next >= deadline) return false
  await sleep(Math.max(0, next - performance.now()))
  return true
}

/**
 * Returns when something is due next: at once if that cannot be read. With `since`, counts only work that, by its due
 * time, existed then.
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

/** Takes stored events off whose shards have no later batch that does. Throws the first failure at the end. */
async function retireStored({ outbox, config }: SearchStores, run: Run): Promise<void> {
  const lagMs = retentionOf(config)
  if (lagMs === undefined) return
  const asked = await Promise.allSettled(SHARDS.map((shard) => outbox.retire(shard, lagMs)))
  const waits = asked.flatMap((one) => (one.status === "fulfilled" && one.value !== undefined ? [one.value] : []))
  run.retainedUntil = performance.now() + Math.min(...waits, Infinity)
  const failure = asked.find((one) => one.status === "rejected")
  if (failure) throw failure.reason
}

/** Relays what it can reach, since the servers of a cluster may be away one by one. Throws the first failure at the end. */
async function relayOutbox(stores: SearchStores, run: Run): Promise<void> {
  let failure: DependencyAway | undefined
  for (const shard of SHARDS) {
    try {
      await relayShard(stores, shard, run)
    } catch (error) {
      if (!(error instanceof DependencyAway && error.dependency === "redis")) throw error
      failure ??= error
    }
  }
  if (failure) throw failure
}

async function relayShard({ outbox, queues }: SearchStores, shard: string, { deadline, relayed }: Run): Promise<void> {
  while (performance.now() < deadline) {
    const events = await outbox.claim(shard, CLAIM_COUNT)
    await queues.persist.send(events)
    relayed.events += events.length
    if (events.length < CLAIM_COUNT) break
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
