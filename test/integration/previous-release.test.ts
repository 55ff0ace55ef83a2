// Both releases of a deployment on the same stores: what one writes, the other stores, reads and changes.
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals"
import type { SQSRecord } from "aws-lambda"
import { spreadShards } from "../../lib/operate/spread-shards.ts"
import { relay } from "../../lib/relay/relay.ts"
import { chatApi, directTransport, expectStatus } from "../steps/chat-api.ts"
import { deliver, drainQueue, drainQueues, eventsIn, refreshIndex, takeRecords } from "../steps/drain.ts"
import { forgetDue, makeOutboxDue } from "../steps/due.ts"
import { eventually } from "../steps/eventually.ts"
import { giveFormerNames } from "../steps/former-tags.ts"
import { startPreviousRelease } from "../steps/previous-release.ts"
import { withRedis } from "../steps/redis.ts"
import { PREPARE_TIMEOUT_MS, useTestStores } from "../steps/stores.ts"

const stores = useTestStores()
const api = chatApi(directTransport())
let previous: Awaited<ReturnType<typeof startPreviousRelease>>
beforeAll(async () => {
  await withRedis(giveFormerNames)
  previous = await startPreviousRelease()
}, PREPARE_TIMEOUT_MS)
afterAll(() => previous?.stop())

const RELAY_BUDGET_MS = 3_000
/** Copies are delayed by 5 s. */
const COPY_LIMIT_MS = 15_000
const ALL = { sender: "customer-4711", metadata: { order: 1001 }, sent_at: "2026-11-01T07:15:30.123Z" }
const NONE = { sender: null, metadata: {}, sent_at: null }

async function givenChat() {
  const token = await api.givenApplication()
  const chat = await api.givenChat(token)
  await drainQueues(stores())
  return { token, chat }
}

/** Returns a chat with a message of this release, pending. */
async function givenNew() {
  const place = await givenChat()
  expectStatus(await api.createMessage(place.token, place.chat, { body: "new", ...ALL }), 201)
  return place
}

/** Returns a chat with a message of the previous release, pending. */
async function givenOld() {
  const place = await givenChat()
  expectStatus(await previous.api.createMessage(place.token, place.chat, { body: "old", sender: "ignored" }), 201)
  return place
}

/** Stores what waits in the persist queue by the previous release. */
async function storeByPrevious(): Promise<void> {
  expect(await previous.deliver("persist-writes", await takeRecords(stores(), "persist"))).toEqual([])
}

const read = async ({ token, chat }: { token: string; chat: number }) =>
  expectStatus(await api.getMessage(token, chat, 1), 200)

describe("a message of the previous release", () => {
  test("pending and stored, by either, is read by this one with its defaults", async () => {
    for (const store of [storeByPrevious, () => drainQueue(stores(), "persist")]) {
      const place = await givenOld()
      expect(await read(place)).toMatchObject({ body: "old", ...NONE })
      await store()
      expect(await read(place)).toMatchObject({ body: "old", ...NONE })
      expect(expectStatus(await api.listMessages(place.token, place.chat), 200).data).toMatchObject([NONE])
    }
  })

  test("pending, given metadata by this one, keeps both, whichever event is stored first", async () => {
    for (const order of ["old first", "new first"]) {
      const place = await givenOld()
      const old = await takeRecords(stores(), "persist")
      const changed = await api.updateMessage(place.token, place.chat, 1, { metadata: { a: 1 } }, "PATCH")
      expect(expectStatus(changed, 200)).toMatchObject({ body: "old", metadata: { a: 1 } })
      if (order === "old first") await deliver("persist", old)
      await drainQueues(stores())
      if (order === "new first") await deliver("persist", old)
      expect(await read(place)).toEqual(changed.body)
    }
  })
})

