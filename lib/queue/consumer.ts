/**
 * What the queues' consumers have in common: the partial batch response, and the log line of a batch. A batch that takes
 * too long comes again as a whole: middy gives it up 5 ms before the function's time is over.
 * https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
 */
import middy from "@middy/core"
import type { SQSBatchResponse, SQSEvent, SQSRecord } from "aws-lambda"
import { log } from "../log.ts"

type ConsumerOptions = {
  /** Answers the ids of the messages that are to come again. A throw makes the whole batch come again. */
  run: (records: SQSRecord[]) => Promise<string[]>
}

/** A queue-triggered handler that reports partial batch failures. */
export function consumer({ run }: ConsumerOptions) {
  return middy(async (event: SQSEvent, context: { functionName?: string }): Promise<SQSBatchResponse> => {
    const started = performance.now()
    const failed = await run(event.Records)
    log.info("batch", {
      function: context.functionName,
      records: event.Records.length,
      redelivered: event.Records.filter((record) => receiveCount(record) > 1).length,
      failed: failed.length,
      duration_ms: Math.round(performance.now() - started),
    })
    return { batchItemFailures: failed.map((itemIdentifier) => ({ itemIdentifier })) }
  })
}

/** How often the queue has handed this message out, this time included. */
export const receiveCount = (record: SQSRecord): number => Number(record.attributes.ApproximateReceiveCount)
