/**
 * DESIGN. Applications are listed by creation time over all shards, so that whoever has reached a position of the list
 * finds later creations beyond it. Within a shard, revisions grow whatever its clock does. Across shards, one key in a
 * slot of its own holds the latest creation time. Each creation, in the same round trip and before its own script, runs
 * one that advances that time to the clock's and returns the one before. Normally the clock is beyond it, and nothing
 * else happens. Otherwise the clock was set back (or is another node's, and slow): the application is moved behind all
 * others before its creation is answered, and this process's next ones get the revision to exceed.
 *
 * Promised: an application whose creation begins after another's was answered comes after it, whatever Redis' clocks
 * did in between. Within a millisecond the tokens decide.
 *
 * Absent: an order of concurrent creations; one never answered, since its process died, may stay where the clock put
 * it. Concurrent requests with one Idempotency-Key may be answered two times while their application is moved.
 *
 * In a new life of Redis the key may be gone or older. MySQL's latest time then counts as well, until an application
 * has been created behind both. Without MySQL applications are created all the same.
 */
import { reachMysql } from "../clients/mysql.ts"
import { DependencyAway } from "../errors.ts"
import { revisionTime } from "../events.ts"
import { describeError, log } from "../log.ts"
import { LATEST_CREATION_KEY } from "../outbox/keys.ts"
import type { Creation } from "../outbox/outbox.ts"
import { ADVANCE, NOTE, type Noted } from "../outbox/scripts/creation-order.ts"
import type { CreationReply } from "../outbox/scripts/writes.ts"
import type { Stores } from "../stores.ts"

/** A creation may exceed the noted clock by this without being noted, since lists distinguish only milliseconds. */
const UNTOLD_MAX_US = 1_000

/** In a later millisecond than the latest one, with one between them. */
const AHEAD_MS = 2

/** An accepted creation waits no longer for a MySQL that hangs. */
const LATEST_TIMEOUT_MS = 500

/** The latest creation this process knows of: the next ones begin behind it and need not be moved. */
const known = new WeakMap<Stores["redis"], number>()

const KEYS = { latest: LATEST_CREATION_KEY }

/** Creates an application, ordered after all whose creation was answered before. */
export async function createInOrder(stores: Stores, creation: Creation): Promise<CreationReply> {
  const { redis, outbox } = stores
  const noting = unlessAway(redis.run(NOTE, KEYS, { created: 0, askedIn: "" }))
  const [noted, reply] = await Promise.all([noting, outbox.create({ ...creation, after: known.get(redis) ?? 0 })])
  if (!noted) return reply
  const isNew = reply.status === "created"
  const placed = isNew ? ((await unlessAway(place(stores, creation, reply, noted))) ?? reply) : reply
  const revision = placed.status === "created" ? Number(placed.revision) : 0
  known.set(redis, Math.max(known.get(redis) ?? 0, noted.latest, revision))
  return placed
}

/** Returns undefined if a dependency is away: the creation is accepted all the same. */
async function unlessAway<T>(step: Promise<T>): Promise<T | undefined> {
  try {
    return await step
  } catch (error) {
    if (!(error instanceof DependencyAway)) throw error
    log.warn("an application may be listed before older ones", { error: describeError(error, 1) })
    return undefined
  }
}

type Created = Extract<CreationReply, { revision: string }>

async function place(stores: Stores, creation: Creation, created: Created, noted: Noted): Promise<Created> {
  const latest = noted.sure ? noted.latest : Math.max(noted.latest, await latestPersisted(stores))
  const askedIn = noted.sure ? "" : noted.run
  let placed = created
  if (Number(created.revision) <= latest) placed = await moveOn(stores, creation, created, latest)
  if (askedIn !== "" || Number(placed.revision) > noted.now + UNTOLD_MAX_US) {
    await stores.redis.run(NOTE, KEYS, { created: placed.revision, askedIn })
  }
  return placed
}

/** Returns the last microsecond of the latest stored creation's millisecond, since rows have milliseconds only. */
async function latestPersisted({ mysql }: Stores): Promise<number> {
  const latest = mysql.selectFrom("applications").select("created_at").orderBy("created_at", "desc").limit(1)
  const row = await reachMysql(() => latest.executeTakeFirst(), LATEST_TIMEOUT_MS)
  return row ? row.created_at.getTime() * 1000 + 999 : 0
}

/**
 * Moves a new application behind `latest` and all others. Its new time must still be ahead when the change is made, or
 * else the clock gives it another one; so each further attempt aims further ahead, from where the last one came to.
 */
async function moveOn(stores: Stores, { state }: Creation, created: Created, latest: number): Promise<Created> {
  const key = { application: created.id, chat: 0, message: 0 }
  for (let over = created.revision, aheadMs = AHEAD_MS; ; aheadMs *= 2) {
    const revision = await stores.redis.run(ADVANCE, KEYS, { passed: Math.max(latest, Number(over)), aheadMs })
    const createdAt = millisecond(revision)
    const reply = await stores.outbox.change({ key, createdAt, revision: revision - 1, state, over })
    // A client has found it in the list and changed or deleted it.
    if (reply.status !== "changed") return { ...created, revision: over }
    over = reply.revision
    // A creation's time is that of its revision.
    if (millisecond(Number(over)) === createdAt) return { ...created, revision: over }
  }
}

const millisecond = (revision: number): number => revisionTime(revision).getTime()
