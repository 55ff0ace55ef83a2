// The queue is away: nothing is refused, no creation waits long, and the relay sends what is pending within a minute.
import { expect, test } from "@jest/globals"
import { relay } from "../../lib/relay/relay.ts"
import { chatApi, directTransport, expectStatus } from "../steps/chat-api.ts"
import { drainQueues, takeRecords, whileConsuming } from "../steps/drain.ts"
import { forgetDue } from "../steps/due.ts"
import { eventually } from "../steps/eventually.ts"
import { startForwarder } from "../steps/forwarder.ts"
import { queuesAt, useTestStores, withEnvironment } from "../steps/stores.ts"
import { timed } from "../steps/timed.ts"
import { givenWorld } from "../steps/world.ts"

/** The promise of docs/architecture.md. */
const RELAYED_WITHIN_MS = 60_000
/** The length of a scheduled run, and the time between two. */
const RUN_BUDGET_MS = 50_000
const RUN_EVERY_MS = 60_000
/** Time for two calls that time out, one after the other. */
const CREATION_MAX_MS = 2_500
const AT_ONCE_MS = 500
const CREATIONS = 200
/** As in lib/clients/sqs.ts. */
const SEND_TIMEOUT_MS = 500

const stores = useTestStores()
const api = chatApi(directTransport())

test.each(["hangs", "is gone"])(
  "a queue that %s: creations are accepted, and relayed within a minute of its return",
  async (how) => {
    const { token, chat } = await givenWorld(api, stores(), "stored")
    await drainQueues(stores())
    await forgetDue(stores())
    const line = await startForwarder(stores().config.SQS_ENDPOINT as string)
    try {
      await withEnvironment(queuesAt(line.url), async (own) => {
        if (how === "hangs") line.hang(true)
        else await line.shut()
        const create = async () => {
          const started = performance.now()
          expectStatus(await api.createMessage(token, chat), 201)
          return performance.now() - started
        }
        for (const tookMs of await Promise.all(Array.from({ length: CREATIONS }, create)))
          expect(tookMs).toBeLessThan(CREATION_MAX_MS)
        await eventually(async () => expect(await create()).toBeLessThan(AT_ONCE_MS), RELAYED_WITHIN_MS)
        expect(expectStatus(await api.listMessages(token, chat), 200).data).toHaveLength(20)

        if (how === "hangs") line.hang(false)
        else await line.open()
        const back = Date.now()
        // The worst case of the schedule: a run has ended just before.
        const first = relay(own, 0)
        await first
        await takeRecords(own, "persist")
        const waitMs = RUN_EVERY_MS - RUN_BUDGET_MS
        await new Promise((resolve) => setTimeout(resolve, waitMs))
        await whileConsuming(own, async () => {
          await relay(own, RUN_BUDGET_MS)
          await eventually(async () => expect(await own.outbox.nextDue()).toBeUndefined(), RELAYED_WITHIN_MS)
        })
        expect(Date.now() - back).toBeLessThan(RELAYED_WITHIN_MS)
      })
    } finally {
      line.hang(false)
      await line.shut()
    }
  },
  2 * RELAYED_WITHIN_MS,
)

test("a process that lives on after an answer: does not wait for a queue that hangs", async () => {
  const { token, chat } = await givenWorld(api, stores(), "stored")
  const line = await startForwarder(stores().config.SQS_ENDPOINT as string)
  try {
    await withEnvironment({ ...queuesAt(line.url), ANSWER_BEFORE_SEND: "true" }, async () => {
      line.hang(true)
      const took: number[] = []
      for (let count = 0; count < 3; count++) {
        const { answer, tookMs } = await timed(api.createMessage(token, chat))
        expectStatus(answer, 201)
        took.push(tookMs)
      }
      // Each would otherwise wait for a call's time-out; so few failures leave the breaker closed.
      expect(Math.min(...took)).toBeLessThan(SEND_TIMEOUT_MS)
    })
  } finally {
    line.hang(false)
    await line.shut()
    await forgetDue(stores())
  }
})
