/** Faults of the queues, done by way of their own calls: what they hold is lost, or comes twice and in another order. */
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
/** The consumers take a message within milliseconds: to find some, one must look again and again. */
const PAUSE_MS = 50
/** A queue that is just starting again is waited for, so that the fault is done at least once. */
const ONCE_LIMIT_MS = 30_000
/** Messages taken together before they are put back, 10 at a time. */
const TAKEN_MAX = 100
const BATCH_MAX = 10
/** Of bodies in one call, below the 256 KiB that it may have with all attributes. */
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

/** Does something to every queue again and again for so long, and at least once. */
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

/** Empties every queue, again and again for so long; what is in flight goes as well. */
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

/** Up to ten messages at a time, and no more bytes than the queue takes in one call. */
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

/** Twice what was taken, in any order; the originals go only once all the copies are there. */
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

/** Doubles and shuffles what is found in the queues, again and again for so long. */
export const shuffleQueues = (env: Record<string, string>, ms: number, random: () => number): Promise<void> =>
  keepDoing(env, ms, (sqs, QueueUrl) => doubleAndShuffle(sqs, QueueUrl, random))
