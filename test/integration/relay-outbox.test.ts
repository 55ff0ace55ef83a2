import { beforeEach, describe, expect, test } from "@jest/globals"
import type { Context } from "aws-lambda"
import { handler } from "../../functions/relay-outbox.ts"
import type { WriteEvent } from "../../lib/events.ts"
import { lifeKey, shardOf } from "../../lib/outbox/keys.ts"
import { RELAY_AFTER_MS } from "../../lib/outbox/scripts/writes.ts"
import { relay } from "../../lib/relay/relay.ts"
import { buildStores } from "../../lib/search-runtime.ts"
import { chatApi, directTransport, expectStatus } from "../steps/chat-api.ts"
import { drainQueue, drainQueues, eventsIn, refreshIndex, takeRecords } from "../steps/drain.ts"
import { forgetDue, makeIndexDue, makeOutboxDue } from "../steps/due.ts"
import { startForwarder } from "../steps/forwarder.ts"
import { withRedis } from "../steps/redis.ts"
import { away, queuesAt, useTestStores, withEnvironment } from "../steps/stores.ts"
import { givenWorld } from "../steps/world.ts"

const stores = useTestStores()
const api = chatApi(directTransport())

const PASS_BUDGET_MS = 3_000
const BUDGET_MS = 20_000
const DUE_SOON_MS = 2_000
const DUE_LATER_MS = 15_000
const HOUR_MS = 3_600_000
/** Runs one pass, without waiting for what is not due yet. */
const runRelay = (own = stores()) => relay(own, PASS_BUDGET_MS)
const runJob = () => (handler as unknown as (event: unknown, context: Context) => Promise<void>)({}, {} as Context)
const takeEvents = async (queue: "persist" | "index") =>
  (await takeRecords(stores(), queue)).flatMap((record) => eventsIn(record))
const keys = (events: WriteEvent[]) =>
  events.map(({ application, chat, message }) => `${application}/${chat}/${message}`).sort()

/** Makes writes whose queue messages are lost. */
async function givenLost() {
  const world = await givenWorld(api, stores(), "pending")
  const lost = await takeEvents("persist")
  return { world, lost }
}

beforeEach(() => forgetDue(stores()))

