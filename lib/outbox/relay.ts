/**
 * DESIGN. The relay sends again what has waited too long: events in the outbox (their send or their persist was lost) and
 * entries of pending_index. Each is claimed with a time of its next attempt and a growing back-off before it is sent, so
 * several relays share the work and a long backlog does not flood the queue. Before anything is claimed, those who are to
 * take it are asked whether they are there: an attempt that cannot succeed would only make the next one later.
 */
import type { Client } from "@elastic/elasticsearch"
import { sql } from "kysely"
import { reachMysql } from "../clients/mysql.ts"
import { DependencyAway } from "../errors.ts"
import type { IndexEvent } from "../events.ts"
import { describeError, log } from "../log.ts"
import { keyRanges } from "../persist/key-ranges.ts"
import { purgeDue, removeExpiredTombstones } from "../persist/purge.ts"
import type { Stores } from "../stores.ts"
import { SHARDS } from "./keys.ts"

/** Claimed and sent at a time: a handful of calls to the queue. */
const CLAIM_COUNT = 500
/** Doubles with each attempt, in seconds, up to the maximum. */
const INDEX_BACKOFF_SECONDS = 60
const INDEX_BACKOFF_MAX_SECONDS = 600

/** The same as for a readiness check. */
const PING_TIMEOUT_MS = 1_000

export type Relayed = { events: number; indexEvents: number }

/** Sends what is due until nothing is, or for about `budgetMs`, then purges what was deleted. */
export async function relay(stores: Stores, budgetMs: number): Promise<Relayed> {
  const deadline = Date.now() + budgetMs
  const relayed = { events: 0, indexEvents: 0 }
  await reachMysql(() => stores.mysql.selectFrom("persist_locks").select("stripe").limit(1).execute())
  if (await answers("sqs", () => stores.sqs.depth(stores.config.PERSIST_QUEUE_URL))) {
    relayed.events = await relayOutbox(stores, deadline)
    if (await answers("elasticsearch", () => ping(stores.elasticsearch))) {
      relayed.indexEvents = await relayPendingIndex(stores, deadline)
    }
  }
  await purgeDue(stores, Math.max(0, deadline - Date.now()))
  await removeExpiredTombstones(stores, Math.max(0, deadline - Date.now()))
  return relayed
}

const ping = (elasticsearch: Client) => elasticsearch.info({}, { requestTimeout: PING_TIMEOUT_MS })

async function answers(name: string, ask: () => Promise<unknown>): Promise<boolean> {
  try {
    await ask()
    return true
  } catch (error) {
    log.warn("nothing relayed", { away: name, error: describeError(error, 1) })
    return false
  }
}

async function relayOutbox(stores: Stores, deadline: number): Promise<number> {
  let count = 0
  try {
    for (const shard of SHARDS) {
      while (Date.now() < deadline) {
        const events = await stores.outbox.claim(shard, CLAIM_COUNT)
        const byApplication = Map.groupBy(events, ({ application }) => application)
        const sends = [...byApplication].map(([application, list]) =>
          stores.persistQueue.send(
            application,
            list.map((event) => JSON.stringify(event)),
          ),
        )
        await Promise.all(sends)
        count += events.length
        if (events.length < CLAIM_COUNT) break
      }
    }
  } catch (error) {
    if (!(error instanceof DependencyAway)) throw error
    log.warn("outbox not relayed", { error: describeError(error) })
  }
  return count
}

async function relayPendingIndex(stores: Stores, deadline: number): Promise<number> {
  let count = 0
  try {
    while (Date.now() < deadline) {
      const events = await reachMysql(() => claimPendingIndex(stores))
      const byApplication = Map.groupBy(events, ({ application }) => application)
      const sends = [...byApplication].map(([application, list]) =>
        stores.indexQueue.send(
          application,
          list.map((event) => JSON.stringify(event)),
        ),
      )
      await Promise.all(sends)
      count += events.length
      if (events.length < CLAIM_COUNT) break
    }
  } catch (error) {
    if (!(error instanceof DependencyAway)) throw error
    log.warn("pending index not relayed", { error: describeError(error) })
  }
  return count
}

async function claimPendingIndex({ mysql }: Stores): Promise<IndexEvent[]> {
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
