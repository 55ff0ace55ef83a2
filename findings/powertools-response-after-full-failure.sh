#!/usr/bin/env bash
# Powertools for AWS Lambda (TypeScript), @aws-lambda-powertools/batch 2.35.0: if every record of a batch fails, process()
# throws FullBatchFailureError, and response() then says that none failed. One expects it to name all of them, as it names
# one of two, and as it does with throwOnFullBatchFailure: false. A handler that catches the error, to log it, and returns
# response() so tells Lambda that the batch succeeded, and SQS deletes it. A handler that lets the error pass is right.
# Known upstream as issue 5624 of aws-powertools/powertools-lambda-typescript, and mended there for a later release.
# Seen on 2026-11-28 (two records):
#   one fails: {"batchItemFailures":[{"itemIdentifier":"a"}]}
#   both fail, caught FullBatchFailureError: {"batchItemFailures":[]}
#   both fail, throwOnFullBatchFailure false: {"batchItemFailures":[{"itemIdentifier":"a"},{"itemIdentifier":"b"}]}
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund @aws-lambda-powertools/batch@2.35.0
cat >ask.mjs <<'JS'
import { BatchProcessor, EventType, processPartialResponse } from "@aws-lambda-powertools/batch"
const records = ["a", "b"].map((messageId) => ({ messageId, body: "{}", eventSource: "aws:sqs" }))
const failing = (ids) => async ({ messageId }) => {
  if (ids.includes(messageId)) throw new Error(`${messageId} failed`)
}
const say = (what, response) => console.log(`${what}: ${JSON.stringify(response)}`)

const processor = new BatchProcessor(EventType.SQS)
processor.register(records, failing(["a"]))
await processor.process()
say("one fails", processor.response())
processor.register(records, failing(["a", "b"]))
const error = await processor.process().catch((thrown) => thrown)
say(`both fail, caught ${error.name}`, processor.response())
const options = { throwOnFullBatchFailure: false }
const response = await processPartialResponse({ Records: records }, failing(["a", "b"]), processor, options)
say("both fail, throwOnFullBatchFailure false", response)
JS
node ask.mjs | tee seen
diff seen - <<'SEEN'
one fails: {"batchItemFailures":[{"itemIdentifier":"a"}]}
both fail, caught FullBatchFailureError: {"batchItemFailures":[]}
both fail, throwOnFullBatchFailure false: {"batchItemFailures":[{"itemIdentifier":"a"},{"itemIdentifier":"b"}]}
SEEN
