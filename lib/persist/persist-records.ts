/**
 * DESIGN. The persist queue's consumer: envelopes of write events → MySQL → index queue → off the outbox, in this order.
 *
 * An event is taken off the outbox only after its commit, so whatever dies in between, it comes again and finds itself
 * stale. A dependency that is away is not the event's fault: where the outbox still holds the event, its queue message
 * is done with (the relay sends another as soon as MySQL answers); where not, a copy is sent with a delay. A poisoned event leaves its envelope,
 * comes again alone, and at last goes to the dead-letter queue with its reason, its outbox entry marked dead.
 */
import type { SQSRecord } from "aws-lambda"
import * as z from "zod"
import { dataErrorCode, isDataError, reachMysql } from "../clients/mysql.ts"
import { DependencyAway } from "../errors.ts"
import { type IndexEvent, isWrite, PersistEvent, type WriteEvent } from "../events.ts"
import { hashToken, log } from "../log.ts"
import { shardOf } from "../outbox/keys.ts"
import { RECEIVES_MAX, receiveCount } from "../queue/consumer.ts"
import { sendAll } from "../queue/sender.ts"
import type { Stores } from "../stores.ts"
import { persistEvents } from "./persist-events.ts"
import { purgeDue } from "./purge.ts"

/** Copies go round while MySQL is away; not for longer, since a Redis that is back waits for the queue to be empty. */
const AWAY_DELAY_SECONDS = 5
/** A small chat is gone at once with its delete; the relay goes on with what is larger. */
const PURGE_BUDGET_MS = 500

/** In one transaction: it takes some hundred milliseconds, and holds its locks no longer. */
const GROUP_EVENTS_MAX = 1_000
/** Of a consumer's ten seconds, of which MySQL may take five to answer. What has not begun by then goes to the queue again. */
const BEGIN_WITHIN_MS = 2_500

type Envelope = { record: SQSRecord; events: PersistEvent[] }
type Poison = { event: PersistEvent; reason: string }

/** Persists the events of `records`. Answers the ids of the messages that must come again. */
export async function persistRecords(stores: Stores, records: SQSRecord[]): Promise<string[]> {
  const failed: string[] = []
  const envelopes: Envelope[] = []
  for (const record of records) {
    const events = parse(record.body)
    if (events) envelopes.push({ record, events })
    else if (!(await rejectUnreadable(stores, record))) failed.push(record.messageId)
  }
  const started = performance.now()
  for (const group of groupsOf(envelopes)) {
    const isLate = performance.now() - started > BEGIN_WITHIN_MS
    failed.push(...(isLate ? await sendAgain(stores, group) : await persistGroup(stores, group)))
  }
  return failed
}

function groupsOf(envelopes: Envelope[]): Envelope[][] {
  const groups: Envelope[][] = []
  let count = 0
  for (const envelope of envelopes) {
    const { length } = envelope.events
    const group = groups.at(-1)
    if (group && count + length <= GROUP_EVENTS_MAX) {
      group.push(envelope)
      count += length
    } else {
      groups.push([envelope])
      count = length
    }
  }
  return groups
}

/** Answers the ids of the messages that must come again. */
async function persistGroup(stores: Stores, envelopes: Envelope[]): Promise<string[]> {
  const events = envelopes.flatMap((envelope) => envelope.events)
  let poison: Map<PersistEvent, string>
  try {
    poison = await persistAll(stores, events)
  } catch (error) {
    if (!(error instanceof DependencyAway)) throw error
    log.warn("mysql is away: events wait in the outbox", { events: events.length, cause: String(error.cause) })
    return leaveToRelay(stores, envelopes)
  }
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
    if (poisoned.length > 0 && !(await isolate(stores, envelope, poisoned))) failed.push(envelope.record.messageId)
  }
  return failed
}

/** After a backlog a batch may hold more than it has time for; the relay would wait for a minute. */
async function sendAgain(stores: Stores, envelopes: Envelope[]): Promise<string[]> {
  const events = envelopes.flatMap((envelope) => envelope.events)
  try {
    await sendAll(stores.persistQueue, events)
    return []
  } catch (error) {
    if (!(error instanceof DependencyAway)) throw error
    log.warn("the queue is away: events wait in the outbox", { events: events.length, cause: String(error.cause) })
    return leaveToRelay(stores, envelopes)
  }
}

/** Answers the ids of the messages that must come again, since their events are nowhere else. */
async function leaveToRelay(stores: Stores, envelopes: Envelope[]): Promise<string[]> {
  const kept = await Promise.all(envelopes.map(({ events }) => isKept(stores, events)))
  return envelopes.flatMap(({ record }, index) => (kept[index] ? [] : [record.messageId]))
}

function parse(body: string): PersistEvent[] | undefined {
  try {
    return z.array(PersistEvent).parse(JSON.parse(body))
  } catch {
    return undefined
  }
}

/**
 * Persists all events, or finds those that MySQL refuses for what they are: then each half is tried alone, down to
 * single events. Answers the refused ones with the reasons.
 */
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
async function sendIndexEvents({ indexQueue }: Stores, writes: WriteEvent[]): Promise<void> {
  const messages = writes.filter(({ message }) => message > 0)
  const byApplication = Map.groupBy(messages, ({ application }) => application)
  const sends = [...byApplication].map(([application, events]) => {
    const keys = events.map(({ revision, chat, message }): IndexEvent => ({ revision, application, chat, message }))
    return indexQueue.send(
      application,
      keys.map((key) => JSON.stringify(key)),
    )
  })
  // What could not be sent stands in pending_index; the relay sends it later.
  await Promise.allSettled(sends)
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

/** Whether all the events will come again without this queue message: from the outbox, or as delayed copies. */
async function isKept(stores: Stores, events: PersistEvent[]): Promise<boolean> {
  const writes = events.filter(isWrite)
  // Fences are asked for again by whoever needs them.
  try {
    const byShard = [...Map.groupBy(writes, ({ application }) => shardOf(application))]
    const copies = await Promise.all(
      byShard.map(async ([shard, events]) => {
        const held = await stores.outbox.handBack(shard, events).catch(() => [])
        return events.filter((_, index) => !held[index])
      }),
    )
    await sendAll(stores.persistQueue, copies.flat(), { delaySeconds: AWAY_DELAY_SECONDS })
    return true
  } catch {
    return false
  }
}

/** Answers whether the record is done with: its poisoned events are on their way alone, or dead with their reasons. */
async function isolate(stores: Stores, { record, events }: Envelope, poisoned: Poison[]): Promise<boolean> {
  if (events.length === 1 && receiveCount(record) < RECEIVES_MAX) return false
  try {
    for (const { event, reason } of poisoned) {
      const text = JSON.stringify(event)
      if (events.length > 1) {
        await stores.persistQueue.send(event.application, [text], { delaySeconds: 1 })
        continue
      }
      log.error("event is dead", { application: hashToken(event.application), reason })
      await stores.persistDeadLetters.send(event.application, [text], { reason })
      if (isWrite(event)) await stores.outbox.bury(event, reason)
    }
    return true
  } catch {
    return false
  }
}

/** A message that is no envelope comes again until its last receive, then is dead. Answers whether it is done with. */
async function rejectUnreadable({ persistDeadLetters }: Stores, record: SQSRecord): Promise<boolean> {
  if (receiveCount(record) < RECEIVES_MAX) return false
  log.error("message is unreadable", { message_id: record.messageId })
  try {
    await persistDeadLetters.send("unreadable", [JSON.stringify(record.body)], { reason: "not an envelope of events" })
    return true
  } catch {
    return false
  }
}
