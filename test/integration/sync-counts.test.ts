import { describe, expect, test } from "@jest/globals"
import type { Context } from "aws-lambda"
import { handler } from "../../functions/sync-counts.ts"
import { chatApi, directTransport, expectStatus } from "../steps/chat-api.ts"
import { deliver, drainQueues, eventsIn, sqsRecord, takeRecords } from "../steps/drain.ts"
import { countCalls } from "../steps/statements.ts"
import { away, useTestStores, withEnvironment } from "../steps/stores.ts"

const stores = useTestStores()
const api = chatApi(directTransport())

const syncCounts = () => (handler as unknown as (event: unknown, context: Context) => Promise<void>)({}, {} as Context)

async function counts(token: string, chats: number[]) {
  const { chats_count } = expectStatus(await api.getApplication(token), 200)
  const messages = await Promise.all(
    chats.map(async (chat) => expectStatus(await api.getChat(token, chat), 200).messages_count),
  )
  return [chats_count, ...messages]
}

const dirty = async () =>
  (await stores().mysql.selectFrom("counters").select("chat").where("dirty", "=", 1).execute()).length

async function givenCounted() {
  const token = await api.givenApplication()
  const [one, two] = [await api.givenChat(token), await api.givenChat(token)]
  for (const chat of [one, one, one, two]) await api.givenMessage(token, chat)
  await drainQueues(stores())
  await syncCounts()
  return { token, one, two }
}

describe("the count sync", () => {
  test("after creations, counts them, in single reads and in lists", async () => {
    const { token, one, two } = await givenCounted()
    expect(await counts(token, [one, two])).toEqual([2, 3, 1])
    const { data } = expectStatus(await api.listChats(token), 200)
    expect(data.map(({ messages_count }: { messages_count: number }) => messages_count)).toEqual([3, 1])
    expect(await dirty()).toBe(0)
  })

  test("after deletes, takes them off", async () => {
    const { token, one, two } = await givenCounted()
    expectStatus(await api.deleteMessage(token, one, 2), 204)
    expectStatus(await api.deleteChat(token, two), 204)
    await drainQueues(stores())
    await syncCounts()
    expect(await counts(token, [one])).toEqual([1, 2])
  })

  test("after updates, has nothing to do, and a pending update still shows the count", async () => {
    const { token, one } = await givenCounted()
    expectStatus(await api.updateMessage(token, one, 1, { body: "changed" }), 200)
    await drainQueues(stores())
    expect(await dirty()).toBe(0)
    expectStatus(await api.updateChat(token, one, { name: "changed" }), 200)
    expect((await counts(token, [one]))[1]).toBe(3)
    await drainQueues(stores())
    expect((await counts(token, [one]))[1]).toBe(3)
  })

  test("after events came twice and messages before their chat, counts each once", async () => {
    const token = await api.givenApplication()
    const chat = await api.givenChat(token)
    for (const _ of [1, 2, 3]) await api.givenMessage(token, chat)
    const events = (await takeRecords(stores(), "persist")).flatMap((record) => eventsIn(record))
    const of = (wanted: (message: number) => boolean) => sqsRecord(events.filter(({ message }) => wanted(message)))
    await deliver("persist", [of((message) => message > 0)])
    await syncCounts()
    await deliver("persist", [of((message) => message === 0), of((message) => message > 1)])
    await syncCounts()
    expect(await counts(token, [chat])).toEqual([1, 3])
  })

  test("run by four at once over hundreds of counters, syncs each", async () => {
    const token = await api.givenApplication()
    const chats = await Promise.all(Array.from({ length: 450 }, () => api.givenChat(token)))
    await Promise.all(chats.map((chat) => api.givenMessage(token, chat)))
    await drainQueues(stores())
    await Promise.all([syncCounts(), syncCounts(), syncCounts(), syncCounts()])
    await syncCounts()
    const rows = await stores()
      .mysql.selectFrom("chats")
      .select("messages_count")
      .where("application", "=", token)
      .execute()
    expect(rows).toEqual(chats.map(() => ({ messages_count: 1 })))
    expect(await counts(token, [])).toEqual([450])
  })

  test("takes as many statements for many counters as for one", async () => {
    const token = await api.givenApplication()
    const chats = await Promise.all(Array.from({ length: 20 }, () => api.givenChat(token)))
    await Promise.all(chats.map((chat) => api.givenMessage(token, chat)))
    await drainQueues(stores())
    const { mysql } = await countCalls(stores(), async () => undefined, syncCounts)
    expect(mysql.writes).toHaveLength(3)
    expect(mysql.reads).toHaveLength(1)
    expect(await dirty()).toBe(0)
  })

  test("while MySQL is away, ends without an error and does it the next time", async () => {
    const token = await api.givenApplication()
    await api.givenChat(token)
    await drainQueues(stores())
    await withEnvironment(away("mysql"), syncCounts)
    expect(await counts(token, [])).toEqual([0])
    await syncCounts()
    expect(await counts(token, [])).toEqual([1])
  })
})
