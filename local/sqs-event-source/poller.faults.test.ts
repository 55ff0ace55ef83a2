import { setTimeout as delay } from "node:timers/promises"
import {
  CreateQueueCommand,
  DeleteQueueCommand,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
} from "@aws-sdk/client-sqs"
import { afterEach, beforeAll, describe, expect, it, jest } from "@jest/globals"
import { cleanUp, depth, eventually, forwarder, poll, queue, requireElasticMq, send, sqs } from "./poller.steps.ts"

// Longer than `eventually` waits, so that a failure shows its reason even on a busy machine.
jest.setTimeout(30_000)
beforeAll(requireElasticMq)
afterEach(cleanUp)

/** Returns the lines about away and back, without those of deletes that were cut off. */
const turnsOf = (lines: string[]): string[] => lines.filter((line) => / is (away|back)/.test(line))

describe("a queue that is away", () => {
  it("when it does not answer at the start, is waited for, with one line when it is away and one when it is back", async () => {
    const { queueName, QueueUrl } = await queue()
    await send(QueueUrl, ["a"])
    const proxy = await forwarder()
    await proxy.shut()
    const { bodies, lines } = poll(queueName, () => ({}), {}, proxy.url)
    await eventually(() => expect(lines).toHaveLength(1))
    await delay(1_500)
    await proxy.open()
    await eventually(() => expect(bodies()).toEqual(["a"]), 3_000)
    expect(lines).toEqual([expect.stringContaining("connect ECONNREFUSED"), `${queueName} is back`])
  })

  it("when it is not there yet, is waited for", async () => {
    const { queueName, QueueUrl } = await queue()
    await sqs.send(new DeleteQueueCommand({ QueueUrl }))
    const { bodies, lines } = poll(queueName, () => ({}))
    await eventually(() => expect(lines).toHaveLength(1))
    await sqs.send(new CreateQueueCommand({ QueueName: queueName }))
    await send(QueueUrl, ["a"])
    await eventually(() => expect(bodies()).toEqual(["a"]))
  })

  it("when it goes later, several times, is found again each time, with two lines each", async () => {
    // Short, since the long poll of a cut connection may still receive a message and hide it for this long.
    const { queueName, QueueUrl } = await queue({ VisibilityTimeout: "1" })
    const proxy = await forwarder()
    const { bodies, lines } = poll(queueName, () => ({}), {}, proxy.url)
    for (const round of [1, 2, 3]) {
      await send(QueueUrl, [String(round)])
      await eventually(() => expect(bodies()).toContain(String(round)), 10_000)
      await proxy.shut()
      await eventually(() => expect(turnsOf(lines)).toHaveLength(2 * round - 1))
      await proxy.open()
      await eventually(() => expect(turnsOf(lines)).toHaveLength(2 * round))
    }
  })

  it("when it hangs, is given up on in time and found again", async () => {
    const { queueName, QueueUrl } = await queue()
    const proxy = await forwarder()
    const { bodies, lines } = poll(queueName, () => ({}), {}, proxy.url)
    await send(QueueUrl, ["a"])
    await eventually(() => expect(bodies()).toEqual(["a"]))
    proxy.hang(true)
    const away = `${queueName} is away: no answer in time`
    await eventually(() => expect(turnsOf(lines)).toEqual([away]), 10_000)
    proxy.hang(false)
    await eventually(() => expect(turnsOf(lines)).toEqual([away, `${queueName} is back`]), 10_000)
  })
})

describe("a stop", () => {
  it("when a call is under way, waits for it, deletes what it did, and receives no more", async () => {
    const { queueName, QueueUrl } = await queue()
    await send(QueueUrl, ["a"])
    const { bodies, stop } = poll(queueName, () => delay(1_500))
    await eventually(() => expect(bodies()).toEqual(["a"]))
    await stop()
    expect(await depth(QueueUrl)).toBe(0)
    await send(QueueUrl, ["later"])
    await delay(1_200)
    expect(bodies()).toEqual(["a"])
  })

  it("when messages are gathered but not handed over, makes them visible again at once", async () => {
    const { queueName, QueueUrl } = await queue()
    await send(QueueUrl, ["a", "b"])
    const { calls, stop } = poll(queueName, () => ({}), { windowS: 60 })
    const AttributeNames = ["ApproximateNumberOfMessagesNotVisible" as const]
    await eventually(async () => {
      const { Attributes } = await sqs.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames }))
      expect(Attributes?.ApproximateNumberOfMessagesNotVisible).toBe("2")
    })
    await stop()
    expect(calls).toEqual([])
    const { Messages } = await sqs.send(new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10 }))
    expect(Messages).toHaveLength(2)
  })

  it("when a call does not end, is over at its limit and says so", async () => {
    const { queueName, QueueUrl } = await queue()
    await send(QueueUrl, ["a"])
    const { bodies, lines, stop } = poll(queueName, () => new Promise(() => undefined))
    await eventually(() => expect(bodies()).toEqual(["a"]))
    await stop(200)
    expect(lines).toEqual([`${queueName}: stopped with 1 calls under way; their messages come again`])
  })

  it("when the queue is away, is over at once", async () => {
    const proxy = await forwarder()
    await proxy.shut()
    const { lines, stop } = poll("none", () => ({}), {}, proxy.url)
    await eventually(() => expect(lines).toHaveLength(1))
    const start = Date.now()
    await stop()
    expect(Date.now() - start).toBeLessThan(1_000)
  })
})
