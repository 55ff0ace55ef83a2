import { setTimeout as delay } from "node:timers/promises"
import { afterEach, beforeAll, describe, expect, it, jest } from "@jest/globals"
import type { SQSRecord } from "aws-lambda"
import { PAYLOAD_BYTES_MAX } from "./batch.ts"
import {
  type Answer,
  cleanUp,
  clientOf,
  depth,
  endpoint,
  eventually,
  forwarder,
  poll,
  queue,
  requireElasticMq,
  send,
} from "./poller.steps.ts"

/** Time for several rounds of gathering, three seconds each. */
const REDELIVERY_LIMIT_MS = 20_000

// Longer than `eventually` waits, so that a failure shows its reason even on a busy machine.
jest.setTimeout(30_000)
beforeAll(requireElasticMq)
afterEach(cleanUp)

/** Sorts the bodies, since a standard queue keeps no order. */
const sortedBodies = (calls: SQSRecord[][]) => calls.map((records) => records.map((r) => r.body).toSorted(byText))
const byText = (a: string, b: string) => a.localeCompare(b)

describe("a batch", () => {
  it("when the answer lists items, has only these come again, after the visibility timeout", async () => {
    const { queueName, QueueUrl } = await queue({ VisibilityTimeout: "1" })
    await send(QueueUrl, ["good", "bad", "fine"])
    const start = Date.now()
    const { calls } = poll(queueName, (records) => ({
      batchItemFailures: records
        .filter((record) => record.body === "bad" && record.attributes.ApproximateReceiveCount === "1")
        .map((record) => ({ itemIdentifier: record.messageId })),
    }))
    await eventually(() =>
      expect(
        calls
          .flat()
          .map((r) => `${r.body} ${r.attributes.ApproximateReceiveCount}`)
          .toSorted(byText),
      ).toEqual(["bad 1", "bad 2", "fine 1", "good 1"]),
    )
    expect(Date.now() - start).toBeGreaterThan(900)
    await eventually(async () => expect(await depth(QueueUrl)).toBe(0))
  })

  it("when the answer is success or a complete failure as AWS has it, is deleted or comes again whole", async () => {
    const answers: [delivered: number, answer: Answer][] = [
      [1, () => undefined],
      [1, () => null],
      [1, () => ({})],
      [1, () => ({ batchItemFailures: null })],
      [1, () => ({ batchItemFailures: [] })],
      [2, () => Promise.reject(new Error("planted"))],
      [2, () => "{bad json"],
      [2, () => ({ batchItemFailures: [{ itemIdentifier: "" }] })],
      [2, () => ({ batchItemFailures: [{ itemIdentifier: null }] })],
      [2, ([record]) => ({ batchItemFailures: [{ itemIdentifer: record?.messageId }] })],
      [2, () => ({ batchItemFailures: [{ itemIdentifier: "unknown" }] })],
    ]
    const check = async ([delivered, answer]: (typeof answers)[number]) => {
      const { queueName, QueueUrl } = await queue({ VisibilityTimeout: "1" })
      await send(QueueUrl, ["a", "b"])
      const { calls, lines } = poll(queueName, (records, call) => (call === 1 ? answer(records, call) : {}))
      await eventually(async () => expect(await depth(QueueUrl)).toBe(0))
      await delay(1_300)
      const expected = Array.from({ length: delivered }, () => ["a", "b"])
      expect(sortedBodies(calls)).toEqual(expected)
      expect(lines).toHaveLength(delivered - 1)
    }
    await Promise.all(answers.map(check))
  })

  it("when ReportBatchItemFailures is off, is deleted whatever the answer, and comes again after a throw", async () => {
    const { queueName, QueueUrl } = await queue({ VisibilityTimeout: "1" })
    await send(QueueUrl, ["a"])
    const answer: Answer = ([record], call) => {
      if (call === 1) throw new Error("planted")
      return { batchItemFailures: [{ itemIdentifier: record?.messageId }] }
    }
    const { bodies } = poll(queueName, answer, { reportBatchItemFailures: false })
    await eventually(() => expect(bodies()).toEqual(["a", "a"]))
    await eventually(async () => expect(await depth(QueueUrl)).toBe(0))
  })

  it("when an item fails maxReceiveCount times, has it go to the dead-letter queue", async () => {
    const dead = await queue()
    const RedrivePolicy = JSON.stringify({
      deadLetterTargetArn: `arn:aws:sqs:us-east-1:000000000000:${dead.queueName}`,
      maxReceiveCount: 2,
    })
    const { queueName, QueueUrl } = await queue({ VisibilityTimeout: "1", RedrivePolicy })
    await send(QueueUrl, ["good", "poison"])
    const { bodies } = poll(queueName, (records) => ({
      batchItemFailures: records.filter((r) => r.body === "poison").map((r) => ({ itemIdentifier: r.messageId })),
    }))
    await eventually(async () => expect(await depth(dead.QueueUrl)).toBe(1))
    expect(bodies().toSorted(byText)).toEqual(["good", "poison", "poison"])
    expect(await depth(QueueUrl)).toBe(0)
  })

  it("when a delete fails for a while, is deleted by a later attempt and does not come again", async () => {
    const { queueName, QueueUrl } = await queue({ VisibilityTimeout: "2" })
    const proxy = await forwarder()
    await send(QueueUrl, ["a"])
    const { bodies } = poll(queueName, proxy.shut, {}, proxy.url)
    await eventually(() => expect(bodies()).toEqual(["a"]))
    await delay(300)
    await proxy.open()
    await eventually(async () => expect(await depth(QueueUrl)).toBe(0))
    expect(bodies()).toEqual(["a"])
  })

  it("when single deletes fail, has these tried again, and those refused for good reported once", async () => {
    const { queueName, QueueUrl } = await queue()
    await send(QueueUrl, ["a", "b", "c"])
    const client = clientOf(endpoint)
    const sizes: number[] = []
    client.middlewareStack.add(
      (next, context) => async (args) => {
        const { Entries } = args.input as { Entries?: { Id: string; ReceiptHandle: string }[] }
        if (context.commandName !== "DeleteMessageBatchCommand" || !Entries) return await next(args)
        sizes.push(Entries.length)
        if (sizes.length > 1) return await next(args)
        const Failed = [
          { Id: "1", SenderFault: false, Code: "InternalError" },
          { Id: "2", SenderFault: true, Code: "ReceiptHandleIsInvalid" },
        ]
        return { response: {}, output: { $metadata: {}, Successful: [], Failed } }
      },
      { step: "initialize" },
    )
    const { lines } = poll(queueName, () => ({}), { client })
    await eventually(() => expect(sizes).toEqual([3, 1]))
    await eventually(async () => expect(await depth(QueueUrl)).toBe(2))
    expect(lines).toHaveLength(1)
    expect(lines[0]).toContain("1 messages that are done could not be deleted")
  })

  it("when a message is received twice while it is gathered, holds it once, and the latest receipt deletes it", async () => {
    const { queueName, QueueUrl } = await queue({ VisibilityTimeout: "1" })
    await send(QueueUrl, ["a"])
    const { calls, bodies } = poll(queueName, () => ({}), { windowS: 3 })
    await eventually(() => expect(bodies()).toEqual(["a"]))
    expect(Number(calls[0]?.[0]?.attributes.ApproximateReceiveCount)).toBeGreaterThan(1)
    // On a busy machine even the latest receipt may have expired before the delete; then the message comes once more.
    await eventually(async () => expect(await depth(QueueUrl)).toBe(0), REDELIVERY_LIMIT_MS)
  })
})

