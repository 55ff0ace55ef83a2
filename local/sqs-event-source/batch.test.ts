import { describe, expect, it } from "@jest/globals"
import type { SQSRecord } from "aws-lambda"
import { BatchResponseError, PAYLOAD_BYTES_MAX, splitIntoBatches, succeededRecords } from "./batch.ts"

const batch = ["a", "b", "c"].map((messageId) => ({ messageId, body: "x" }) as SQSRecord)
const idsDone = (answer: unknown, report = true) => succeededRecords(batch, answer, report).map((r) => r.messageId)

describe("an answer to a batch with ReportBatchItemFailures", () => {
  it.each([
    ["nothing", undefined],
    ["null", null],
    ["an empty object", {}],
    ["an object of another kind", { statusCode: 200 }],
    ["a null list", { batchItemFailures: null }],
    ["an empty list", { batchItemFailures: [] }],
    ["an empty list as JSON text", '{"batchItemFailures":[]}'],
  ])("when it is %s, all records are done", (_, answer) => {
    expect(idsDone(answer)).toEqual(["a", "b", "c"])
  })

  it("when it lists items, once or twice, all others are done", () => {
    const failures = [{ itemIdentifier: "b" }, { itemIdentifier: "b" }]
    expect(idsDone({ batchItemFailures: failures })).toEqual(["a", "c"])
  })

  it.each([
    ["an empty text", ""],
    ["bad JSON text", '{"batchItemFailures":['],
    ["a text", "ok"],
    ["a number", 1],
    ["a list", []],
    ["what JSON cannot hold", { batchItemFailures: 1n }],
    ["a list that is a text", { batchItemFailures: "a" }],
    ["an empty itemIdentifier", { batchItemFailures: [{ itemIdentifier: "" }] }],
    ["a null itemIdentifier", { batchItemFailures: [{ itemIdentifier: null }] }],
    ["a numeric itemIdentifier", { batchItemFailures: [{ itemIdentifier: 1 }] }],
    ["a bad key name", { batchItemFailures: [{ itemId: "a" }] }],
    ["a null item", { batchItemFailures: [null] }],
    [
      "an unknown itemIdentifier beside a known one",
      { batchItemFailures: [{ itemIdentifier: "a" }, { itemIdentifier: "z" }] },
    ],
  ])("when it is %s, the batch is a complete failure", (_, answer) => {
    expect(() => idsDone(answer)).toThrow(BatchResponseError)
  })
})

it.each([["bad JSON"], [""], [{ batchItemFailures: [{ itemIdentifier: "a" }] }], [{ batchItemFailures: "?" }]])(
  "an answer to a batch without ReportBatchItemFailures, whatever it is, means that all records are done: %j",
  (answer) => {
    expect(idsDone(answer, false)).toEqual(["a", "b", "c"])
  },
)

describe("received records", () => {
  it("when they are more than the batch size, are split in their order", () => {
    expect(splitIntoBatches(batch, 2).map((records) => records.map((r) => r.messageId))).toEqual([["a", "b"], ["c"]])
  })

  it("when they are too much for one payload, are split so that each fits, escapes counted", () => {
    const records = Array.from(
      { length: 9 },
      (_, i) => ({ messageId: String(i), body: '"'.repeat(500_000) }) as SQSRecord,
    )
    const batches = splitIntoBatches(records, 10)
    expect(batches.flat()).toEqual(records)
    expect(batches.length).toBe(2)
    for (const Records of batches)
      expect(Buffer.byteLength(JSON.stringify({ Records }))).toBeLessThanOrEqual(PAYLOAD_BYTES_MAX)
  })

  it("when there are none, make no batch", () => {
    expect(splitIntoBatches([], 10)).toEqual([])
  })
})
