// Delivers the queues' messages by hand, like the event source or in any other way.
import { setTimeout as sleep } from "node:timers/promises"
import type { Message } from "@aws-sdk/client-sqs"
import type { Context, SQSBatchResponse, SQSEvent, SQSRecord } from "aws-lambda"
import { handler as indexMessages } from "../../functions/index-messages.ts"
import { handler as persistWrites } from "../../functions/persist-writes.ts"
import type { WriteEvent } from "../../lib/events.ts"
import { unpackEvents } from "../../lib/queue/packs.ts"
import type { SearchStores } from "../../lib/stores.ts"

/** Longer than several visibility timeouts of the tests' queues. */
const DRAIN_LIMIT_MS = 20_000
const PAUSE_MS = 50

export type QueueName = "persist" | "index"
type Handler = (event: SQSEvent, context: Context) => Promise<SQSBatchResponse>

const HANDLERS = { persist: persistWrites, index: indexMessages } as unknown as Record<QueueName, Handler>

const queueUrl = ({ queues }: SearchStores, queue: QueueName): string => queues[queue].url

function toRecord({ MessageId, ReceiptHandle, Body, Attributes, MD5OfBody }: Message): SQSRecord {
  return {
    messageId: MessageId ?? "",
    receiptHandle: ReceiptHandle ?? "",
    body: Body ?? "",
    attributes: { ...(Attributes as unknown as SQSRecord["attributes"]) },
    messageAttributes: {},
    md5OfBody: MD5OfBody ?? "",
    eventSource: "aws:sqs",
    eventSourceARN: "arn:aws:sqs:us-east-1:000000000000:test",
    awsRegion: "us-east-1",
  }
}

/** Returns a record as the queue would deliver it; `body` is a text, or events to be written as JSON. */
export function sqsRecord(body: unknown, { receives = 1, id = crypto.randomUUID() as string } = {}): SQSRecord {
  const Body = typeof body === "string" ? body : JSON.stringify(body)
  const Attributes = { ApproximateReceiveCount: String(receives) } as NonNullable<Message["Attributes"]>
  return toRecord({ MessageId: id, ReceiptHandle: id, Body, Attributes })
}

/** Returns the events that a record holds, also those of packs, unchecked. */
export const eventsIn = <Event = WriteEvent>({ body }: { body: string }): Event[] =>
  unpackEvents(JSON.parse(body) as unknown[]) as Event[]

/** Invokes a queue's function with `records`. Returns the ids that it wants redelivered. */
export async function deliver(queue: QueueName, records: SQSRecord[]): Promise<string[]> {
  const answer = await HANDLERS[queue]({ Records: records }, { functionName: queue } as Context)
  return answer.batchItemFailures.map(({ itemIdentifier }) => itemIdentifier)
}

/** Receives up to ten messages of a queue as records. They stay in flight until `removeRecords`, or come again. */
export async function receiveRecords(stores: SearchStores, queue: QueueName): Promise<SQSRecord[]> {
  return (await stores.sqs.receive(queueUrl(stores, queue))).map(toRecord)
}

/** Removes all messages from a queue and returns them as records, for deliveries by hand. */
export async function takeRecords(stores: SearchStores, queue: QueueName): Promise<SQSRecord[]> {
  const taken: SQSRecord[] = []
  for (;;) {
    const records = await receiveRecords(stores, queue)
    if (records.length === 0) return taken
    await removeRecords(stores, queue, records)
    taken.push(...records)
  }
}

export async function removeRecords(stores: SearchStores, queue: QueueName, records: SQSRecord[]): Promise<void> {
  const handles = records.map(({ receiptHandle }) => receiptHandle)
  if (handles.length > 0) await stores.sqs.remove(queueUrl(stores, queue), handles)
}

/** Removes the dead letters of a queue and returns them with their reasons. */
export async function takeDeadLetters(stores: SearchStores, queue: QueueName) {
  const url = stores.queues[queue].deadLettersUrl
  const messages = await stores.sqs.receive(url)
  if (messages.length > 0)
    await stores.sqs.remove(
      url,
      messages.map(({ ReceiptHandle }) => ReceiptHandle ?? ""),
    )
  return messages.map(({ Body, MessageAttributes }) => ({
    body: JSON.parse(Body ?? "null") as unknown,
    reason: MessageAttributes?.reason?.StringValue,
  }))
}

/** Delivers a queue's messages once. Returns how many there were. */
export async function deliverOnce(stores: SearchStores, queue: QueueName): Promise<number> {
  const records = await receiveRecords(stores, queue)
  if (records.length === 0) return 0
  const failed = new Set(await deliver(queue, records))
  await removeRecords(
    stores,
    queue,
    records.filter(({ messageId }) => !failed.has(messageId)),
  )
  return records.length
}

/**
 * Delivers both queues until they are empty, so that everything accepted is in MySQL and Elasticsearch (searches see it
 * after the next refresh). Throws if they are not empty within `limitMs`.
 */
export async function drainQueues(stores: SearchStores, limitMs = DRAIN_LIMIT_MS): Promise<void> {
  await drainQueue(stores, "persist", limitMs)
  await drainQueue(stores, "index", limitMs)
}

export async function drainQueue(stores: SearchStores, queue: QueueName, limitMs = DRAIN_LIMIT_MS): Promise<void> {
  const deadline = Date.now() + limitMs
  for (;;) {
    if ((await deliverOnce(stores, queue)) > 0) continue
    const { visible, inFlight, delayed } = await stores.sqs.depth(queueUrl(stores, queue))
    if (visible + inFlight + delayed === 0) return
    if (Date.now() > deadline)
      throw new Error(`the ${queue} queue is not drained: ${JSON.stringify({ visible, inFlight, delayed })}`)
    await sleep(PAUSE_MS)
  }
}

/** Makes all indexed documents visible to searches. */
export async function refreshIndex({ elasticsearch, config }: SearchStores): Promise<void> {
  await elasticsearch.indices.refresh({ index: config.ELASTICSEARCH_INDEX })
}

/** Delivers both queues, like the event source, until `action` is done. */
export async function whileConsuming<T>(own: SearchStores, action: () => Promise<T>): Promise<T> {
  let running = true
  const consume = async () => {
    while (running) {
      const count = (await deliverOnce(own, "persist")) + (await deliverOnce(own, "index"))
      if (count === 0) await sleep(PAUSE_MS)
    }
  }
  const consuming = consume()
  try {
    return await action()
  } finally {
    running = false
    await consuming
  }
}
