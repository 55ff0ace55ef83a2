import { describe, expect, test } from "@jest/globals"
import { relay } from "../../lib/relay/relay.ts"
import { buildStores } from "../../lib/search-runtime.ts"
import { chatApi, directTransport, expectStatus } from "../steps/chat-api.ts"
import { deliver, drainQueue, drainQueues, refreshIndex, sqsRecord } from "../steps/drain.ts"
import { useTestStores } from "../steps/stores.ts"

const stores = useTestStores()
const api = chatApi(directTransport())

/** Returns the rows and documents that are left below an application. */
async function left(application: string) {
  const { mysql, elasticsearch, config } = stores()
  const tables = ["messages", "chats", "counters", "pending_index"] as const
  const rows = await Promise.all(
    tables.map(async (table) => {
      const all = await mysql.selectFrom(table).select("application").where("application", "=", application).execute()
      return [table, all.length] as const
    }),
  )
  await refreshIndex(stores())
  const query = { term: { application } }
  const { count } = await elasticsearch.count({ index: config.ELASTICSEARCH_INDEX, query })
  return { ...Object.fromEntries(rows), documents: count }
}

/** The number of chats or messages to purge: more than two batches hold. */
const MANY = 1_100

async function givenMany(chats: number) {
  const token = await api.givenApplication()
  const numbers = await Promise.all(Array.from({ length: chats }, () => api.givenChat(token)))
  const each = Math.ceil(MANY / chats)
  for (const chat of numbers) await Promise.all(Array.from({ length: each }, () => api.givenMessage(token, chat)))
  await drainQueues(stores())
  return { token, numbers, total: each * chats }
}

/** Runs relays and index deliveries as the schedule would, until a purge of any size is complete. */
async function purgeAll(): Promise<void> {
  await relay(stores(), 20_000)
  await drainQueues(stores())
}

describe("the purge", () => {
  test("of a deleted chat removes its rows and documents in batches, and nothing beside it", async () => {
    const { token, total } = await givenMany(1)
    const other = await api.givenChat(token)
    await api.givenMessage(token, other)
    await drainQueues(stores())
    expect(await left(token)).toMatchObject({ messages: total + 1, documents: total + 1 })
    expectStatus(await api.deleteChat(token, 1), 204)
    await drainQueue(stores(), "persist")
    await purgeAll()
    expect(await left(token)).toEqual({ messages: 1, chats: 1, counters: 2, pending_index: 0, documents: 1 })
    expect(expectStatus(await api.searchMessages(token, other, { query: "message" }), 200).total).toBe(1)
  })

  test("of a deleted application, by two relays at once, removes all below it", async () => {
    const { token } = await givenMany(11)
    expectStatus(await api.deleteApplication(token), 204)
    const event = { application: token, chat: 0, message: 0 }
    const { entries } = await stores().outbox.read(token, 0, [event])
    await deliver("persist", [sqsRecord(entries)])
    const other = buildStores(stores().config)
    try {
      await Promise.all([relay(stores(), 20_000), relay(other.stores, 20_000)])
    } finally {
      await other.close()
    }
    await purgeAll()
    expect(await left(token)).toEqual({ messages: 0, chats: 0, counters: 0, pending_index: 0, documents: 0 })
    const tombstones = await stores()
      .mysql.selectFrom("tombstones")
      .selectAll()
      .where("application", "=", token)
      .execute()
    expect(tombstones).toMatchObject([{ chat: 0, message: 0, purge_at: null, expires_at: null }])
  })

  test("followed by late events from below the tombstone, stays complete", async () => {
    const token = await api.givenApplication()
    const chat = await api.givenChat(token)
    await api.givenMessage(token, chat)
    const keys = [
      { application: token, chat, message: 0 },
      { application: token, chat, message: 1 },
    ]
    const { entries } = await stores().outbox.read(token, chat, keys)
    await drainQueues(stores())
    expectStatus(await api.deleteChat(token, chat), 204)
    await drainQueues(stores())
    await purgeAll()
    const late = entries.map((entry) => ({ ...entry, revision: "9007199254740000" }))
    expect(await deliver("persist", [sqsRecord(late)])).toEqual([])
    await drainQueues(stores())
    expect(await left(token)).toEqual({ messages: 0, chats: 0, counters: 1, pending_index: 0, documents: 0 })
  })
})
