// Sends the requests to one SQS queue, each with a time-out, so that a queue that hangs fails like one that is gone.
import { setTimeout as delay } from "node:timers/promises"
import {
  ChangeMessageVisibilityBatchCommand,
  DeleteMessageBatchCommand,
  GetQueueUrlCommand,
  type Message,
  ReceiveMessageCommand,
  type SQSClient,
} from "@aws-sdk/client-sqs"
import type { SQSRecord } from "aws-lambda"
import { SQS_ENTRIES_MAX } from "./batch.ts"

/** A request without an answer after this, beyond its long poll, counts as hung. */
const REQUEST_TIMEOUT_MS = 5_000
/** First and longest pause after failures: short, since a refused connection costs little. */
const BACK_OFF_MS = 100
const BACK_OFF_MS_MAX = 2_000
/** About 1.5 s in all; after that the messages come again, which at-least-once delivery allows. */
const DELETE_ATTEMPTS_MAX = 5

/** Returns the queue of that name at the client's endpoint. Makes no request yet, so it may be away or missing. */
export function openQueue(client: SQSClient, name: string, log: (line: string) => void) {
  let url: string | undefined
  return {
    /**
     * Receives up to `limit` messages (1–10) with all attributes; waits up to `waitS` whole seconds for the first.
     * @throws any error, that of finding the queue included
     */
    receive: async (limit: number, waitS: number): Promise<Message[]> => {
      url ??= await findQueue(client, name)
      const command = new ReceiveMessageCommand({
        QueueUrl: url,
        MaxNumberOfMessages: limit,
        WaitTimeSeconds: waitS,
        MessageSystemAttributeNames: ["All"],
        MessageAttributeNames: ["All"],
      })
      const { Messages = [] } = await client.send(command, within(waitS * 1000 + REQUEST_TIMEOUT_MS))
      return Messages
    },

    /** Deletes the records, with retries, and logs how many it could not delete. Never rejects. */
    remove: async (records: readonly SQSRecord[]): Promise<void> => {
      await Promise.all(chunks(records).map((chunk) => remove(client, name, url, chunk, log)))
    },

    /** Makes the records visible again; if that fails, their visibility timeout does. Never rejects. */
    release: async (records: readonly SQSRecord[]): Promise<void> => {
      const release = async (chunk: SQSRecord[]) => {
        const Entries = entriesOf(chunk).map((entry) => ({ ...entry, VisibilityTimeout: 0 }))
        const command = new ChangeMessageVisibilityBatchCommand({ QueueUrl: url, Entries })
        await client.send(command, within(REQUEST_TIMEOUT_MS))
      }
      const failed = (error: unknown) => log(`${name}: messages could not be made visible again: ${reasonOf(error)}`)
      await Promise.all(chunks(records).map((chunk) => release(chunk).catch(failed)))
    },

    /** Aborts running requests. */
    close: () => client.destroy(),
  }
}

async function findQueue(client: SQSClient, name: string): Promise<string> {
  const { QueueUrl } = await client.send(new GetQueueUrlCommand({ QueueName: name }), within(REQUEST_TIMEOUT_MS))
  if (QueueUrl === undefined) throw new Error("GetQueueUrl answered without a URL")
  return QueueUrl
}

/** Deletes one to ten records. A failure by our fault (a receipt that is no longer the latest) is not retried. */
async function remove(
  client: SQSClient,
  name: string,
  url: string | undefined,
  records: SQSRecord[],
  log: (line: string) => void,
): Promise<void> {
  const giveUp = (count: number, reason: string) =>
    log(`${name}: ${count} messages that are done could not be deleted and may come again: ${reason}`)
  let left = records
  let reason = ""
  for (let attempt = 1; attempt <= DELETE_ATTEMPTS_MAX; attempt++) {
    if (attempt > 1) await delay(backOffMs(attempt - 1))
    try {
      const command = new DeleteMessageBatchCommand({ QueueUrl: url, Entries: entriesOf(left) })
      const { Failed = [] } = await client.send(command, within(REQUEST_TIMEOUT_MS))
      const refused = Failed.filter((failure) => failure.SenderFault)
      if (refused.length > 0) giveUp(refused.length, codesOf(refused))
      const failed = Failed.filter((failure) => !failure.SenderFault)
      if (failed.length === 0) return
      reason = codesOf(failed)
      left = failed.flatMap((failure) => left[Number(failure.Id)] ?? [])
    } catch (error) {
      reason = reasonOf(error)
    }
  }
  giveUp(left.length, reason)
}

function entriesOf(records: readonly SQSRecord[]): { Id: string; ReceiptHandle: string }[] {
  return records.map((record, index) => ({ Id: String(index), ReceiptHandle: record.receiptHandle }))
}

function codesOf(failures: { Code: string | undefined }[]): string {
  return [...new Set(failures.map((failure) => failure.Code))].join(", ")
}

function chunks(records: readonly SQSRecord[]): SQSRecord[][] {
  return Array.from({ length: Math.ceil(records.length / SQS_ENTRIES_MAX) }, (_, index) =>
    records.slice(index * SQS_ENTRIES_MAX, (index + 1) * SQS_ENTRIES_MAX),
  )
}

/** Returns the milliseconds to pause after this many consecutive failures: doubling, with a random upper half. */
export function backOffMs(failures: number): number {
  const ms = Math.min(BACK_OFF_MS_MAX, BACK_OFF_MS * 2 ** (failures - 1))
  return ms / 2 + (Math.random() * ms) / 2
}

function within(ms: number): { abortSignal: AbortSignal } {
  return { abortSignal: AbortSignal.timeout(ms) }
}

/** Returns the reason of an error as one line, never empty. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  if (error.name === "AbortError" || error.name === "TimeoutError") return "no answer in time"
  // A connection that failed on several addresses has an empty message and a list of errors.
  return error.message || ("code" in error ? String(error.code) : error.name)
}
