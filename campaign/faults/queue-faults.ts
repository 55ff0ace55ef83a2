/** Faults of the queues, made by SQS calls: messages are lost, or come twice and in another order. */
import { setTimeout as sleep } from "node:timers/promises"
import {
  DeleteMessageBatchCommand,
  type Message,
  PurgeQueueCommand,
  ReceiveMessageCommand,
  SendMessageBatchCommand,
  SQSClient,
} from "@aws-sdk/client-sqs"
import { QUEUES } from "../../lib/queue/queues.ts"

const CALL_LIMIT_MS = 2_000
/** Short, because consumers take a message within milliseconds. */
const PAUSE_MS = 50
/** Time for a restarting queue to come back, so that the fault happens at least once. */
const ONCE_LIMIT_MS = 30_000
/** Messages taken, 10 at a time, before they are put back. */
const TAKEN_MAX = 100
const BATCH_MAX = 10
/** Size of the bodies in one call, below SQS's 256 KiB for bodies and attributes together. */
const BATCH_BYTES_MAX = 240_000

const clientOf = (env: Record<string, string>) =>
  new SQSClient({
    endpoint: env.SQS_ENDPOINT ?? "",
    region: env.AWS_REGION ?? "us-east-1",
    credentials: { accessKeyId: "local", secretAccessKey: "local" },
    maxAttempts: 1,
    md5: false,
  })

const within = () => ({ abortSignal: AbortSignal.timeout(CALL_LIMIT_MS) })

/** Calls `act` on every queue again and again for `ms`, at least once. */
const keepDoing = async (
  env: Record<string, string>,
  ms: number,
  act: (sqs: SQSClient, queueUrl: string) => Promise<unknown>,
) => {
  const sqs = clientOf(env)
  const started = performance.now()
  let done = false
  try {
    while (!done || performance.now() - started < ms) {
      try {
        for (const { urlVariable } of Object.values(QUEUES)) await act(sqs, env[urlVariable] ?? "")
        done = true
      } catch (error) {
        if (!done && performance.now() - started > ONCE_LIMIT_MS) throw error
      }
      await sleep(PAUSE_MS)
    }
  } finally {
    sqs.destroy()
  }
}

/** Purges every queue again and again for `ms`, messages in flight included. */
export const emptyQueues = (env: Record<string, string>, ms: number): Promise<void> =>
  keepDoing(env, ms, (sqs, QueueUrl) => sqs.send(new PurgeQueueCommand({ QueueUrl }), within()))

const take = async (sqs: SQSClient, QueueUrl: string): Promise<Message[]> => {
  const taken: Message[] = []
  while (taken.length < TAKEN_MAX) {
    const command = new ReceiveMessageCommand({
      QueueUrl,
      MaxNumberOfMessages: BATCH_MAX,
      WaitTimeSeconds: 0,
      MessageSystemAttributeNames: ["All"],
      MessageAttributeNames: ["All"],
    })
    const { Messages = [] } = await sqs.send(command, within())
    taken.push(...Messages)
    if (Messages.length < BATCH_MAX) break
  }
  return taken
}

const shuffled = <T>(items: readonly T[], random: () => number): T[] =>
  items
    .map((item) => ({ item, place: random() }))
    .sort((a, b) => a.place - b.place)
    .map(({ item }) => item)

/** Calls `send` with batches that fit into one call, by count and by bytes. */
const inBatches = async (messages: readonly Message[], send: (batch: Message[]) => Promise<unknown>) => {
  let batch: Message[] = []
  let bytes = 0
  for (const message of messages) {
    const size = Buffer.byteLength(message.Body ?? "")
    if (batch.length === BATCH_MAX || (batch.length > 0 && bytes + size > BATCH_BYTES_MAX)) {
      await send(batch)
      batch = []
      bytes = 0
    }
    batch.push(message)
    bytes += size
  }
  if (batch.length > 0) await send(batch)
}

/** Receives messages and sends each twice, in random order; deletes the originals once all copies are sent. */
const doubleAndShuffle = async (sqs: SQSClient, QueueUrl: string, random: () => number) => {
  const taken = await take(sqs, QueueUrl)
  await inBatches(shuffled([...taken, ...taken], random), async (batch) => {
    const Entries = batch.map(({ Body, Attributes, MessageAttributes }, index) => ({
      Id: `${index}`,
      MessageBody: Body,
      ...(Attributes?.MessageGroupId && { MessageGroupId: Attributes.MessageGroupId }),
      ...(MessageAttributes && { MessageAttributes }),
    }))
    const { Failed = [] } = await sqs.send(new SendMessageBatchCommand({ QueueUrl, Entries }), within())
    if (Failed.length > 0) throw new Error(`the queue refused ${Failed.length} copies: ${Failed[0]?.Message}`)
  })
  await inBatches(taken, (batch) => {
    const Entries = batch.map(({ ReceiptHandle }, index) => ({ Id: `${index}`, ReceiptHandle }))
    return sqs.send(new DeleteMessageBatchCommand({ QueueUrl, Entries }), within())
  })
}

/** Duplicates and shuffles the messages in the queues, again and again for `ms`. */
export const shuffleQueues = (env: Record<string, string>, ms: number, random: () => number): Promise<void> =>
  keepDoing(env, ms, (sqs, QueueUrl) => doubleAndShuffle(sqs, QueueUrl, random))
