// Steps of the event source's tests: queues in a real ElasticMQ (SQS_ENDPOINT), pollers, and a link that can fail.
import { randomUUID } from "node:crypto"
import { setTimeout as delay } from "node:timers/promises"
import {
  CreateQueueCommand,
  DeleteQueueCommand,
  GetQueueAttributesCommand,
  SendMessageBatchCommand,
  type SendMessageBatchRequestEntry,
  SQSClient,
} from "@aws-sdk/client-sqs"
import type { SQSRecord } from "aws-lambda"
import { type Forwarder, startForwarder } from "../../test/steps/forwarder.ts"
import { type EventSource, startPoller } from "./poller.ts"

export const endpoint = process.env.SQS_ENDPOINT ?? "http://127.0.0.1:19324"
export const clientOf = (url: string) =>
  new SQSClient({
    endpoint: url,
    region: "us-east-1",
    credentials: { accessKeyId: "local", secretAccessKey: "local" },
    useQueueUrlAsEndpoint: false,
    maxAttempts: 1,
  })
export const sqs = clientOf(endpoint)
/** cleanUp runs these, the last first. */
export const cleanups: (() => Promise<unknown> | undefined)[] = []

/** Throws the reason if ElasticMQ does not answer. For beforeAll. */
export async function requireElasticMq(): Promise<void> {
  await fetch(endpoint).catch((error: Error) => {
    throw new Error(`no ElasticMQ at ${endpoint}: ${String(error.cause ?? error)}`)
  })
}

/** Stops the pollers and forwarders of a test and deletes its queues. For afterEach. */
export async function cleanUp(): Promise<void> {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
}

/** Creates a queue for one test, with a visibility timeout of 30 s by default. */
export async function queue(attributes: Record<string, string> = {}): Promise<{ queueName: string; QueueUrl: string }> {
  const queueName = `poller-${randomUUID()}`
  const Attributes = { VisibilityTimeout: "30", ...attributes }
  const { QueueUrl = "" } = await sqs.send(new CreateQueueCommand({ QueueName: queueName, Attributes }))
  cleanups.push(() => sqs.send(new DeleteQueueCommand({ QueueUrl })))
  return { queueName, QueueUrl }
}

/** Sends one message per body. */
export async function send(QueueUrl: string, bodies: string[], entry: Partial<SendMessageBatchRequestEntry> = {}) {
  for (let from = 0; from < bodies.length; from += 10) {
    const Entries = bodies.slice(from, from + 10).map((MessageBody, Id) => ({ ...entry, Id: String(Id), MessageBody }))
    // SQS limits the total size of a batch, so large messages go one by one.
    const groups = (bodies[0] ?? "").length > 20_000 ? Entries.map((one) => [one]) : [Entries]
    for (const group of groups) await sqs.send(new SendMessageBatchCommand({ QueueUrl, Entries: group }))
  }
}

/** Returns the number of messages in the queue, visible or not. */
export async function depth(QueueUrl: string): Promise<number> {
  const { Attributes = {} } = await sqs.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ["All"] }))
  return Number(Attributes.ApproximateNumberOfMessages) + Number(Attributes.ApproximateNumberOfMessagesNotVisible)
}

export type Answer = (records: SQSRecord[], call: number) => unknown

/** Starts a poller that records each call and each log line. */
export function poll(queueName: string, answer: Answer, options: Partial<EventSource> = {}, url = endpoint) {
  const calls: SQSRecord[][] = []
  const lines: string[] = []
  const poller = startPoller({
    client: clientOf(url),
    queueName,
    arn: `arn:aws:sqs:us-east-1:000000000000:${queueName}`,
    region: "us-east-1",
    batchSize: 10,
    windowS: 0,
    concurrencyMax: 5,
    reportBatchItemFailures: true,
    invoke: async ({ Records }) => {
      calls.push(Records)
      return await answer(Records, calls.length)
    },
    log: (line) => lines.push(line),
    ...options,
  })
  cleanups.push(() => poller.stop(0))
  return { ...poller, calls, lines, bodies: () => calls.flat().map((record) => record.body) }
}

/** Repeats the check until it passes; after limitMs throws its error. */
export async function eventually(check: () => unknown, limitMs = 5_000): Promise<void> {
  for (const end = Date.now() + limitMs; ; await delay(20)) {
    try {
      await check()
      return
    } catch (error) {
      if (Date.now() > end) throw error
    }
  }
}

/** Starts a forwarder to ElasticMQ that can be cut or silenced. */
export async function forwarder(): Promise<Forwarder> {
  const line = await startForwarder(endpoint)
  cleanups.push(line.shut)
  return line
}
