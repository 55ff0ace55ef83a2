import { describe, expect, test } from "@jest/globals"
import type { SQSRecord } from "aws-lambda"
import type { WriteEvent } from "../../lib/events.ts"
import { chatApi, directTransport, expectStatus } from "../steps/chat-api.ts"
import { deliver, drainQueue, drainQueues, eventsIn, refreshIndex, sqsRecord, takeRecords } from "../steps/drain.ts"
import { away, useTestStores, withEnvironment } from "../steps/stores.ts"
import { givenWorld, type World } from "../steps/world.ts"

const CLAIM_MAX = 10_000

const stores = useTestStores()
const api = chatApi(directTransport())

const eventsOf = (record: SQSRecord): WriteEvent[] => eventsIn(record)
const rows = (token: string) =>
  stores()
    .mysql.selectFrom("messages")
    .select(["chat", "number", "body", "revision"])
    .where("application", "=", token)
    .orderBy("number")
    .execute()
const counter = (application: string, chat: number) =>
  stores()
    .mysql.selectFrom("counters")
    .select(["highest", "live"])
    .where("application", "=", application)
    .where("chat", "=", chat)
    .executeTakeFirst()
const pending = async (token: string, chat: number) =>
  (await stores().outbox.read(token, chat, [{ application: token, chat, message: 1 }])).entries[0]

/** Creates a world with the writes `more`. Returns their queue messages, one event each, in order of revision. */
async function givenRecords(more: (world: World) => Promise<unknown>) {
  const world = await givenWorld(api, stores(), "pending")
  await more(world)
  const events = (await takeRecords(stores(), "persist")).flatMap(eventsOf)
  const ordered = events.toSorted((a, b) => Number(a.revision) - Number(b.revision))
  return { world, records: ordered.map((event) => sqsRecord([event])) }
}

/** Returns all orders of a short list. */
function permutations<T>(items: T[]): T[][] {
  if (items.length < 2) return [items]
  return items.flatMap((item, index) =>
    permutations([...items.slice(0, index), ...items.slice(index + 1)]).map((rest) => [item, ...rest]),
  )
}