describe("the relay", () => {
  test("run by the schedule with nothing waiting, ends at once", async () => {
    const started = performance.now()
    await runJob()
    expect(performance.now() - started).toBeLessThan(BUDGET_MS)
  })

  test("leaves alone what was accepted just now", async () => {
    await givenLost()
    await runRelay()
    expect(await takeEvents("persist")).toEqual([])
  })

  test("finds what is due soon, and waits for it within the run", async () => {
    const { world, lost } = await givenLost()
    await makeOutboxDue(stores(), world.token, DUE_SOON_MS)
    expect((await relay(stores(), BUDGET_MS)).events).toBe(lost.length)
    expect(keys(await takeEvents("persist"))).toEqual(keys(lost))
  })

  test("finds what is due in an hour by a clock that has been set back, and sends it", async () => {
    const { world, lost } = await givenLost()
    await makeOutboxDue(stores(), world.token, HOUR_MS)
    expect(await stores().outbox.nextDue()).toBeLessThanOrEqual(0)
    expect((await runRelay()).events).toBe(lost.length)
    expect(keys(await takeEvents("persist"))).toEqual(keys(lost))
    expect(await stores().outbox.nextDue()).toBeGreaterThan(0)
  })

  test("finds what was created while the clock was behind its shard's revision due in half a minute", async () => {
    const { world } = await givenLost()
    await withRedis((redis) => redis.hset(lifeKey(shardOf(world.token)), "revision", (Date.now() + HOUR_MS) * 1_000))
    await forgetDue(stores())
    await api.givenChat(world.token)
    const waitMs = await stores().outbox.nextDue()
    expect(waitMs).toBeGreaterThan(0)
    expect(waitMs).toBeLessThanOrEqual(RELAY_AFTER_MS)
  })

  test("finds what is taken off meanwhile, and does not wait for it", async () => {
    const { world, lost } = await givenLost()
    await makeOutboxDue(stores(), world.token, DUE_LATER_MS)
    const relayed = relay(stores(), BUDGET_MS)
    const own = lost.filter(({ application }) => application === world.token)
    await stores().outbox.remove(shardOf(world.token), own)
    const started = performance.now()
    expect(await relayed).toEqual({ events: 0, indexEvents: 0 })
    expect(performance.now() - started).toBeLessThan(DUE_LATER_MS)
  })

  test("begun while the queue is away, sends once it is back, within the run", async () => {
    const line = await startForwarder(stores().config.SQS_ENDPOINT as string)
    try {
      await line.shut()
      const { world, lost } = await givenLost()
      await makeOutboxDue(stores(), world.token)
      await withEnvironment(queuesAt(line.url), async (own) => {
        const relayed = relay(own, BUDGET_MS)
        await line.open()
        expect((await relayed).events).toBe(lost.length)
      })
      expect(keys(await takeEvents("persist"))).toEqual(keys(lost))
    } finally {
      await line.shut()
    }
  })

  test("sends what has waited too long, and it is stored and found", async () => {
    const { world, lost } = await givenLost()
    await makeOutboxDue(stores(), world.token)
    await runRelay()
    const sent = await takeRecords(stores(), "persist")
    expect(keys(sent.flatMap((record) => eventsIn(record)))).toEqual(keys(lost))
    await makeOutboxDue(stores(), world.token)
    await runRelay()
    await drainQueues(stores())
    await refreshIndex(stores())
    const { token, chat } = world
    expect(expectStatus(await api.searchMessages(token, chat, { query: "first" }), 200).total).toBe(1)
    await makeOutboxDue(stores(), world.token)
    await runRelay()
    expect(await takeEvents("persist")).toEqual([])
  })

  test("run by two at once, sends each event once", async () => {
    const { world } = await givenLost()
    const { token, chat } = world
    await Promise.all(Array.from({ length: 1_200 }, () => api.createMessage(token, chat)))
    const lost = await takeEvents("persist")
    await makeOutboxDue(stores(), token)
    const other = buildStores(stores().config)
    try {
      const relayed = await Promise.all([relay(stores(), BUDGET_MS), relay(other.stores, BUDGET_MS)])
      expect(relayed[0].events + relayed[1].events).toBe(lost.length + 3)
    } finally {
      await other.close()
    }
    const sent = keys(await takeEvents("persist"))
    expect(sent).toHaveLength(lost.length + 3)
    expect(new Set(sent).size).toBe(sent.length)
  })

  test("run again at once, sends nothing twice, however often it has to try", async () => {
    const { world } = await givenLost()
    await makeOutboxDue(stores(), world.token)
    await runRelay()
    expect(await takeEvents("persist")).toHaveLength(3)
    await runRelay()
    expect(await takeEvents("persist")).toEqual([])
  })

  test("while MySQL or the queue is away, ends without an error, and the events go out later", async () => {
    const { world } = await givenLost()
    for (const dependency of ["mysql", "sqs", "redis"] as const) {
      await makeOutboxDue(stores(), world.token)
      await withEnvironment(away(dependency), runRelay)
    }
    expect(await takeEvents("persist")).toEqual([])
    await runRelay()
    expect(await takeEvents("persist")).toHaveLength(3)
  })

  test("while Elasticsearch is away claims nothing to be indexed, and sends it as soon as it is back", async () => {
    const { token } = await givenWorld(api, stores(), "stored")
    await drainQueues(stores())
    await api.givenMessage(token, 1)
    await drainQueue(stores(), "persist")
    await takeEvents("index")
    await makeIndexDue(stores(), token)
    await withEnvironment(away("elasticsearch"), runRelay)
    expect(await takeEvents("index")).toEqual([])
    await runRelay()
    expect((await takeEvents("index")).length).toBeGreaterThan(0)
  })

  test("sends what should be indexed and is due, once by two at once, and later again", async () => {
    const { token, chat } = await givenWorld(api, stores(), "stored")
    for (const _ of [1, 2, 3]) await api.givenMessage(token, chat)
    await drainQueue(stores(), "persist")
    await takeEvents("index")
    await runRelay()
    expect(await takeEvents("index")).toEqual([])
    await makeIndexDue(stores(), token)
    const other = buildStores(stores().config)
    try {
      await Promise.all([relay(stores(), BUDGET_MS), relay(other.stores, BUDGET_MS)])
    } finally {
      await other.close()
    }
    expect(keys(await takeEvents("index"))).toEqual([2, 3, 4].map((message) => `${token}/${chat}/${message}`))
    await makeIndexDue(stores(), token)
    await runRelay()
    await drainQueue(stores(), "index")
    await refreshIndex(stores())
    expect(expectStatus(await api.searchMessages(token, chat, { query: "a message" }), 200).total).toBe(3)
  })

  test("removes tombstones of messages that nothing can come late for, and keeps those of chats", async () => {
    const { token, chat } = await givenWorld(api, stores(), "stored")
    expectStatus(await api.deleteMessage(token, chat, 1), 204)
    await drainQueues(stores())
    expectStatus(await api.deleteChat(token, chat), 204)
    await drainQueues(stores())
    const { mysql } = stores()
    const tombstones = () =>
      mysql.selectFrom("tombstones").select("message").where("application", "=", token).orderBy("message").execute()
    await runRelay()
    expect(await tombstones()).toEqual([{ message: 0 }, { message: 1 }])
    const longAgo = new Date("2020-01-01T00:00:00Z")
    await mysql
      .updateTable("tombstones")
      .set({ expires_at: longAgo })
      .where("application", "=", token)
      .where("message", ">", 0)
      .execute()
    await runRelay()
    expect(await tombstones()).toEqual([{ message: 0 }])
  })
})
