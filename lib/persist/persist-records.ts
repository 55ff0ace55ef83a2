/**
 * DESIGN. The persist queue's consumer: envelopes of events → MySQL → index queue → off the outbox, in this order. With
 * a reader of MySQL they are taken off once it has them too.
 *
 * An event leaves the outbox only after its commit, so if the process dies in between it comes again and is found
 * stale. A poisoned event leaves its envelope, comes again alone, and ends as a dead letter with its reason.
 */
import { dataErrorCode, isDataError, reachMysql } from "../clients/mysql.ts"
import { retentionOf } from "../config.ts"
import { DependencyAway } from "../errors.ts"
import { isFence, isWrite, type NewerEvent, type PersistEvent, type WriteEvent } from "../events.ts"
import { hashToken, log } from "../log.ts"
import { shardOf } from "../outbox/keys.ts"
import type { Consumption, Envelope } from "../queue/consumer.ts"
import type { Stores } from "../stores.ts"
import { loggedOrigins, originsOf } from "../trace.ts"
import { persistEvents } from "./persist-events.ts"
import { purgeDue } from "./purge.ts"

/** Enough to remove a small chat at once; the relay continues with larger ones. */
const PURGE_BUDGET_MS = 500

type Poison = { event: PersistEvent; reason: string }

export const persistWrites = (stores: Stores): Consumption<PersistEvent> => ({
  queue: stores.queues.persist,
  run: (envelopes) => persistGroup(stores, envelopes),
  unkept: (events) => handBack(stores, events),
})

/** Returns the ids of the messages that must come again. Throws DependencyAway while MySQL is away. */
async function persistGroup(stores: Stores, envelopes: Envelope<PersistEvent>[]): Promise<string[]> {
  const events = envelopes.flatMap((envelope) => envelope.events)
  const poison = await persistAll(stores, events)
  const failed: string[] = []
  const writes = events.filter(isWrite).filter((event) => !poison.has(event))
  await sendIndexEvents(stores, writes)
  await takeOff(stores, writes)
  if (writes.some(({ deleted, message }) => deleted && message === 0)) await purge(stores)
  for (const envelope of envelopes) {
    const poisoned = envelope.events.flatMap((event) => {
      const reason = poison.get(event)
      return reason === undefined ? [] : [{ event, reason }]
    })
    if (poisoned.length > 0 && !(await isolate(stores, envelope, poisoned))) failed.push(envelope.id)
  }
  return failed
}

/** Persists the events, and finds by halving those that MySQL refuses. Returns these with the reasons. */
async function persistAll(stores: Stores, events: PersistEvent[]): Promise<Map<PersistEvent, string>> {
  try {
    await reachMysql(() => persistEvents(stores.mysql, events, stores.config.OUTBOX_EVENTS_MAX))
    return new Map()
  } catch (error) {
    if (!isDataError(error)) throw error
    const [only] = events
    if (events.length === 1 && only) return new Map([[only, dataErrorCode(error)]])
  }
  const middle = Math.ceil(events.length / 2)
  const first = await persistAll(stores, events.slice(0, middle))
  const second = await persistAll(stores, events.slice(middle))
  return new Map([...first, ...second])
}

/** Sends every message's index event, changed or not: an earlier attempt may have died before this point. */
async function sendIndexEvents({ queues }: Stores, writes: WriteEvent[]): Promise<void> {
  const messages = writes.filter(({ message }) => message > 0)
  const keyOf = ({ revision, application, chat, message, origin }: WriteEvent) => ({
    ...{ revision, application, chat, message },
    ...(origin && { origin }),
  })
  // pending_index holds what could not be sent; the relay sends it later.
  await queues.index.send(messages.map(keyOf)).catch(() => undefined)
}

/** Takes stored events off. If Redis is away the relay sends them again; they are found stale and taken off then. */
async function takeOff({ outbox, config }: Stores, writes: WriteEvent[]): Promise<void> {
  const lagMs = retentionOf(config)
  const byShard = Map.groupBy(writes, ({ application }) => shardOf(application))
  try {
    await Promise.all(
      [...byShard].map(([shard, events]) =>
        lagMs === undefined ? outbox.remove(shard, events) : outbox.retain(shard, events, lagMs),
      ),
    )
  } catch (error) {
    if (!(error instanceof DependencyAway)) throw error
    log.warn("redis is away: persisted events stay in the outbox", { cause: String(error.cause) })
  }
}

async function purge(stores: Stores): Promise<void> {
  try {
    await purgeDue(stores, PURGE_BUDGET_MS)
  } catch (error) {
    // The relay continues; this batch's events are stored.
    log.warn("purge postponed", { cause: String(error) })
  }
}

/** Leaves to the relay what the outbox holds. Returns the other writes; those who need fences send them again. */
async function handBack({ outbox }: Stores, events: (PersistEvent | NewerEvent)[]) {
  const writes = events.filter((event): event is WriteEvent | NewerEvent => !isFence(event))
  const byShard = [...Map.groupBy(writes, ({ application }) => shardOf(application))]
  const copies = byShard.map(async ([shard, ofShard]) => {
    const held = await outbox.handBack(shard, ofShard).catch(() => [])
    return ofShard.filter((_, index) => !held[index])
  })
  return (await Promise.all(copies)).flat()
}

/** Returns whether the message is done with: its poisoned events were sent on alone, or are dead. */
async function isolate(stores: Stores, envelope: Envelope<PersistEvent>, poisoned: Poison[]): Promise<boolean> {
  const { events, isLast } = envelope
  if (events.length === 1 && !isLast) return false
  try {
    for (const { event, reason } of poisoned) {
      if (events.length > 1) {
        await stores.queues.persist.send([event], { delaySeconds: 1 })
        continue
      }
      log.error("event is dead", {
        application: hashToken(event.application),
        reason,
        ...loggedOrigins(originsOf([event])),
      })
      await stores.queues.persist.bury(event, reason)
      if (isWrite(event)) await stores.outbox.bury(event, reason)
    }
    return true
  } catch {
    return false
  }
}