describe("the persist function", () => {
  test("given new events, stores them, notes what to index, and takes them off the outbox", async () => {
    const { world, records } = await givenRecords(async () => undefined)
    const { token, chat } = world
    expect(await pending(token, chat)).toMatchObject({ body: "first body" })
    expect(await deliver("persist", records)).toEqual([])
    expect(await rows(token)).toMatchObject([{ chat, number: 1, body: "first body" }])
    expect(await pending(token, chat)).toBeNull()
    expect([await counter(token, 0), await counter(token, chat)]).toEqual([
      { highest: 1, live: 1 },
      { highest: 1, live: 1 },
    ])
    const due = await stores()
      .mysql.selectFrom("pending_index")
      .select("message")
      .where("application", "=", token)
      .execute()
    expect(due).toEqual([{ message: 1 }])
    expect((await takeRecords(stores(), "index")).flatMap(eventsOf)).toMatchObject([
      { application: token, chat, message: 1 },
    ])
  })

  test("given the same events again, in one batch or another, changes nothing but sends what to index", async () => {
    const { world, records } = await givenRecords(async () => undefined)
    await deliver("persist", [...records, ...records])
    const before = [await rows(world.token), await counter(world.token, 0), await counter(world.token, world.chat)]
    await takeRecords(stores(), "index")
    expect(await deliver("persist", records)).toEqual([])
    expect([await rows(world.token), await counter(world.token, 0), await counter(world.token, world.chat)]).toEqual(
      before,
    )
    expect((await takeRecords(stores(), "index")).flatMap(eventsOf)).toMatchObject([{ message: 1 }])
  })

  test("given a create, two updates and a delete in any order, alone or together, ends in the same state", async () => {
    const orders = permutations([0, 1, 2, 3])
    const changes = async ({ token, chat }: World, last: "update" | "delete") => {
      const message = await api.givenMessage(token, chat, "created")
      expectStatus(await api.updateMessage(token, chat, message, { body: "one" }), 200)
      expectStatus(await api.updateMessage(token, chat, message, { body: "two" }), 200)
      if (last === "delete") expectStatus(await api.deleteMessage(token, chat, message), 204)
    }
    for (const last of ["update", "delete"] as const) {
      for (const [index, order] of orders.entries()) {
        const { world, records } = await givenRecords((given) => changes(given, last))
        const [parents, own] = [records.slice(0, 3), records.slice(3)]
        const reordered = order.flatMap((at) => own[at] ?? [])
        await deliver("persist", parents)
        if (index % 2 === 0) await deliver("persist", reordered)
        else for (const record of reordered) await deliver("persist", [record])
        const stored = (await rows(world.token)).map(({ number, body }) => [number, body])
        expect(stored).toEqual(
          last === "delete"
            ? [[1, "first body"]]
            : [
                [1, "first body"],
                [2, "two"],
              ],
        )
        expect(await counter(world.token, world.chat)).toEqual({ highest: 2, live: last === "delete" ? 1 : 2 })
      }
    }
  })

  test("given a stale event after a newer one, keeps the newer, in the outbox too", async () => {
    const { world, records } = await givenRecords(({ token, chat }) =>
      api.updateMessage(token, chat, 1, { body: "newer" }),
    )
    const [application, chat, created, updated] = records as [SQSRecord, SQSRecord, SQSRecord, SQSRecord]
    await deliver("persist", [application, chat, created])
    expect(await pending(world.token, world.chat)).toMatchObject({ body: "newer" })
    await deliver("persist", [updated])
    await deliver("persist", [created])
    expect(await rows(world.token)).toMatchObject([{ body: "newer" }])
    expect(await pending(world.token, world.chat)).toBeNull()
  })

  test("given a message before its chat and its application, stores all, and counts them", async () => {
    const { world, records } = await givenRecords(async () => undefined)
    for (const record of records.toReversed()) expect(await deliver("persist", [record])).toEqual([])
    const { token, chat } = world
    expect(expectStatus(await api.getMessage(token, chat, 1), 200).body).toBe("first body")
    expect([await counter(token, 0), await counter(token, chat)]).toMatchObject([{ live: 1 }, { live: 1 }])
  })

  test.each([
    ["message", ({ token, chat }: World) => api.deleteMessage(token, chat, 1)],
    ["chat", ({ token, chat }: World) => api.deleteChat(token, chat)],
    ["application", ({ token }: World) => api.deleteApplication(token)],
  ])("given a %s's delete before all that it deletes, leaves no row behind", async (kind, remove) => {
    const { world, records } = await givenRecords(remove)
    const last = records.at(-1) as SQSRecord
    await deliver("persist", [last])
    for (const record of records.slice(0, -1)) await deliver("persist", [record])
    await drainQueue(stores(), "index")
    expect(await rows(world.token)).toEqual([])
    const chats = await stores()
      .mysql.selectFrom("chats")
      .select("number")
      .where("application", "=", world.token)
      .execute()
    expect(chats).toHaveLength(kind === "message" ? 1 : 0)
    await refreshIndex(stores())
    const { elasticsearch, config } = stores()
    const query = { term: { application: world.token } }
    expect(await elasticsearch.count({ index: config.ELASTICSEARCH_INDEX, query })).toMatchObject({ count: 0 })
    expect(await pending(world.token, world.chat)).toBeNull()
  })

  test("given a delete and later a newer event of the same message, lets the tombstone stand", async () => {
    const { world, records } = await givenRecords(({ token, chat }) => api.deleteMessage(token, chat, 1))
    await deliver("persist", records)
    const [, , created] = records
    const event = { ...(eventsOf(created as SQSRecord)[0] as WriteEvent), revision: "9007199254740000" }
    expect(await deliver("persist", [sqsRecord([event])])).toEqual([])
    expect(await rows(world.token)).toEqual([])
    expect(await counter(world.token, world.chat)).toEqual({ highest: 1, live: 0 })
  })

  test("given more events than one transaction takes, in one batch, stores all of them", async () => {
    const { token, chat } = await givenWorld(api, stores(), "stored")
    const create = () => api.createMessage(token, chat)
    const count = 2_300
    for (let made = 0; made < count; made += 100) await Promise.all(Array.from({ length: 100 }, create))
    const events = (await takeRecords(stores(), "persist")).flatMap(eventsOf)
    const envelopes = Array.from({ length: count / 50 }, (_, index) => events.slice(50 * index, 50 * (index + 1)))
    expect(
      await deliver(
        "persist",
        envelopes.map((envelope) => sqsRecord(envelope)),
      ),
    ).toEqual([])
    expect(await counter(token, chat)).toEqual({ highest: 1 + count, live: 1 + count })
    expect((await stores().outbox.read(token, chat, [{ application: token, chat, message: count }])).entries).toEqual([
      null,
    ])
    const keys = (await takeRecords(stores(), "index")).flatMap(eventsOf)
    expect(new Set(keys.map(({ message }) => message)).size).toBe(count)
    expect(await deliver("index", [sqsRecord(keys)])).toEqual([])
    await refreshIndex(stores())
    expect(expectStatus(await api.searchMessages(token, chat, { query: "message" }), 200).total).toBe(count)
  })

  test("given events while MySQL is away, acknowledges them, and the outbox holds and shows them", async () => {
    const { world, records } = await givenRecords(async () => undefined)
    expect(await withEnvironment(away("mysql"), () => deliver("persist", records))).toEqual([])
    expect(await takeRecords(stores(), "persist")).toEqual([])
    const { token, chat } = world
    expect(expectStatus(await api.getMessage(token, chat, 1), 200).body).toBe("first body")
    await deliver("persist", records)
    expect(await rows(token)).toHaveLength(1)
  })

  test("given events while MySQL is away, leaves them to the relay at once, and the second time with its back-off", async () => {
    const { world, records } = await givenRecords(async () => undefined)
    const shard = world.token.charAt(0)
    const claimed = async () => {
      const events = await stores().outbox.claim(shard, CLAIM_MAX)
      return events.filter(({ application }) => application === world.token).length
    }
    expect(await claimed()).toBe(0)
    expect(await withEnvironment(away("mysql"), () => deliver("persist", records))).toEqual([])
    expect(await claimed()).toBe(records.length)
    expect(await withEnvironment(away("mysql"), () => deliver("persist", records))).toEqual([])
    expect(await claimed()).toBe(0)
    await deliver("persist", records)
    expect(await rows(world.token)).toHaveLength(1)
  })

  test("given events that have been changed since while MySQL is away, leaves the change to its own queue message", async () => {
    const { world, records } = await givenRecords(async () => undefined)
    const { token, chat } = world
    expectStatus(await api.updateMessage(token, chat, 1, { body: "changed" }), 200)
    expect(await withEnvironment(away("mysql"), () => deliver("persist", records))).toEqual([])
    const events = await stores().outbox.claim(token.charAt(0), CLAIM_MAX)
    expect(events.filter(({ application, message }) => application === token && message > 0)).toEqual([])
    await drainQueue(stores(), "persist")
    expect(await rows(token)).toMatchObject([{ body: "changed" }])
  })

  test("given events that the outbox no longer holds while MySQL is away, sends delayed copies", async () => {
    const { world, records } = await givenRecords(async () => undefined)
    await stores().outbox.remove(world.token.charAt(0), records.flatMap(eventsOf))
    expect(await withEnvironment(away("mysql"), () => deliver("persist", records))).toEqual([])
    const { delayed } = await stores().sqs.depth(stores().config.PERSIST_QUEUE_URL)
    expect(delayed).toBeGreaterThan(0)
    await drainQueue(stores(), "persist", 25_000)
    expect(await rows(world.token)).toHaveLength(1)
  }, 40_000)

  test("given events while Redis is away, stores them; they leave the outbox when they come again", async () => {
    const { world, records } = await givenRecords(async () => undefined)
    expect(await withEnvironment(away("redis"), () => deliver("persist", records))).toEqual([])
    expect(await rows(world.token)).toHaveLength(1)
    expect(await pending(world.token, world.chat)).not.toBeNull()
    await deliver("persist", records)
    expect(await pending(world.token, world.chat)).toBeNull()
  })

  test("given events while the queue is away, stores them and leaves what to index to the relay", async () => {
    const { world, records } = await givenRecords(async () => undefined)
    expect(await withEnvironment(away("sqs"), () => deliver("persist", records))).toEqual([])
    expect(await rows(world.token)).toHaveLength(1)
    const due = await stores()
      .mysql.selectFrom("pending_index")
      .select("due_at")
      .where("application", "=", world.token)
      .execute()
    expect(due).toEqual([{ due_at: expect.any(Date) }])
    await drainQueues(stores())
  })
})