describe("a message of this release", () => {
  test("pending and stored, is read, listed and repeated by the previous one without its new members", async () => {
    const { token, chat } = await givenNew()
    for (const drain of [async () => undefined, () => drainQueues(stores())]) {
      await drain()
      const { created_at, updated_at } = await read({ token, chat })
      const shown = { number: 1, body: "new", created_at, updated_at }
      expect(expectStatus(await previous.api.getMessage(token, chat, 1), 200)).toEqual(shown)
      expect(expectStatus(await previous.api.listMessages(token, chat), 200).data).toEqual([shown])
    }
  })

  test("changed by the previous one while it is pending, keeps all", async () => {
    const place = await givenNew()
    expectStatus(await previous.api.updateMessage(place.token, place.chat, 1, { body: "changed" }), 200)
    expect(await read(place)).toMatchObject({ body: "changed", ...ALL })
    await drainQueues(stores())
    expect(await read(place)).toMatchObject({ body: "changed", ...ALL })
  })

  test("changed by the previous one once it is stored, keeps all, stored by either", async () => {
    for (const store of [storeByPrevious, () => drainQueue(stores(), "persist")]) {
      const place = await givenNew()
      await drainQueues(stores())
      expectStatus(await previous.api.updateMessage(place.token, place.chat, 1, { body: "changed" }), 200)
      expect(await read(place)).toMatchObject({ body: "changed", ...ALL })
      await store()
      expect(await read(place)).toMatchObject({ body: "changed", ...ALL })
    }
  })

  test("brought to the previous one's consumer, is left to this one's, which stores all of it", async () => {
    await forgetDue(stores())
    const place = await givenNew()
    await storeByPrevious()
    expect(await read(place)).toMatchObject({ body: "new", ...ALL })
    const rows = stores().mysql.selectFrom("messages").select("body").where("application", "=", place.token)
    expect(await rows.execute()).toEqual([])
    await makeOutboxDue(stores(), place.token)
    await relay(stores(), RELAY_BUDGET_MS)
    await drainQueues(stores())
    expect(await read(place)).toMatchObject({ body: "new", ...ALL })
    expect(await rows.execute()).toEqual([{ body: "new" }])
  })

  test("packed with others, is passed on whole by the previous one's consumers, and stored and found by this one's", async () => {
    const { token, chat } = await givenChat()
    const bodies = ["first", "second", "third"]
    const messages = bodies.map((body) => ({ body }))
    expectStatus(await api.createMessageBatch(token, chat, bodies), 201)
    await storeByPrevious()
    const stored = await eventually(async () => {
      const records = await takeRecords(stores(), "persist")
      expect(records).toHaveLength(1)
      return records
    }, COPY_LIMIT_MS)
    expect(eventsIn(stored[0] as SQSRecord)).toMatchObject(messages)
    expect(await deliver("persist", stored)).toEqual([])
    const rows = stores().mysql.selectFrom("messages").select("body").where("application", "=", token)
    expect(await rows.orderBy("number").execute()).toEqual(messages)
    const keys = await takeRecords(stores(), "index")
    // What the index function leaves is in pending_index, from which it comes again.
    expect(await previous.deliver("index-messages", keys)).toEqual([])
    expect(await deliver("index", keys)).toEqual([])
    await refreshIndex(stores())
    expect(expectStatus(await api.searchMessages(token, chat, { query: "ir" }), 200).total).toBe(2)
  })

  test("whose metadata is removed, is left to this one's consumer, too", async () => {
    const place = await givenNew()
    await drainQueues(stores())
    expectStatus(await api.updateMessage(place.token, place.chat, 1, { metadata: {} }, "PATCH"), 200)
    const records = await takeRecords(stores(), "persist")
    expect(await previous.deliver("persist-writes", records)).toEqual([])
    expect(await deliver("persist", records)).toEqual([])
    expect((await read(place)).metadata).toEqual({})
    await drainQueues(stores())
  })

  test("without any of the new members, is stored by the previous one's consumer, and read as it was", async () => {
    const { token, chat } = await givenChat()
    const created = await api.createMessage(token, chat, { body: "plain" })
    await storeByPrevious()
    const rows = stores().mysql.selectFrom("messages").select("body").where("application", "=", token)
    expect(await rows.execute()).toEqual([{ body: "plain" }])
    expect(await read({ token, chat })).toEqual(created.body)
  })

  test("stored, is left by the previous one's indexing to this one's, whose index it is", async () => {
    const { token } = await givenNew()
    await drainQueue(stores(), "persist")
    const waiting = stores().mysql.selectFrom("pending_index").select("message").where("application", "=", token)
    const records = await takeRecords(stores(), "index")
    await previous.deliver("index-messages", records)
    expect(await waiting.execute()).toEqual([{ message: 1 }])
    await deliver("index", records)
    expect(await waiting.execute()).toEqual([])
  })
})

test("shards that both have used: are carried, and go on without a gap", async () => {
  const { token, chat } = await givenOld()
  await spreadShards(stores())
  expect(await api.givenMessage(token, chat)).toBe(2)
  await drainQueues(stores())
})
