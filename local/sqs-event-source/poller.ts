/*
 * DESIGN. An SQS event source mapping for one queue and one function, as AWS Lambda documents it.
 *
 * Promised: each message is delivered at least once, each batch to one call. A record is deleted only after a call has
 * reported it done; all others come again after the queue's visibility timeout and go to its dead-letter queue by its
 * RedrivePolicy. Nothing is received unless a call can start with it at once; at most `concurrencyMax` calls run. One
 * long poll waits; more receives run only while they come back full. The queue may be away at the start or later, for
 * any time: one line is logged when it goes, one when it is back.
 * May be delivered twice: a message whose visibility timeout ends before its call (never twice in one batch), whose
 * delete failed DELETE_ATTEMPTS_MAX times, or whose receive timed out.
 *
 * Absent: filter criteria, on-failure destinations, FIFO order beyond the queue's own, throttling, provisioned pollers,
 * metrics, tracing, encryption; concurrency that grows over minutes (here it is full at once) and shrinks after
 * failures; long polls of up to 20 s; the checks when a mapping is created (a window for a batchSize over 10, a
 * visibility timeout of at least the function's time-out). batchSize over 10 without a window, refused by AWS, takes
 * what is already there.
 */
import { setTimeout as delay } from "node:timers/promises"
import type { SQSClient } from "@aws-sdk/client-sqs"
import type { SQSEvent, SQSRecord } from "aws-lambda"
import {
  PARALLEL_RECEIVES_MAX,
  payloadBytes,
  receiveSizes,
  roomLeft,
  SQS_ENTRIES_MAX,
  splitIntoBatches,
  succeededRecords,
  toRecord,
} from "./batch.ts"
import { backOffMs, openQueue, reasonOf } from "./queue.ts"

/**
 * Short, because a poll cannot be cancelled: ElasticMQ hands it the next message even when the caller is gone. It
 * bounds what a killed process takes along, and how long an idle stop lasts.
 */
const LONG_POLL_S = 1
/** Without a window, a batch takes what is already there for at most this long. */
const FILL_MS = 250
/** A stop waits this long for running calls; the messages of the others come again. */
const STOP_MS_MAX = 10_000

export type EventSource = {
  /** Must have `maxAttempts: 1`, since the poller retries by itself. `stop` destroys it. */
  client: SQSClient
  queueName: string
  arn: string
  region: string
  /** At most this many records in one call, 1–10,000. */
  batchSize: number
  /** Seconds to gather a batch from its first message on; with 0, a received message is delivered at once. */
  windowS: number
  /** At most this many calls in parallel. */
  concurrencyMax: number
  reportBatchItemFailures: boolean
  /** Calls the function once; rejects when it fails or times out. */
  invoke: (event: SQSEvent) => Promise<unknown>
  log: (line: string) => void
}

type Poller = EventSource & {
  queue: ReturnType<typeof openQueue>
  /** Received batches that wait for a free call: only what did not fit into one payload. */
  ready: SQSRecord[][]
  polls: number
  pollsWanted: number
  calls: number
  /** Consecutive failed receives; above 0 the queue is away. */
  failures: number
  stopping: AbortController
  tasks: Set<Promise<void>>
}

/** Starts to poll. Returns at once, whatever the state of the queue, and never throws later. */
export function startPoller(source: EventSource): { stop: (limitMs?: number) => Promise<void> } {
  const poller: Poller = {
    ...source,
    queue: openQueue(source.client, source.queueName, source.log),
    ready: [],
    polls: 0,
    pollsWanted: 1,
    calls: 0,
    failures: 0,
    stopping: new AbortController(),
    tasks: new Set(),
  }
  advance(poller)
  let stopped: Promise<void> | undefined
  return {
    /**
     * Stops receiving, waits at most `limitMs` until the running calls have ended and their records are deleted, and
     * makes messages visible again whose call had not started. A second call returns the same promise.
     */
    stop: (limitMs = STOP_MS_MAX) => {
      stopped ??= stop(poller, limitMs)
      return stopped
    },
  }
}

/** Starts as many calls and polls as allowed; runs again whenever one of them ends. */
function advance(poller: Poller): void {
  if (poller.stopping.signal.aborted) return
  while (poller.ready.length > 0 && poller.calls < poller.concurrencyMax) {
    const batch = poller.ready.shift() ?? []
    poller.calls++
    track(
      poller,
      () => call(poller, batch),
      () => poller.calls--,
    )
  }
  while (
    poller.ready.length === 0 &&
    poller.polls < poller.pollsWanted &&
    poller.polls + poller.calls < poller.concurrencyMax
  ) {
    const waitS = poller.polls === 0 ? LONG_POLL_S : 0
    poller.polls++
    track(
      poller,
      () => poll(poller, waitS),
      () => poller.polls--,
    )
  }
}

