/*
 * DESIGN: an SQS event source mapping, as AWS Lambda documents it, for one queue and one function.
 *
 * Promised: a message is handed over at least once, each batch to one call. A record is deleted only after a call
 * that reported it done; all others are left alone, so they come again after the queue's own visibility timeout and
 * go to its dead-letter queue by its own RedrivePolicy. Nothing is received unless a call can start with it at once:
 * at most `concurrencyMax` calls are under way. One long poll waits; more receives run only while answers come full.
 * The queue may be away at the start or later, for as long as it likes: one line when it goes, one when it is back.
 * May happen twice: a message whose visibility timeout ends before its call does (never twice within one batch),
 * one whose delete failed DELETE_ATTEMPTS_MAX times, one whose receive was cut off by a time-out.
 *
 * What AWS does and this does not: filter criteria; on-failure destinations; FIFO order (a .fifo queue is polled, its
 * order rests on the queue alone); growth of concurrency over minutes (here it is there at once) and its reduction
 * after failed calls; up to 20 s of long polling; throttling, provisioned pollers, metrics, tracing, encryption; the
 * checks made when a mapping is created (a window with a batchSize over 10, a visibility timeout of at least the
 * function's time-out). batchSize over 10 without a window, refused by AWS, gathers what is already there.
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
 * A poll cannot be called back: the queue hands the next message to it even when the caller is gone (ElasticMQ does).
 * So it is short: it bounds what a killed process takes with it and how long an idle stop lasts.
 */
const LONG_POLL_S = 1
/** Without a window a batch takes on what is already there, and never for longer than this. */
const FILL_MS = 250
/** How long a stop waits for calls under way; what is still running then comes again. */
const STOP_MS_MAX = 10_000

export type EventSource = {
  /** Set up with `maxAttempts: 1`: the poller does its own retries. It is destroyed by `stop`. */
  client: SQSClient
  queueName: string
  arn: string
  region: string
  /** Records in one call, 1–10,000. */
  batchSize: number
  /** Seconds to gather a batch, from its first message on; 0 hands over at once what a receive brought. */
  windowS: number
  /** Calls under way at one time. */
  concurrencyMax: number
  reportBatchItemFailures: boolean
  /** Calls the function once; rejects when it fails or times out. */
  invoke: (event: SQSEvent) => Promise<unknown>
  log: (line: string) => void
}

type Poller = EventSource & {
  queue: ReturnType<typeof openQueue>
  /** Batches received that wait for a free call: only what did not fit into one payload. */
  ready: SQSRecord[][]
  polls: number
  pollsWanted: number
  calls: number
  /** Receives failed in a row; the queue is away while it is above 0. */
  failures: number
  stopping: AbortController
  tasks: Set<Promise<void>>
}

/** Starts to poll; returns at once, whatever the state of the queue, and never throws later. */
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
     * Stops receiving, lets the calls under way finish and deletes what they did, for at most `limitMs`; received
     * messages whose call had not started are made visible again. A second call gives the first one's promise.
     */
    stop: (limitMs = STOP_MS_MAX) => {
      stopped ??= stop(poller, limitMs)
      return stopped
    },
  }
}

/** Starts every call and poll there is room for; runs again whenever one of them ends. */
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

/** Runs the task, not before the caller is done, where `stop` waits for it. */
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

/** Batches that take more than one receive are gathered one by one: side by side they would share out the messages. */
function pollsMax({ windowS, batchSize }: Poller): number {
  return windowS > 0 || batchSize > SQS_ENTRIES_MAX ? 1 : PARALLEL_RECEIVES_MAX
}

/** Receives until the batch is full or its window is over. A message that came twice is kept in its latest form. */
async function gather(poller: Poller, waitS: number): Promise<{ records: SQSRecord[]; full: boolean }> {
  const records = new Map<string, SQSRecord>()
  let bytes = 0
  const take = async (limit: number, seconds: number): Promise<boolean> => {
    const replies = await Promise.all(receiveSizes(limit).map((size) => receive(poller, size, seconds)))
    const received = replies.flat()
    for (const record of received) {
      bytes += payloadBytes(record)
      // The queue takes only the latest receipt handle.
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
    // SQS waits in whole seconds: the rest of the window is slept through, then asked for once more.
    if (!more && seconds === 0) await pause(poller, windowEnd - now)
    more = await take(more ? room : Math.min(room, SQS_ENTRIES_MAX), seconds)
    room = roomLeft(poller.batchSize, records.size, bytes)
  }
  return { records: [...records.values()], full: room <= 0 }
}

/** One receive; if it fails, nothing, after the back-off. */
async function receive(poller: Poller, limit: number, waitS: number): Promise<SQSRecord[]> {
  try {
    const messages = await poller.queue.receive(limit, waitS)
    if (poller.failures > 0) poller.log(`${poller.queueName} is back`)
    poller.failures = 0
    return messages.map((message) => toRecord(message, poller.arn, poller.region))
  } catch (error) {
    if (poller.failures === 0) poller.log(`${poller.queueName} is away: ${reasonOf(error)}`)
    // Polls that fail side by side are one failure.
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

/** Sleeps, or until the stop. */
async function pause(poller: Poller, ms: number): Promise<void> {
  await delay(ms, undefined, { signal: poller.stopping.signal }).catch(() => undefined)
}