describe("the records of a batch", () => {
  it("when messages carry attributes and a group, have the shape that Lambda gives them", async () => {
    const { queueName, QueueUrl } = await queue()
    await send(QueueUrl, ["hello"], {
      MessageGroupId: "application",
      MessageAttributes: {
        text: { DataType: "String", StringValue: "v" },
        count: { DataType: "Number", StringValue: "7" },
        bytes: { DataType: "Binary", BinaryValue: new Uint8Array([1, 2, 255]) },
      },
    })
    const { calls } = poll(queueName, () => ({}))
    await eventually(() => expect(calls).toHaveLength(1))
    const empty = { stringListValues: [], binaryListValues: [] }
    expect(calls[0]).toEqual([
      {
        messageId: expect.stringMatching(/^[0-9a-f-]{36}$/),
        receiptHandle: expect.any(String),
        body: "hello",
        attributes: expect.objectContaining({
          ApproximateReceiveCount: "1",
          ApproximateFirstReceiveTimestamp: expect.stringMatching(/^\d{13}$/),
          SentTimestamp: expect.stringMatching(/^\d{13}$/),
          SenderId: expect.any(String),
          MessageGroupId: "application",
        }),
        messageAttributes: {
          text: { stringValue: "v", ...empty, dataType: "String" },
          count: { stringValue: "7", ...empty, dataType: "Number" },
          bytes: { binaryValue: "AQL/", ...empty, dataType: "Binary" },
        },
        md5OfBody: "5d41402abc4b2a76b9719d911017c592",
        md5OfMessageAttributes: expect.stringMatching(/^[0-9a-f]{32}$/),
        eventSource: "aws:sqs",
        eventSourceARN: `arn:aws:sqs:us-east-1:000000000000:${queueName}`,
        awsRegion: "us-east-1",
      },
    ])
  })
})

