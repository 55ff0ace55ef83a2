// The batching sender against the real queue.
import { setImmediate } from "node:timers/promises"
import { expect, jest, test } from "@jest/globals"
import type { QueueMessage } from "../../lib/clients/sqs.ts"
import type { IndexEvent } from "../../lib/events.ts"
import { TEXTS } from "../../lib/queue/packs.ts"
import { createSender } from "../../lib/queue/sender.ts"
import type { SearchStores } from "../../lib/stores.ts"
import { takeRecords } from "../steps/drain.ts"
import { away, useTestStores, withEnvironment } from "../steps/stores.ts"

const stores = useTestStores()

/** The bytes that SQS takes in one call. */
const SQS_BYTES_MAX = 256 * 1024
/** How long events wait for others. */
const LINGER_MS = 100

/** Returns how often events have lingered while `action` ran. */
async function countLingering(action: () => Promise<void>): Promise<number> {
  const timers = jest.spyOn(globalThis, "setTimeout")
  try {
    await action()
    return timers.mock.calls.filter(([, delayMs]) => delayMs === LINGER_MS).length
  } finally {
    timers.mockRestore()
  }
}

/** Returns a sender; here any JSON text serves as an event. */
const createPersistSender = ({ sqs, config }: SearchStores = stores()) =>
  createSender(sqs, config.PERSIST_QUEUE_URL, TEXTS)

const envelopes = async () => (await takeRecords(stores(), "persist")).map(({ body }) => JSON.parse(body) as unknown[])

test("many events of several applications sent at once: arrive exactly once: in few envelopes of one application each", async () => {
  const send = createPersistSender()
  const events = Array.from({ length: 300 }, (_, i) => ({ application: `app-${i % 3}`, i }))
  await Promise.all(events.map((event) => send(event.application, [JSON.stringify(event)])))
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
  await createPersistSender()("app", ['{"a":1}'])
  expect(await envelopes()).toEqual([[{ a: 1 }]])
})

test("the largest events, with every character that JSON or the queue treats specially: arrive as they were", async () => {
  const bodies = ["\u0000\u0001\u001f\u007f", "\uFFFE\uFFFF", "𝄞".repeat(10_000), "\u0001".repeat(10_000), '"\\/\u2028']
  const send = createPersistSender()
  await Promise.all(bodies.map((body) => send("app", [JSON.stringify({ body })])))
  const received = (await envelopes()).flat() as { body: string }[]
  expect(received.map(({ body }) => body).toSorted()).toEqual(bodies.toSorted())
})

test("more than a call may carry: sent at once: arrives in several", async () => {
  const body = "x".repeat(30_000)
  await createPersistSender()(
    "app",
    Array.from({ length: 40 }, (_, i) => JSON.stringify({ i, body })),
  )
  expect((await envelopes()).flat()).toHaveLength(40)
})

test("a batch of a hundred of the largest messages: sent at once, awaited or not: arrives in calls within the limits", async () => {
  const { sqs, config } = stores()
  const calls: number[] = []
  const counting = {
    ...sqs,
    sendBatch: (url: string, messages: QueueMessage[]) => {
      calls.push(messages.reduce((sum, { body }) => sum + Buffer.byteLength(body), 0))
      return sqs.sendBatch(url, messages)
    },
  }
  const events = Array.from({ length: 100 }, (_, i) => JSON.stringify({ i, body: "𝄞".repeat(10_000) }))
  for (const lingers of [false, true]) {
    const send = createSender(counting, config.PERSIST_QUEUE_URL, TEXTS)
    // Only what is left in the end waits for more.
    expect(await countLingering(() => send("app", events, { lingers }))).toBeLessThanOrEqual(1)
    expect(calls.length).toBeGreaterThan(15)
    expect(Math.max(...calls)).toBeLessThan(SQS_BYTES_MAX)
    calls.length = 0
    const received = (await envelopes()).flat() as { i: number }[]
    expect(received.map(({ i }) => i).toSorted((a, b) => a - b)).toEqual(events.map((_, i) => i))
  }
})

test("a queue that is away: a send: is refused as such, and after a few at once without waiting", async () => {
  await withEnvironment(away("sqs"), async (own) => {
    const send = createPersistSender(own)
    for (let i = 0; i < 4; i++) {
      await expect(send("app", ["{}"])).rejects.toMatchObject({ name: "DependencyAway", dependency: "sqs" })
    }
    await expect(send("app", ["{}"])).rejects.toMatchObject({ cause: { message: "failed just before" } })
  })
})

test("events that nobody waits for, sent one after the other: arrive together: in one envelope", async () => {
  const send = createPersistSender()
  const sends: Promise<void>[] = []
  for (let i = 0; i < 5; i++) {
    sends.push(send("app", [JSON.stringify({ i })], { lingers: true }))
    await setImmediate()
  }
  await Promise.all(sends)
  expect(await envelopes()).toEqual([[0, 1, 2, 3, 4].map((i) => ({ i }))])
})

test("events that nobody waits for: go along: with one that somebody waits for", async () => {
  const send = createPersistSender()
  const lingering = send("app", ['{"i":0}'], { lingers: true })
  const urgent = send("app", ['{"i":1}'])
  await Promise.all([lingering, urgent])
  expect(await envelopes()).toEqual([[{ i: 0 }, { i: 1 }]])
})

test("events of two applications, sent in one call: arrive in an envelope of each", async () => {
  const { queues } = stores()
  const event = (letter: string, chat: number) => ({ revision: "1", application: letter.repeat(24), chat, message: 1 })
  const events = [event("a", 1), event("b", 1), event("a", 2)]
  await queues.index.send(events)
  const received = (await takeRecords(stores(), "index")).map(({ body }) => queues.index.decode(body)?.events ?? [])
  expect(received.toSorted((one, other) => other.length - one.length)).toEqual([[events[0], events[2]], [events[1]]])
})

test("an event of the index queue: is refused for the persist queue: by the compiler and by who reads it", async () => {
  const { queues } = stores()
  const event: IndexEvent = { revision: "1", application: "a".repeat(24), chat: 1, message: 1 }
  // @ts-expect-error it has no state
  await queues.persist.send([event])
  const [record] = await takeRecords(stores(), "persist")
  expect(queues.persist.decode(record?.body ?? "")).toBeUndefined()
})

test("no events: sent, are done at once, and hold nothing up that follows", async () => {
  const send = createPersistSender()
  await send("empty", [])
  await send("app", ['{"i":0}'])
  expect(await envelopes()).toEqual([[{ i: 0 }]])
})

test("events of one application that keep coming while calls are under way: arrive exactly once, and in their order", async () => {
  const send = createPersistSender()
  const sends: Promise<void>[] = []
  const step = 60
  for (let first = 0; first < 3_000; first += step) {
    const texts = Array.from({ length: step }, (_, index) => JSON.stringify({ i: first + index }))
    sends.push(send("app", texts, { lingers: true }))
    await setImmediate()
  }
  await Promise.all(sends)
  const received = (await envelopes()) as { i: number }[][]
  for (const envelope of received) expect(envelope).toEqual(envelope.toSorted((a, b) => a.i - b.i))
  const numbers = received.flat().map(({ i }) => i)
  expect(numbers.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 3_000 }, (_, index) => index))
})
