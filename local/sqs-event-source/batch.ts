// Builds batches and reads the answers to them: the pure half of the SQS event source.
import type { Message, MessageAttributeValue } from "@aws-sdk/client-sqs"
import type { SQSMessageAttribute, SQSRecord } from "aws-lambda"

/** SQS's limit for one receive, delete or change of visibility. */
export const SQS_ENTRIES_MAX = 10
/** Receives in parallel from one queue while they come back full, for several batches or a large one. */
export const PARALLEL_RECEIVES_MAX = 5
/** Lambda's limit for the payload of a synchronous invocation ("6 MB", counted as 6 MiB). */
export const PAYLOAD_BYTES_MAX = 6 * 1024 * 1024
/** Room for `{"Records":[]}` and what a runtime may add. */
const ENVELOPE_BYTES = 64

/** The function's answer is invalid, so the whole batch comes again. */
export class BatchResponseError extends Error {
  override name = "BatchResponseError"
}

/** Returns a received message in the form in which Lambda passes it to a function. */
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
    // Reserved by SQS and always empty, but Lambda passes them.
    stringListValues: [],
    binaryListValues: [],
    dataType: value.DataType ?? "String",
  }
}

/** Returns the size of a record in the invocation's payload, comma included. */
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

/** Returns how many more messages, of the average size so far, fit into a batch of `count` records. */
export function roomLeft(batchSize: number, count: number, bytes: number): number {
  return Math.min(batchSize - count, Math.floor((PAYLOAD_BYTES_MAX - bytes) / (bytes / count)))
}

/** Returns the sizes of parallel receives for `limit` messages, or for as many as one round can bring. */
export function receiveSizes(limit: number): number[] {
  const sizes: number[] = []
  for (let rest = limit; rest > 0 && sizes.length < PARALLEL_RECEIVES_MAX; rest -= SQS_ENTRIES_MAX) {
    sizes.push(Math.min(rest, SQS_ENTRIES_MAX))
  }
  return sizes
}

/**
 * Returns the records of a batch that are done and can be deleted, by AWS's rules for a function's answer
 * ("Implementing partial batch responses" in the Lambda guide). Without ReportBatchItemFailures any answer is
 * success. With it, null, `{}` and a null or empty `batchItemFailures` are success, and a list names what comes again.
 * @throws BatchResponseError where AWS treats the batch as a complete failure: no JSON, or an `itemIdentifier` that is
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

/** Returns the answer after a round trip through JSON, as in the cloud; a string is parsed as a payload. */
function asJson(answer: unknown): unknown {
  try {
    return JSON.parse(typeof answer === "string" ? answer : JSON.stringify(answer ?? null))
  } catch (error) {
    throw new BatchResponseError(`it is not JSON (${(error as Error).message})`)
  }
}
