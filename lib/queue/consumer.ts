/**
 * DESIGN. What the queues' consumers have in common, and the one place that knows of SQS's events. Messages are handed on
 * as envelopes of decoded events, a bounded group at a time. A message that cannot be read comes again until its last
 * receive, and then goes to the dead letters with the reason.
 *
 * A group that has no time left goes to the queue again. A dependency that is away is not the events' fault: the queue's
 * message is done with if something else keeps its events, or if the queue has taken delayed copies of them. A batch that
 * takes too long comes again as a whole: middy gives it up 5 ms before the function's time is over.
 * https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
 */
import middy from "@middy/core"
import type { SQSBatchResponse, SQSEvent, SQSRecord } from "aws-lambda"
import { DependencyAway } from "../errors.ts"
import { describeError, log } from "../log.ts"
import type { Queue } from "./queue.ts"
import { RECEIVES_MAX } from "./queues.ts"

/** A group is one transaction, or a bulk request or two: some hundred milliseconds. */
const GROUP_EVENTS_MAX = 1_000
/** Of a consumer's ten seconds, of which a store may take five to answer. */
const BEGIN_WITHIN_MS = 2_500
/** Copies go round meanwhile; not for longer, since a Redis that is back waits for the queue to be empty. */
const AWAY_DELAY_SECONDS = 5

/** `isLast`: at its next failure the message would go to the dead letters without a reason. */
export type Envelope<E> = { id: string; events: E[]; isLast: boolean }

export type Consumption<E> = {
  queue: Queue<E>
  /**
   * Handles some envelopes. Returns the ids of those that must come again. Throws DependencyAway when all must wait; any
   * other error makes the whole batch come again.
   */
  run: (envelopes: Envelope<E>[]) => Promise<string[]>
  /** Returns those of the events that would be lost with their message; all of them where this is absent. */
  unkept?: (events: E[]) => Promise<E[]>
}

/** Returns a queue-triggered handler that reports partial batch failures. `begin` is called for each batch. */
export function consumer<E>(begin: () => Consumption<E>) {
  return middy(async (event: SQSEvent, context: { functionName?: string }): Promise<SQSBatchResponse> => {
    const started = performance.now()
    const failed = await consume(begin(), event.Records)
    log.info("batch", {
      function: context.functionName,
      records: event.Records.length,
      redelivered: event.Records.filter((record) => receiveCount(record) > 1).length,
      failed: failed.length,
      duration_ms: Math.round(performance.now() - started),
    })
    return { batchItemFailures: failed.map((itemIdentifier) => ({ itemIdentifier })) }
  })
}

/** Returns the ids of the messages that must come again. */
export async function consume<E>(consumption: Consumption<E>, records: SQSRecord[]): Promise<string[]> {
  const { queue, run } = consumption
  const failed: string[] = []
  const envelopes: Envelope<E>[] = []
  for (const record of records) {
    const isLast = receiveCount(record) >= RECEIVES_MAX
    const events = queue.decode(record.body)
    if (events) envelopes.push({ id: record.messageId, events, isLast })
    else if (!isLast || !(await reject(queue, record))) failed.push(record.messageId)
  }
  const started = performance.now()
  for (const group of groupsOf(envelopes)) {
    const isLate = performance.now() - started > BEGIN_WITHIN_MS
    try {
      // After a backlog a batch may hold more than it has time for; the relay would wait for a minute.
      if (isLate) await queue.send(eventsOf(group))
      else failed.push(...(await run(group)))
    } catch (error) {
      if (!(error instanceof DependencyAway)) throw error
      log.warn("events postponed", { queue: queue.name, events: eventsOf(group).length, error: describeError(error) })
      failed.push(...(await postpone(consumption, group)))
    }
  }
  return failed
}

/** Returns how often the queue has handed this message out, this time included. */
const receiveCount = (record: SQSRecord): number => Number(record.attributes.ApproximateReceiveCount)

const eventsOf = <E>(envelopes: Envelope<E>[]): E[] => envelopes.flatMap(({ events }) => events)

function groupsOf<E>(envelopes: Envelope<E>[]): Envelope<E>[][] {
  const groups: Envelope<E>[][] = []
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

/** Returns the ids of the messages that must come again, since their events are nowhere else. */
async function postpone<E>({ queue, unkept }: Consumption<E>, envelopes: Envelope<E>[]): Promise<string[]> {
  const isKept = async ({ events }: Envelope<E>): Promise<boolean> => {
    try {
      await queue.send(unkept ? await unkept(events) : events, { delaySeconds: AWAY_DELAY_SECONDS })
      return true
    } catch {
      return false
    }
  }
  const kept = await Promise.all(envelopes.map(isKept))
  return envelopes.flatMap(({ id }, index) => (kept[index] ? [] : [id]))
}

/** Returns whether the message, which cannot be read, is among the dead letters. */
async function reject<E>(queue: Queue<E>, record: SQSRecord): Promise<boolean> {
  log.error("message is unreadable", { message_id: record.messageId })
  try {
    await queue.bury(record.body, queue.unreadable)
    return true
  } catch {
    return false
  }
}
