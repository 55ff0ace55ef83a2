import { describe, expect, test } from "@jest/globals"
import { syncCounts } from "../../lib/counts/sync-counts.ts"
import { type Recount, recount } from "../../lib/operate/recount.ts"
import { chatApi, directTransport, expectStatus } from "../steps/chat-api.ts"
import { drainQueues } from "../steps/drain.ts"
import { away, useTestStores, withEnvironment } from "../steps/stores.ts"

const stores = useTestStores()
const api = chatApi(directTransport())

/** Creates two chats with three messages and one, all stored and counted. */
async function givenCounted() {
  const token = await api.givenApplication()
  const [one, two] = [await api.givenChat(token), await api.givenChat(token)]
  for (const chat of [one, one, one, two]) await api.givenMessage(token, chat)
  await drainQueues(stores())
  await syncCounts(stores(), 5_000)
  return { token, one, two }
}

const counters = (application: string) =>
  stores()
    .mysql.selectFrom("counters")
    .select(["chat", "live", "highest", "dirty"])
    .where("application", "=", application)
    .orderBy("chat")
    .execute()

const plant = (application: string, chat: number, values: { live?: number; highest?: number; dirty?: number }) =>
  stores()
    .mysql.updateTable("counters")
    .set(values)
    .where("application", "=", application)
    .where("chat", "=", chat)
    .execute()

const summary = ({ corrected, corrections }: Recount) => ({ corrected, chats: corrections.map(({ chat }) => chat) })

describe("a recount", () => {
  test("where all is right, corrects nothing and leaves the counters as they are", async () => {
    const { token } = await givenCounted()
    const before = await counters(token)
    expect(summary(await recount(stores(), { application: token }))).toEqual({ corrected: 0, chats: [] })
    expect(await counters(token)).toEqual(before)
  })

  test("after counters went wrong, corrects each, says what it was, and the API shows it after the next sync", async () => {
    const { token, one, two } = await givenCounted()
    await plant(token, 0, { live: 7 })
    await plant(token, one, { live: 1, highest: 1 })
    const result = await recount(stores(), { application: token })
    expect(result).toMatchObject({ applications: 1, chats: 2, corrected: 2, next: undefined })
    expect(result.corrections).toMatchObject([
      { application: token, chat: 0, live: { was: 7, is: 2 }, highest: { was: 2, is: 2 } },
      { application: token, chat: one, live: { was: 1, is: 3 }, highest: { was: 1, is: 3 } },
    ])
    expect(await counters(token)).toEqual([
      { chat: 0, live: 2, highest: 2, dirty: 1 },
      { chat: one, live: 3, highest: 3, dirty: 1 },
      { chat: two, live: 1, highest: 1, dirty: 0 },
    ])
    await syncCounts(stores(), 5_000)
    expect(expectStatus(await api.getApplication(token), 200).chats_count).toBe(2)
    expect(expectStatus(await api.getChat(token, one), 200).messages_count).toBe(3)
    expect(summary(await recount(stores(), { application: token })).corrected).toBe(0)
  })

  test("where only the columns are wrong, has them synced again", async () => {
    const { token, one } = await givenCounted()
    const { mysql } = stores()
    await mysql.updateTable("applications").set({ chats_count: 9 }).where("token", "=", token).execute()
    await mysql.updateTable("chats").set({ messages_count: 9 }).where("application", "=", token).execute()
    expect(summary(await recount(stores(), { application: token }))).toEqual({ corrected: 3, chats: [0, 1, 2] })
    await syncCounts(stores(), 5_000)
    expect(expectStatus(await api.getApplication(token), 200).chats_count).toBe(2)
    expect(expectStatus(await api.getChat(token, one), 200).messages_count).toBe(3)
  })

  test("where a counter is missing, makes it; where the last message was deleted, knows its number from the tombstone", async () => {
    const { token, one } = await givenCounted()
    await api.deleteMessage(token, one, 3)
    await drainQueues(stores())
    await stores().mysql.deleteFrom("counters").where("application", "=", token).where("chat", "=", one).execute()
    await recount(stores(), { application: token })
    expect((await counters(token))[1]).toEqual({ chat: one, live: 2, highest: 3, dirty: 1 })
  })

  test("where a counter is above all rows, does not lower its highest number", async () => {
    const { token, one } = await givenCounted()
    await plant(token, one, { live: 5, highest: 200_000 })
    await recount(stores(), { application: token })
    expect((await counters(token))[1]).toEqual({ chat: one, live: 3, highest: 200_000, dirty: 1 })
  })

  test("of everything, page by page, finds what is wrong in one chat of hundreds", async () => {
    const token = await api.givenApplication()
    const chats = await Promise.all(Array.from({ length: 230 }, () => api.givenChat(token)))
    await Promise.all(chats.map((chat) => api.givenMessage(token, chat)))
    await drainQueues(stores())
    await plant(token, 201, { live: 0 })
    await plant(token, 230, { live: 2 })
    const seen: number[] = []
    const result = await recount(stores(), { onProgress: ({ chats }) => seen.push(chats) })
    expect(result.corrections.filter(({ application }) => application === token)).toMatchObject([
      { chat: 201, live: { was: 0, is: 1 } },
      { chat: 230, live: { was: 2, is: 1 } },
    ])
    expect(seen.length).toBeGreaterThan(2)
    expect((await counters(token)).filter(({ chat, live }) => chat > 0 && live !== 1)).toEqual([])
  })

  test("with what was deleted, gives no counter back", async () => {
    const { token, one } = await givenCounted()
    await api.deleteChat(token, one)
    await drainQueues(stores())
    const before = await counters(token)
    await recount(stores(), { application: token })
    expect(await counters(token)).toEqual(before)
    expect(await recount(stores(), { application: "no-such-application-here" })).toMatchObject({ applications: 0 })
  })
})

