import type { Message } from "@aws-sdk/client-sqs"
import { DependencyAway } from "../errors.ts"
import { connectAws } from "./aws-call.ts"
import { createBreaker, type Watch } from "./breaker.ts"

/** Bounds a write's wait for the queue; the outbox holds its event anyway. */
const SEND_TIMEOUT_MS = 500
/** Longer than a send's, since a busy queue is not away; the relay, readiness, status and recovery ask for depths. */
const DEPTH_TIMEOUT_MS = 1_000

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

type QueueInput = { QueueUrl: string } & Record<string, unknown>
type SqsOptions = { region: string; endpoint?: string | undefined }

/** An emulator accepts any credentials; in the cloud the function's role signs. */
const EMULATOR_CREDENTIALS = { accessKeyId: "local", secretAccessKey: "local" }

export function connectSqs({ region, endpoint }: SqsOptions, watch: Watch): SqsClient {
  const credentials = endpoint === undefined ? undefined : EMULATOR_CREDENTIALS
  const aws = connectAws({ service: "sqs", region, target: "AmazonSQS", json: "1.0", credentials })
  const breaker = createBreaker("sqs", watch)
  /** The URL of a queue begins with the endpoint that serves it. */
  const reach = async <Answer>(operation: string, input: QueueInput, timeoutMs = SEND_TIMEOUT_MS): Promise<Answer> => {
    const { succeeded, failed } = breaker.begin()
    try {
      const answer = await aws.call<Answer>(operation, input, { timeoutMs, endpoint: endpoint ?? input.QueueUrl })
      succeeded()
      return answer
    } catch (error) {
      failed(error)
      throw new DependencyAway("sqs", error)
    }
  }

  return {
    async sendBatch(QueueUrl, messages) {
      const input = { QueueUrl, Entries: messages.map(sendEntry) }
      const { Failed = [] } = await reach<{ Failed?: { Id: string }[] }>("SendMessageBatch", input)
      return Failed.map(({ Id }) => Number(Id))
    },
    async depth(QueueUrl) {
      const input = { QueueUrl, AttributeNames: Object.values(DEPTH_ATTRIBUTES) }
      type Answer = { Attributes?: Partial<Record<string, string>> }
      const { Attributes = {} } = await reach<Answer>("GetQueueAttributes", input, DEPTH_TIMEOUT_MS)
      const count = (name: keyof QueueDepth) => Number(Attributes[DEPTH_ATTRIBUTES[name]] ?? 0)
      return { visible: count("visible"), inFlight: count("inFlight"), delayed: count("delayed") }
    },
    async receive(QueueUrl, holdSeconds) {
      const input = {
        QueueUrl,
        ...(holdSeconds === undefined ? {} : { VisibilityTimeout: holdSeconds }),
        MaxNumberOfMessages: 10,
        WaitTimeSeconds: 0,
        MessageSystemAttributeNames: ["All"],
        MessageAttributeNames: ["All"],
      }
      return (await reach<{ Messages?: Message[] }>("ReceiveMessage", input)).Messages ?? []
    },
    async release(QueueUrl, receiptHandles) {
      const Entries = receiptHandles.map((ReceiptHandle, index) => ({
        Id: String(index),
        ReceiptHandle,
        VisibilityTimeout: 0,
      }))
      await reach("ChangeMessageVisibilityBatch", { QueueUrl, Entries })
    },
    async remove(QueueUrl, receiptHandles) {
      const Entries = receiptHandles.map((ReceiptHandle, index) => ({ Id: String(index), ReceiptHandle }))
      await reach("DeleteMessageBatch", { QueueUrl, Entries })
    },
    check: breaker.check,
    isAway: breaker.isOpen,
    close: aws.close,
  }
}

/** AWS's codes that mean "not now". */
const THROTTLED = /Throttl|OverLimit|RequestLimit/

/**
 * Returns the code with which a call failed, of AWS or of the connection, and whether AWS refused it for good: a right, a
 * key or the queue is missing, and no retry changes that.
 */
export function sqsFailure(error: unknown): { code: string; refused: boolean } {
  const { cause } = error as { cause?: { name?: string; code?: string; status?: number } }
  const code = cause?.code ?? cause?.name ?? "unknown"
  const isOurFault = cause?.status !== undefined && cause.status >= 400 && cause.status < 500
  return { code, refused: isOurFault && !THROTTLED.test(code) }
}

const sendEntry = ({ group, body, delaySeconds, reason }: QueueMessage, index: number) => ({
  Id: String(index),
  MessageBody: body,
  MessageGroupId: group,
  ...(delaySeconds === undefined ? {} : { DelaySeconds: delaySeconds }),
  ...(reason === undefined ? {} : { MessageAttributes: { reason: { DataType: "String", StringValue: reason } } }),
})
