/**
 * DESIGN. What the queues' consumers share: messages are decoded and handled in bounded groups. An unreadable one comes
 * again until its last receive, then becomes a dead letter. A group with no time left is sent to the queue again. While
 * a dependency is away, a message is done with once something else keeps its events or the queue has taken delayed
 * copies of them. A batch that takes too long comes again as a whole: middy gives it up 5 ms before the function's time
 * is over. https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
 */
import middy from "@middy/core"
import type { SQSBatchResponse, SQSEvent, SQSRecord } from "aws-lambda"
import { DependencyAway } from "../errors.ts"
import type { NewerEvent } from "../events.ts"
import { describeError, log } from "../log.ts"
import { type BATCH_OUTCOMES, count, type EVENT_OUTCOMES, METERS, observe, shortName } from "../meters.ts"
import { inBatchSpan, loggedOrigins, originsOf } from "../trace.ts"
import type { Queue } from "./queue.ts"
import { RECEIVES_MAX } from "./queues.ts"

/** A group costs one transaction, or a bulk request or two: some hundred milliseconds. */
const GROUP_EVENTS_MAX = 1_000
/** Groups begin within this part of a consumer's ten seconds, of which a store may take five. */
const BEGIN_WITHIN_MS = 2_500
/** Delay of re-sent copies. Short, because a restarted Redis takes no writes until the queue is empty. */
const AWAY_DELAY_SECONDS = 5

/** `isLast`: received once more, it would become a dead letter without a reason. */
export type Envelope<E> = { id: string; events: E[]; isLast: boolean }
type Postponed<E> = { id: string; events: (E | NewerEvent)[] }
export type Consumption<E> = {
  queue: Queue<E>
  /** Returns the ids of the envelopes that must come again. Throws DependencyAway when all of them must wait. */
  run: (envelopes: Envelope<E>[]) => Promise<string[]>
  /** Returns the events that would be lost with their message; if absent, all are. */
  unkept?: (events: (E | NewerEvent)[]) => Promise<(E | NewerEvent)[]>
}

/** A function with a queue is named as the queue, which a batch that failed as a whole does not tell. */
const countBatch = (queue: string, outcome: (typeof BATCH_OUTCOMES)[number]) =>
  count(METERS.batches, { queue, outcome })

/**
 * Returns a handler for SQS that reports partial batch failures. `begin` is called for each batch, and again when a
 * store is away: it gives another queue once the stores' addresses or passwords have been renewed.
 */
export function consumer<E extends object>(begin: () => Promise<Consumption<E>>) {
  return middy(async (event: SQSEvent, context: { functionName?: string }): Promise<SQSBatchResponse> => {
    const failed = await consume(begin, event.Records, context.functionName)
    return { batchItemFailures: failed.map((itemIdentifier) => ({ itemIdentifier })) }
  }).onError(({ context }) => countBatch(shortName(context.functionName), "failed"))
}

/** Handles a batch, and logs it. Returns the ids of the messages that must come again. */
export async function consume<E extends object>(
  begin: () => Promise<Consumption<E>>,
  records: SQSRecord[],
  functionName?: string,
): Promise<string[]> {
  const started = performance.now()
  const consumption = await begin()
  const queue = consumption.queue.name
  const batch = await readBatch(consumption.queue, records)
  const origins = originsOf(eventsOf<object>([...batch.envelopes, ...batch.newer]))
  const failed = await inBatchSpan(queue, origins, () => consumeBatch(begin, consumption, batch))
  const durationMs = performance.now() - started
  countBatch(queue, failed.length > 0 ? "partial" : "done")
  observe(METERS.batchSeconds, { queue }, durationMs / 1_000)
  log.info("batch", {
    function: functionName,
    records: records.length,
    redelivered: records.filter((record) => receiveCount(record) > 1).length,
    failed: failed.length,
    duration_ms: Math.round(durationMs),
    ...loggedOrigins(origins),
  })
  return failed
}

/** What a batch holds; `failed` has the ids of unreadable messages that come again. */
type Batch<E> = { envelopes: Envelope<E>[]; newer: Postponed<E>[]; failed: string[] }

