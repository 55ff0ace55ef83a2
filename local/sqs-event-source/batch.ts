// What one batch is made of and how an answer to it is read: the pure half of the SQS event source.
import type { Message, MessageAttributeValue } from "@aws-sdk/client-sqs"
import type { SQSMessageAttribute, SQSRecord } from "aws-lambda"

/** SQS's own bound on one receive, delete or change of visibility. */
export const SQS_ENTRIES_MAX = 10
/** Receives under way for one queue while answers come full: of several batches, or of a large one. */
export const PARALLEL_RECEIVES_MAX = 5
/** Lambda refuses a synchronous invocation whose payload is larger (quota "6 MB", which it counts as 6 MiB). */
export const PAYLOAD_BYTES_MAX = 6 * 1024 * 1024
/** `{"Records":[]}` and what a runtime may add around it. */
const ENVELOPE_BYTES = 64

/** The invocation's payload cannot be taken as an answer to the batch: the whole batch comes again. */
export class BatchResponseError extends Error {
  override name = "BatchResponseError"
}

/** A received message in the shape in which Lambda hands it to a function. */
export function toRecord(message: Message, arn: string, region: string): SQSRecord {
  return {
    messageId: message.MessageId ?? "",
    receiptHandle: message.ReceiptHandle ?? "",
    body: message.Body ?? "",
    attributes: (message.Attributes ?? {}) as unknown as SQSRecord["attributes"],
    messageAttributes: Object.fromEntries(
      Object.entries(message.MessageAttributes ?? {}).map(([name, value]) => [name, toMessageAttribute(value)]),
    ),
    md5OfBody: message.MD5OfBody ?? "",
    ...(message.MD5OfMessageAttributes ? { md5OfMessageAttributes: message.MD5OfMessageAttributes } : {}),
    eventSource: "aws:sqs",
    eventSourceARN: arn,
    awsRegion: region,
  }
}

function toMessageAttribute(value: MessageAttributeValue): SQSMessageAttribute {
  return {
    ...(value.StringValue === undefined ? {} : { stringValue: value.StringValue }),
    ...(value.BinaryValue === undefined ? {} : { binaryValue: Buffer.from(value.BinaryValue).toString("base64") }),
    // Reserved by SQS and always empty; Lambda shows them nevertheless.
    stringListValues: [],
    binaryListValues: [],
    dataType: value.DataType ?? "String",
  }
}

/** How many bytes the record takes up in the payload of the invocation, its comma included. */
export function payloadBytes(record: SQSRecord): number {
  return Buffer.byteLength(JSON.stringify(record)) + 1
}

/** Splits records, in their order, into batches of at most `batchSize` records and PAYLOAD_BYTES_MAX bytes. */
export function splitIntoBatches(records: readonly SQSRecord[], batchSize: number): SQSRecord[][] {
  const batches: SQSRecord[][] = []
  let bytes = 0
  for (const record of records) {
    const size = payloadBytes(record)
    const batch = batches.at(-1)
    if (batch && batch.length < batchSize && bytes + size <= PAYLOAD_BYTES_MAX) {
      batch.push(record)
      bytes += size
    } else {
      batches.push([record])
      bytes = ENVELOPE_BYTES + size
    }
  }
  return batches
}

/** How many more messages of the average size so far a batch of `count` records can take. */
export function roomLeft(batchSize: number, count: number, bytes: number): number {
  return Math.min(batchSize - count, Math.floor((PAYLOAD_BYTES_MAX - bytes) / (bytes / count)))
}

/** The sizes of the receives that ask for `limit` messages, or as many as one round can bring, side by side. */
export function receiveSizes(limit: number): number[] {
  const sizes: number[] = []
  for (let rest = limit; rest > 0 && sizes.length < PARALLEL_RECEIVES_MAX; rest -= SQS_ENTRIES_MAX) {
    sizes.push(Math.min(rest, SQS_ENTRIES_MAX))
  }
  return sizes
}

/**
 * The records of a batch that are done and are to be deleted, by AWS's rules for a function's answer
 * ("Implementing partial batch responses" in the Lambda guide). Without ReportBatchItemFailures any answer is
 * success. With it, null, `{}` and a null or empty `batchItemFailures` are success, and a list names what comes again.
 * @throws BatchResponseError where AWS takes the batch for a complete failure: no JSON, an `itemIdentifier` that is
 * empty, null, under another key, or not of this batch.
 */
export function succeededRecords(
  batch: readonly SQSRecord[],
  answer: unknown,
  reportBatchItemFailures: boolean,
): SQSRecord[] {
  if (!reportBatchItemFailures) return [...batch]
  const response = asJson(answer)
  if (response === null) return [...batch]
  if (typeof response !== "object" || Array.isArray(response)) throw new BatchResponseError("it is not an object")
  const failures = (response as { batchItemFailures?: unknown }).batchItemFailures
  if (failures === undefined || failures === null) return [...batch]
  if (!Array.isArray(failures)) throw new BatchResponseError("batchItemFailures is not a list")
  const ids = new Set(batch.map((record) => record.messageId))
  const failed = new Set(failures.map((failure: unknown) => failedId(failure, ids)))
  return batch.filter((record) => !failed.has(record.messageId))
}

function failedId(failure: unknown, ids: ReadonlySet<string>): string {
  const id = (failure as { itemIdentifier?: unknown } | null)?.itemIdentifier
  if (typeof id !== "string" || id === "") throw new BatchResponseError("an itemIdentifier is missing, null or empty")
  if (!ids.has(id)) throw new BatchResponseError(`itemIdentifier ${id} is not of this batch`)
  return id
}

/** The answer as it comes out of JSON, since in the cloud that is all that crosses; a string is taken as a payload. */
function asJson(answer: unknown): unknown {
  try {
    return JSON.parse(typeof answer === "string" ? answer : JSON.stringify(answer ?? null))
  } catch (error) {
    throw new BatchResponseError(`it is not JSON (${(error as Error).message})`)
  }
}