describe("the size of a batch", () => {
  it.each([10, 100])(
    "when there is no window and batchSize is %i, lets a lone message go at once",
    async (batchSize) => {
      const { queueName, QueueUrl } = await queue()
      const { bodies } = poll(queueName, () => ({}), { batchSize })
      await delay(300)
      const start = Date.now()
      await send(QueueUrl, ["lone"])
      await eventually(() => expect(bodies()).toEqual(["lone"]))
      expect(Date.now() - start).toBeLessThan(1_000)
    },
  )

  it("when there is a window, takes what comes within it, and ends when it is over", async () => {
    const { queueName, QueueUrl } = await queue()
    const { calls } = poll(queueName, () => ({}), { windowS: 2, batchSize: 100 })
    const start = Date.now()
    for (const body of ["a", "b", "c"]) {
      await send(QueueUrl, [body])
      await delay(250)
    }
    await eventually(() => expect(sortedBodies(calls)).toEqual([["a", "b", "c"]]))
    expect(Date.now() - start).toBeGreaterThan(1_900)
    expect(Date.now() - start).toBeLessThan(3_500)
  })

  it("when the window is a part of a second, takes what comes within it", async () => {
    const { queueName, QueueUrl } = await queue()
    const { calls } = poll(queueName, () => ({}), { windowS: 0.9, batchSize: 100 })
    await send(QueueUrl, ["a"])
    await send(QueueUrl, ["b", "c"])
    await eventually(() => expect(calls).toHaveLength(1))
    expect(calls[0]?.map(({ body }) => body).toSorted()).toEqual(["a", "b", "c"])
  })

  it("when the batch is full before its window is over, does not wait for the rest", async () => {
    const { queueName, QueueUrl } = await queue()
    await send(
      QueueUrl,
      Array.from({ length: 70 }, (_, i) => String(i)),
    )
    const { calls } = poll(queueName, () => ({}), { windowS: 60, batchSize: 35 })
    await eventually(() => expect(calls.map((records) => records.length)).toEqual([35, 35]), 3_000)
  })

  it("when there is no window and batchSize is over 10, fills it with what is there", async () => {
    const { queueName, QueueUrl } = await queue()
    await send(
      QueueUrl,
      Array.from({ length: 60 }, (_, i) => String(i)),
    )
    const { calls, bodies } = poll(queueName, () => ({}), { batchSize: 60 })
    await eventually(() => expect(new Set(bodies()).size).toBe(60), 3_000)
    expect(calls[0]?.length).toBeGreaterThan(10)
  })

  it("when batchSize is below 10, is never exceeded", async () => {
    const { queueName, QueueUrl } = await queue()
    await send(
      QueueUrl,
      Array.from({ length: 20 }, (_, i) => String(i)),
    )
    const { calls, bodies } = poll(queueName, () => ({}), { batchSize: 3 })
    await eventually(() => expect(bodies()).toHaveLength(20))
    expect(Math.max(...calls.map((records) => records.length))).toBe(3)
  })

  it("when the messages are large, keeps the payload within 6 MB", async () => {
    const { queueName, QueueUrl } = await queue()
    await send(
      QueueUrl,
      Array.from({ length: 32 }, () => "x".repeat(250_000)),
    )
    const { calls, bodies } = poll(queueName, () => ({}), { windowS: 2, batchSize: 100 })
    await eventually(() => expect(bodies()).toHaveLength(32), 15_000)
    for (const Records of calls) {
      expect(Buffer.byteLength(JSON.stringify({ Records }))).toBeLessThanOrEqual(PAYLOAD_BYTES_MAX)
    }
    expect(Math.max(...calls.map((records) => records.length))).toBeGreaterThan(20)
  })
})
