// The batching sender against the real queue.
import { setImmediate } from "node:timers/promises"
import { expect, test } from "@jest/globals"
import { createSender } from "../../lib/queue/sender.ts"
import { takeRecords } from "../steps/drain.ts"
import { away, useTestStores, withEnvironment } from "../steps/stores.ts"

const stores = useTestStores()

const envelopes = async () => (await takeRecords(stores(), "persist")).map(({ body }) => JSON.parse(body) as unknown[])

test("many events of several applications sent at once: arrive exactly once: in few envelopes of one application each", async () => {
  const { persistQueue } = stores()
  const events = Array.from({ length: 300 }, (_, i) => ({ application: `app-${i % 3}`, i }))
  await Promise.all(events.map((event) => persistQueue.send(event.application, [JSON.stringify(event)])))
  const received = (await envelopes()) as { application: string; i: number }[][]
  expect(
    received
      .flat()
      .map(({ i }) => i)
      .toSorted((a, b) => a - b),
  ).toEqual(events.map(({ i }) => i))
  for (const envelope of received) expect(new Set(envelope.map(({ application }) => application)).size).toBe(1)
  expect(received.length).toBeLessThan(100)
})

test("a lone event: is sent: in an envelope of its own", async () => {
  await stores().persistQueue.send("app", ['{"a":1}'])
  expect(await envelopes()).toEqual([[{ a: 1 }]])
})

test("the largest events, with every character that JSON or the queue treats specially: arrive as they were", async () => {
  const bodies = ["\u0000\u0001\u001f\u007f", "\uFFFE\uFFFF", "𝄞".repeat(10_000), "\u0001".repeat(10_000), '"\\/\u2028']
  await Promise.all(bodies.map((body) => stores().persistQueue.send("app", [JSON.stringify({ body })])))
  const received = (await envelopes()).flat() as { body: string }[]
  expect(received.map(({ body }) => body).toSorted()).toEqual(bodies.toSorted())
})

test("more than a call may carry: sent at once: arrives in several", async () => {
  const body = "x".repeat(30_000)
  await stores().persistQueue.send(
    "app",
    Array.from({ length: 40 }, (_, i) => JSON.stringify({ i, body })),
  )
  expect((await envelopes()).flat()).toHaveLength(40)
})

test("a queue that is away: a send: is refused as such, and after a few at once without waiting", async () => {
  await withEnvironment(away("sqs"), async ({ sqs, config }) => {
    const sender = createSender(sqs, config.PERSIST_QUEUE_URL)
    for (let i = 0; i < 4; i++) {
      await expect(sender.send("app", ["{}"])).rejects.toMatchObject({ name: "DependencyAway", dependency: "sqs" })
    }
    await expect(sender.send("app", ["{}"])).rejects.toMatchObject({ cause: { message: "failed just before" } })
  })
})

test("events that nobody waits for, sent one after the other: arrive together: in one envelope", async () => {
  const { persistQueue } = stores()
  const sends: Promise<void>[] = []
  for (let i = 0; i < 5; i++) {
    sends.push(persistQueue.send("app", [JSON.stringify({ i })], { lingers: true }))
    await setImmediate()
  }
  await Promise.all(sends)
  expect(await envelopes()).toEqual([[0, 1, 2, 3, 4].map((i) => ({ i }))])
})

test("events that nobody waits for: go along: with one that somebody waits for", async () => {
  const { persistQueue } = stores()
  const lingering = persistQueue.send("app", ['{"i":0}'], { lingers: true })
  const urgent = persistQueue.send("app", ['{"i":1}'])
  await Promise.all([lingering, urgent])
  expect(await envelopes()).toEqual([[{ i: 0 }, { i: 1 }]])
})
