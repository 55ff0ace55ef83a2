import { setTimeout as delay } from "node:timers/promises"
import { GetQueueAttributesCommand } from "@aws-sdk/client-sqs"
import { afterEach, beforeAll, describe, expect, it, jest } from "@jest/globals"
import { cleanUp, eventually, poll, queue, requireElasticMq, send, sqs } from "./poller.steps.ts"

// Longer than `eventually` waits, so that a failure shows its reason even on a busy machine.
jest.setTimeout(30_000)
beforeAll(requireElasticMq)
afterEach(cleanUp)

describe("concurrency", () => {
  it.each([2, 8])(
    "when it is bounded to %i, is used up to that and never beyond, nor is more received",
    async (bound) => {
      const { queueName, QueueUrl } = await queue()
      await send(
        QueueUrl,
        Array.from({ length: 60 }, (_, i) => String(i)),
      )
      let running = 0
      let most = 0
      const answer = async () => {
        most = Math.max(most, ++running)
        await delay(300)
        running--
      }
      const { bodies } = poll(queueName, answer, { batchSize: 2, concurrencyMax: bound })
      await eventually(() => expect(running).toBe(bound))
      const AttributeNames = ["ApproximateNumberOfMessagesNotVisible" as const]
      const { Attributes } = await sqs.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames }))
      expect(Number(Attributes?.ApproximateNumberOfMessagesNotVisible)).toBeLessThanOrEqual(2 * bound)
      await eventually(() => expect(new Set(bodies()).size).toBe(60), 10_000)
      expect(most).toBe(bound)
    },
    20_000,
  )
})