describe("a recount while writes go on", () => {
  test("adds what was missing and loses none of the new", async () => {
    const { token, one } = await givenCounted()
    await plant(token, one, { live: -4 })
    let writing = true
    const write = (async () => {
      for (let number = 4; number <= 23; number++) {
        await api.givenMessage(token, one)
        if (number % 4 === 0) await api.deleteMessage(token, one, number)
        await drainQueues(stores())
      }
      writing = false
    })()
    let corrected = 0
    while (writing) corrected += (await recount(stores(), { application: token })).corrected
    await write
    expect(corrected).toBe(1)
    const rows = await stores()
      .mysql.selectFrom("messages")
      .select("number")
      .where("application", "=", token)
      .where("chat", "=", one)
      .execute()
    expect((await counters(token))[1]).toMatchObject({ live: rows.length, highest: 23 })
    expect(rows).toHaveLength(18)
  })

  test("started twice, runs once", async () => {
    const { token, one } = await givenCounted()
    await plant(token, one, { live: 30 })
    const results = await Promise.allSettled([1, 2, 3].map(() => recount(stores(), { application: token })))
    const refused = results.filter(({ status }) => status === "rejected")
    for (const result of refused) expect(String((result as PromiseRejectedResult).reason)).toMatch(/under way/)
    expect(refused.length).toBeGreaterThan(0)
    expect((await counters(token))[1]?.live).toBe(3)
  })

  test("stopped, says where to go on, and goes on there", async () => {
    const { token, one } = await givenCounted()
    await plant(token, one, { live: 30 })
    const stopped = await recount(stores(), { from: token, signal: AbortSignal.abort() })
    expect(stopped).toMatchObject({ next: token, corrected: 0 })
    const { corrections } = await recount(stores(), { from: stopped.next as string })
    expect(corrections).toContainEqual(expect.objectContaining({ application: token, chat: one }))
  })

  test("without MySQL, says that it is away", async () => {
    await withEnvironment(away("mysql"), async (without) => {
      await expect(recount(without)).rejects.toThrow("mysql is away")
    })
  })
})
