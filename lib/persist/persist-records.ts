/**
 * DESIGN. The persist queue's consumer: envelopes of write events → MySQL → index queue → off the outbox, in this order.
 *
 * An event is taken off the outbox only after its commit, so whatever dies in between, it comes again and finds itself
 * stale. A poisoned event leaves its envelope, comes again alone, and at last goes to the dead-letter queue with its
 * reason, its outbox entry marked dead.
 */
import { dataErrorCode, isDataError, reachMysql } from "../clients/mysql.ts"
import { DependencyAway } from "../errors.ts"
import { isFence, isWrite, type NewerEvent, type PersistEvent, type WriteEvent } from "../events.ts"
import { hashToken, log } from "../log.ts"
import { shardOf } from "../outbox/keys.ts"
import type { Consumption, Envelope } from "../queue/consumer.ts"
import type { Stores } from "../stores.ts"
import { persistEvents } from "./persist-events.ts"
import { purgeDue } from "./purge.ts"

/** A small chat is gone at once with its delete; the relay goes on with what is larger. */
const PURGE_BUDGET_MS = 500

type Poison = { event: PersistEvent; reason: string }

/** Returns how the persist queue is consumed with `stores`. */
export const persistWrites = (stores: Stores): Consumption<PersistEvent> => ({
  queue: stores.queues.persist,
  run: (envelopes) => persistGroup(stores, envelopes),
  unkept: (events) => handBack(stores, events),
})

/** Returns the ids of the messages that must come again. Throws DependencyAway while MySQL is. */
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

/** Persists the events, and finds by halves those that MySQL refuses for what they are. Returns these with the reasons. */
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

/** Changed or not, every message is indexed again: the earlier attempt may have died before this point. */
async function sendIndexEvents({ queues }: Stores, writes: WriteEvent[]): Promise<void> {
  const messages = writes.filter(({ message }) => message > 0)
  const keyOf = ({ revision, application, chat, message }: WriteEvent) => ({ revision, application, chat, message })
  // What could not be sent stands in pending_index; the relay sends it later.
  await queues.index.send(messages.map(keyOf)).catch(() => undefined)
}

/** What cannot be taken off now is relayed, found stale, and taken off then. */
async function takeOff({ outbox }: Stores, writes: WriteEvent[]): Promise<void> {
  const byShard = Map.groupBy(writes, ({ application }) => shardOf(application))
  try {
    await Promise.all([...byShard].map(([shard, events]) => outbox.remove(shard, events)))
  } catch (error) {
    if (!(error instanceof DependencyAway)) throw error
    log.warn("redis is away: persisted events stay in the outbox", { cause: String(error.cause) })
  }
}

async function purge(stores: Stores): Promise<void> {
  try {
    await purgeDue(stores, PURGE_BUDGET_MS)
  } catch (error) {
    // The relay goes on with it; the events of this batch are stored.
    log.warn("purge postponed", { cause: String(error) })
  }
}

/** Leaves to the relay what the outbox holds. Returns the other writes; fences are asked for again by whoever needs them. */
async function handBack({ outbox }: Stores, events: (PersistEvent | NewerEvent)[]) {
  const writes = events.filter((event): event is WriteEvent | NewerEvent => !isFence(event))
  const byShard = [...Map.groupBy(writes, ({ application }) => shardOf(application))]
  const copies = byShard.map(async ([shard, ofShard]) => {
    const held = await outbox.handBack(shard, ofShard).catch(() => [])
    return ofShard.filter((_, index) => !held[index])
  })
  return (await Promise.all(copies)).flat()
}

/** Returns whether the message is done with: its poisoned events are on their way alone, or dead with their reasons. */
async function isolate(stores: Stores, envelope: Envelope<PersistEvent>, poisoned: Poison[]): Promise<boolean> {
  const { events, isLast } = envelope
  if (events.length === 1 && !isLast) return false
  try {
    for (const { event, reason } of poisoned) {
      if (events.length > 1) {
        await stores.queues.persist.send([event], { delaySeconds: 1 })
        continue
      }
      log.error("event is dead", { application: hashToken(event.application), reason })
      await stores.queues.persist.bury(event, reason)
      if (isWrite(event)) await stores.outbox.bury(event, reason)
    }
    return true
  } catch {
    return false
  }
}
