// Redis is away: cut off, hanging, without its process or its data. docs/architecture.md makes each of these promises.
import { afterAll, beforeAll, expect, test } from "@jest/globals"
import { Redis } from "ioredis"
import type { SearchStores } from "../../lib/stores.ts"
import { settleShards } from "../../lib/write/settle.ts"
import { expectUnavailable } from "../steps/away-cases.ts"
import { chatApi, directTransport, expectStatus } from "../steps/chat-api.ts"
import { drainQueues, refreshIndex, whileConsuming } from "../steps/drain.ts"
import { eventually } from "../steps/eventually.ts"
import { type Forwarder, startForwarder } from "../steps/forwarder.ts"
import { type OwnRedis, startRedis } from "../steps/own-redis.ts"
import { useTestStores, withEnvironment } from "../steps/stores.ts"
import { timed } from "../steps/timed.ts"

/** The promise of docs/architecture.md. */
const REFUSED_WITHIN_MS = 2_000
const BACK_WITHIN_MS = 5_000
const WIPED_BACK_WITHIN_MS = 10_000
const CLIENTS = 40

const stores = useTestStores()
const api = chatApi(directTransport())

let redis: OwnRedis
beforeAll(async () => {
  redis = await startRedis()
  stores()
})
afterAll(() => redis.remove())

/** Creates a chat with a message that is stored and found, on the test's Redis. */
async function givenStored(own: SearchStores) {
  await whileConsuming(own, () =>
    eventually(async () => expect(await settleShards(own)).toBe(true), WIPED_BACK_WITHIN_MS),
  )
  const token = await api.givenApplication()
  const chat = await api.givenChat(token)
  await api.givenMessage(token, chat, "what was stored")
  return { token, chat }
}

/** Checks that every kind of write, parallel or in sequence, is refused in time, and that reads and searches work. */
async function expectAway(token: string, chat: number): Promise<void> {
  const writes = [
    () => api.createMessage(token, chat),
    () => api.createChat(token),
    () => api.createApplication(),
    () => api.updateMessage(token, chat, 1, { body: "changed" }),
    () => api.deleteMessage(token, chat, 1),
  ]
  const atOnce = Array.from({ length: CLIENTS }, (_, index) =>
    timed((writes[index % writes.length] as () => ReturnType<typeof api.createChat>)()),
  )
  const all = await Promise.all(atOnce)
  for (const write of writes) all.push(await timed(write()))
  for (const { answer, tookMs } of all) {
    expectUnavailable(answer)
    expect(tookMs).toBeLessThan(REFUSED_WITHIN_MS)
  }
  expect(expectStatus(await api.getMessage(token, chat, 1), 200).body).toBe("what was stored")
  expect(expectStatus(await api.listMessages(token, chat), 200).data).toHaveLength(1)
  expectUnavailable(await api.getMessage(token, chat, 2))
  expect(expectStatus(await api.searchMessages(token, chat, { query: "stored" }), 200).total).toBe(1)
  const ready = expectStatus(await api.call({ path: "/health/ready" }), 503)
  expect(ready.dependencies).toMatchObject({ redis: { state: "down" }, mysql: { state: "up" }, sqs: { state: "up" } })
}

async function expectBack(token: string, chat: number, limitMs: number): Promise<number> {
  let number = 0
  await eventually(async () => {
    number = expectStatus(await api.createMessage(token, chat), 201).number
  }, limitMs)
  return number
}

test("a Redis that is frozen: writes are 503 in time, reads are answered, and thawed it takes writes by itself", async () => {
  await withEnvironment({ REDIS_URL: redis.url }, async (own) => {
    const { token, chat } = await givenStored(own)
    await drainQueues(own)
    await refreshIndex(own)
    redis.freeze()
    try {
      await expectAway(token, chat)
    } finally {
      redis.thaw()
    }
    await whileConsuming(own, () => expectBack(token, chat, BACK_WITHIN_MS))
  })
})

test("a Redis that is killed and started again: writes are 503 in time, and go on where they were", async () => {
  await withEnvironment({ REDIS_URL: redis.url }, async (own) => {
    const { token, chat } = await givenStored(own)
    await drainQueues(own)
    await refreshIndex(own)
    await redis.kill()
    await expectAway(token, chat)
    await redis.restart()
    expect(await whileConsuming(own, () => expectBack(token, chat, BACK_WITHIN_MS))).toBe(2)
  })
})

test("a Redis that comes back without its data: takes writes by itself, and no number twice", async () => {
  await withEnvironment({ REDIS_URL: redis.url }, async (own) => {
    const { token, chat } = await givenStored(own)
    await drainQueues(own)
    const client = new Redis(redis.url)
    await client.flushall()
    client.disconnect()
    const number = await whileConsuming(own, () => expectBack(token, chat, WIPED_BACK_WITHIN_MS))
    expect(number).toBeGreaterThan(own.config.OUTBOX_EVENTS_MAX)
  })
})

test("a Redis that was not there when the process connected first: takes writes once it is", async () => {
  await redis.kill()
  await withEnvironment({ REDIS_URL: redis.url }, async (own) => {
    const { answer, tookMs } = await timed(api.createApplication())
    expectUnavailable(answer)
    expect(tookMs).toBeLessThan(REFUSED_WITHIN_MS)
    await redis.restart()
    await whileConsuming(own, () =>
      eventually(async () => expectStatus(await api.createApplication(), 201), BACK_WITHIN_MS),
    )
  })
})

test("a line to Redis that goes silent and stays so: the connection is given up, and another one serves", async () => {
  const line: Forwarder = await startForwarder(stores().config.REDIS_URL)
  try {
    await withEnvironment({ REDIS_URL: line.url }, async () => {
      const token = await api.givenApplication()
      line.silence()
      const { answer, tookMs } = await timed(api.createChat(token))
      expectUnavailable(answer)
      expect(tookMs).toBeLessThan(REFUSED_WITHIN_MS)
      // The forwarder serves new connections; the silent one never ends by itself.
      await eventually(async () => expectStatus(await api.createChat(token), 201), BACK_WITHIN_MS)
    })
  } finally {
    await line.shut()
  }
})