/** Runs the task once the caller has returned, and makes `stop` wait for it. */
function track(poller: Poller, task: () => Promise<void>, ended: () => void): void {
  const tracked = Promise.resolve()
    .then(task)
    .catch((error: unknown) => poller.log(`${poller.queueName}: ${reasonOf(error)}`))
    .then(() => {
      ended()
      poller.tasks.delete(tracked)
      advance(poller)
    })
  poller.tasks.add(tracked)
}

async function poll(poller: Poller, waitS: number): Promise<void> {
  const { records, full } = await gather(poller, waitS)
  poller.pollsWanted = full ? Math.min(poller.pollsWanted + 1, pollsMax(poller)) : 1
  poller.ready.push(...splitIntoBatches(records, poller.batchSize))
}

/** Returns the limit of parallel polls: 1 where a batch takes several receives, or batches would share the messages. */
function pollsMax({ windowS, batchSize }: Poller): number {
  return windowS > 0 || batchSize > SQS_ENTRIES_MAX ? 1 : PARALLEL_RECEIVES_MAX
}

/** Receives until the batch is full or its window is over. Of a message received twice the latest is kept. */
async function gather(poller: Poller, waitS: number): Promise<{ records: SQSRecord[]; full: boolean }> {
  const records = new Map<string, SQSRecord>()
  let bytes = 0
  const take = async (limit: number, seconds: number): Promise<boolean> => {
    const replies = await Promise.all(receiveSizes(limit).map((size) => receive(poller, size, seconds)))
    const received = replies.flat()
    for (const record of received) {
      bytes += payloadBytes(record)
      // The queue accepts only the latest receipt handle.
      records.set(record.messageId, record)
    }
    return received.length >= Math.min(limit, PARALLEL_RECEIVES_MAX * SQS_ENTRIES_MAX)
  }
  let more = await take(Math.min(poller.batchSize, SQS_ENTRIES_MAX), waitS)
  if (records.size === 0) return { records: [], full: false }
  const windowEnd = performance.now() + poller.windowS * 1000
  const fillEnd = Math.max(windowEnd, performance.now() + FILL_MS)
  let room = roomLeft(poller.batchSize, records.size, bytes)
  while (room > 0 && !poller.stopping.signal.aborted) {
    const now = performance.now()
    if (now >= (more ? fillEnd : windowEnd)) break
    const seconds = more ? 0 : Math.min(LONG_POLL_S, Math.floor((windowEnd - now) / 1000))
    // SQS waits in whole seconds, so sleep through the rest of the window, then receive once more.
    if (!more && seconds === 0) await pause(poller, windowEnd - now)
    more = await take(more ? room : Math.min(room, SQS_ENTRIES_MAX), seconds)
    room = roomLeft(poller.batchSize, records.size, bytes)
  }
  return { records: [...records.values()], full: room <= 0 }
}

/** Receives once. On failure, waits for the back-off and returns nothing. */
async function receive(poller: Poller, limit: number, waitS: number): Promise<SQSRecord[]> {
  try {
    const messages = await poller.queue.receive(limit, waitS)
    if (poller.failures > 0) poller.log(`${poller.queueName} is back`)
    poller.failures = 0
    return messages.map((message) => toRecord(message, poller.arn, poller.region))
  } catch (error) {
    if (poller.failures === 0) poller.log(`${poller.queueName} is away: ${reasonOf(error)}`)
    // Parallel polls that fail count as one failure.
    if (poller.failures === 0 || poller.polls === 1) poller.failures++
    await pause(poller, backOffMs(poller.failures))
    return []
  }
}

async function call(poller: Poller, batch: SQSRecord[]): Promise<void> {
  let done: SQSRecord[]
  try {
    const answer = await poller.invoke({ Records: batch })
    done = succeededRecords(batch, answer, poller.reportBatchItemFailures)
  } catch (error) {
    poller.log(`${poller.queueName}: a batch of ${batch.length} failed and will come again: ${reasonOf(error)}`)
    return
  }
  await poller.queue.remove(done)
}

async function stop(poller: Poller, limitMs: number): Promise<void> {
  poller.stopping.abort()
  const finished = new AbortController()
  const late = delay(limitMs, false, { signal: finished.signal }).catch(() => false)
  const inTime = await Promise.race([finish(poller).then(() => true), late])
  finished.abort()
  if (!inTime)
    poller.log(`${poller.queueName}: stopped with ${poller.calls} calls under way; their messages come again`)
  poller.queue.close()
}

async function finish(poller: Poller): Promise<void> {
  while (poller.tasks.size > 0) {
    await Promise.all(poller.tasks)
  }
  await poller.queue.release(poller.ready.flat())
}

/** Sleeps, at most until the stop. */
async function pause(poller: Poller, ms: number): Promise<void> {
  await delay(ms, undefined, { signal: poller.stopping.signal }).catch(() => undefined)
}