async function readBatch<E>(queue: Queue<E>, records: SQSRecord[]): Promise<Batch<E>> {
  const batch: Batch<E> = { envelopes: [], newer: [], failed: [] }
  for (const record of records) {
    const isLast = receiveCount(record) >= RECEIVES_MAX
    const id = record.messageId
    const decoded = queue.decode(record.body)
    observe(METERS.waits, { queue: queue.name }, waitedSeconds(record))
    if (!decoded) countEvents(queue, "unreadable", 1)
    if (!decoded && !(isLast && (await reject(queue, record)))) batch.failed.push(id)
    if (decoded?.events.length) batch.envelopes.push({ id, events: decoded.events, isLast })
    if (decoded?.newer.length) batch.newer.push({ id, events: decoded.newer })
  }
  return batch
}

const countEvents = ({ name }: { name: string }, outcome: (typeof EVENT_OUTCOMES)[number], events: number) =>
  count(METERS.events, { queue: name, outcome }, events)

/** Returns the ids of the messages that must come again. */
async function consumeBatch<E>(
  begin: () => Promise<Consumption<E>>,
  first: Consumption<E>,
  { envelopes, newer, failed }: Batch<E>,
): Promise<string[]> {
  let consumption = first
  const { queue } = first
  if (newer.length > 0) {
    const events = eventsOf(newer).length
    log.warn("events of a newer version are left to newer functions", { queue: queue.name, events })
    countEvents(queue, "newer", events)
    failed.push(...(await postpone(consumption, newer)))
  }
  const run = async (group: Envelope<E>[]): Promise<string[]> => {
    try {
      return await consumption.run(group)
    } catch (error) {
      if (!(error instanceof DependencyAway)) throw error
      const renewed = await begin()
      if (renewed.queue === consumption.queue) throw error
      consumption = renewed
      return await consumption.run(group)
    }
  }
  const started = performance.now()
  for (const group of groupsOf(envelopes)) {
    const isLate = performance.now() - started > BEGIN_WITHIN_MS
    const events = eventsOf(group)
    try {
      // After a backlog a batch may exceed its time; waiting for the relay would take a minute.
      if (isLate) await queue.send(events)
      const again = new Set(isLate ? [] : await run(group))
      failed.push(...again)
      const eventsAgain = eventsOf(group.filter(({ id }) => again.has(id))).length
      countEvents(queue, "again", eventsAgain)
      countEvents(queue, isLate ? "late" : "done", events.length - eventsAgain)
    } catch (error) {
      if (!(error instanceof DependencyAway)) throw error
      log.warn("events postponed", { queue: queue.name, events: events.length, error: describeError(error) })
      countEvents(queue, "postponed", events.length)
      failed.push(...(await postpone(consumption, group)))
    }
  }
  return [...new Set(failed)]
}

/** Returns how long ago a message was sent, by the queue's clock and ours; 0 if that is not told. */
const waitedSeconds = ({ attributes }: SQSRecord): number =>
  Math.max(0, (Date.now() - Number(attributes.SentTimestamp ?? Date.now())) / 1_000)

const receiveCount = (record: SQSRecord): number => Number(record.attributes.ApproximateReceiveCount)

const eventsOf = <E>(envelopes: { events: E[] }[]): E[] => envelopes.flatMap(({ events }) => events)

function groupsOf<E>(envelopes: Envelope<E>[]): Envelope<E>[][] {
  const groups: Envelope<E>[][] = []
  let count = GROUP_EVENTS_MAX
  for (const envelope of envelopes) {
    count += envelope.events.length
    if (count > GROUP_EVENTS_MAX) {
      groups.push([])
      count = envelope.events.length
    }
    groups.at(-1)?.push(envelope)
  }
  return groups
}

/** Returns the ids of the messages that must come again, since nothing else keeps their events. */
async function postpone<E>(consumption: Consumption<E>, envelopes: Postponed<E>[]): Promise<string[]> {
  const { queue, unkept = async (events) => events } = consumption
  const postponed = envelopes.map(async ({ id, events }) => {
    const sent = unkept(events).then((copies) => queue.send(copies, { delaySeconds: AWAY_DELAY_SECONDS }))
    return sent.then(
      () => [],
      () => [id],
    )
  })
  return (await Promise.all(postponed)).flat()
}

/** Returns whether the unreadable message is now among the dead letters. */
async function reject<E>(queue: Queue<E>, { messageId, body }: SQSRecord): Promise<boolean> {
  log.error("message is unreadable", { message_id: messageId })
  return queue.bury(body, queue.unreadable).then(
    () => true,
    () => false,
  )
}
