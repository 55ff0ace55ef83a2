import {
  ChangeMessageVisibilityBatchCommand,
  DeleteMessageBatchCommand,
  GetQueueAttributesCommand,
  type Message,
  ReceiveMessageCommand,
  SendMessageBatchCommand,
  type SendMessageBatchRequestEntry,
  SQSClient,
} from "@aws-sdk/client-sqs"
import { DependencyAway } from "../errors.ts"
import { createBreaker, type Watch } from "./breaker.ts"

/** Bounds a write's wait for the queue; the outbox holds its event anyway. */
const SEND_TIMEOUT_MS = 500
/** Longer than a send's, since a busy queue is not away; the relay, readiness, status and recovery ask for depths. */
const DEPTH_TIMEOUT_MS = 1_000
/** Enough for parallel sends, polls and readiness checks; each idle socket costs the server a descriptor. */
const SOCKETS_MAX = 32

export type QueueMessage = { group: string; body: string; delaySeconds?: number; reason?: string }
export type QueueDepth = { visible: number; inFlight: number; delayed: number }

const DEPTH_ATTRIBUTES = {
  visible: "ApproximateNumberOfMessages",
  inFlight: "ApproximateNumberOfMessagesNotVisible",
  delayed: "ApproximateNumberOfMessagesDelayed",
} as const satisfies Record<keyof QueueDepth, string>

/** The client of SQS for senders, recovery and operators. Throws DependencyAway for every failure. */
export type SqsClient = {
  /** Sends up to ten messages in one call. Returns the positions of those that the queue refused. */
  sendBatch(queueUrl: string, messages: QueueMessage[]): Promise<number[]>
  depth(queueUrl: string): Promise<QueueDepth>
  /** Receives up to ten messages, hidden from others for the queue's visibility timeout or `holdSeconds`. */
  receive(queueUrl: string, holdSeconds?: number): Promise<Message[]>
  /** Makes up to ten received messages visible at once. */
  release(queueUrl: string, receiptHandles: string[]): Promise<void>
  remove(queueUrl: string, receiptHandles: string[]): Promise<void>
  /** Throws DependencyAway while the queue's breaker is open, for callers that should not wait. */
  check(): void
  isAway(): boolean
  close(): void
}

type SqsOptions = { region: string; endpoint?: string | undefined }

export function connectSqs({ region, endpoint }: SqsOptions, watch: Watch): SqsClient {
  const sqs = new SQSClient({
    region,
    md5: false,
    maxAttempts: 1,
    requestHandler: {
      connectionTimeout: SEND_TIMEOUT_MS,
      requestTimeout: SEND_TIMEOUT_MS,
      throwOnRequestTimeout: true,
      httpAgent: { keepAlive: true, maxSockets: SOCKETS_MAX },
      httpsAgent: { keepAlive: true, maxSockets: SOCKETS_MAX },
    },
    // An emulator accepts any credentials; in the cloud the function's role signs.
    ...(endpoint === undefined ? {} : { endpoint, credentials: { accessKeyId: "local", secretAccessKey: "local" } }),
  })
  const breaker = createBreaker("sqs", watch)
  const reach = async <T>(call: Promise<T>): Promise<T> => {
    const { succeeded, failed } = breaker.begin()
    try {
      const answer = await call
      succeeded()
      return answer
    } catch (error) {
      failed(error)
      throw new DependencyAway("sqs", error)
    }
  }

  return {
    async sendBatch(QueueUrl, messages) {
      const Entries = messages.map(sendEntry)
      const answer = await reach(sqs.send(new SendMessageBatchCommand({ QueueUrl, Entries })))
      return (answer.Failed ?? []).map(({ Id }) => Number(Id))
    },
    async depth(QueueUrl) {
      const command = new GetQueueAttributesCommand({ QueueUrl, AttributeNames: Object.values(DEPTH_ATTRIBUTES) })
      const { Attributes = {} } = await reach(sqs.send(command, { requestTimeout: DEPTH_TIMEOUT_MS }))
      const count = (name: keyof QueueDepth) => Number(Attributes[DEPTH_ATTRIBUTES[name]] ?? 0)
      return { visible: count("visible"), inFlight: count("inFlight"), delayed: count("delayed") }
    },
    async receive(QueueUrl, holdSeconds) {
      const command = new ReceiveMessageCommand({
        QueueUrl,
        ...(holdSeconds === undefined ? {} : { VisibilityTimeout: holdSeconds }),
        MaxNumberOfMessages: 10,
        WaitTimeSeconds: 0,
        MessageSystemAttributeNames: ["All"],
        MessageAttributeNames: ["All"],
      })
      return (await reach(sqs.send(command))).Messages ?? []
    },
    async release(QueueUrl, receiptHandles) {
      const Entries = receiptHandles.map((ReceiptHandle, index) => ({
        Id: String(index),
        ReceiptHandle,
        VisibilityTimeout: 0,
      }))
      await reach(sqs.send(new ChangeMessageVisibilityBatchCommand({ QueueUrl, Entries })))
    },
    async remove(QueueUrl, receiptHandles) {
      const Entries = receiptHandles.map((ReceiptHandle, index) => ({ Id: String(index), ReceiptHandle }))
      await reach(sqs.send(new DeleteMessageBatchCommand({ QueueUrl, Entries })))
    },
    check: breaker.check,
    isAway: breaker.isOpen,
    close: () => sqs.destroy(),
  }
}

/** AWS's codes that mean "not now". */
const THROTTLED = /Throttl|OverLimit|RequestLimit/

/**
 * Returns the code with which a call failed, of AWS or of the connection, and whether AWS refused it for good: a right, a
 * key or the queue is missing, and no retry changes that.
 */
export function sqsFailure(error: unknown): { code: string; refused: boolean } {
  const { cause } = error as { cause?: { name?: string; Code?: string; code?: string; $fault?: string } }
  const code = cause?.Code ?? cause?.code ?? cause?.name ?? "unknown"
  return { code, refused: cause?.$fault === "client" && !THROTTLED.test(code) }
}

const sendEntry = (
  { group, body, delaySeconds, reason }: QueueMessage,
  index: number,
): SendMessageBatchRequestEntry => ({
  Id: String(index),
  MessageBody: body,
  MessageGroupId: group,
  ...(delaySeconds === undefined ? {} : { DelaySeconds: delaySeconds }),
  ...(reason === undefined ? {} : { MessageAttributes: { reason: { DataType: "String", StringValue: reason } } }),
})
