// Each call of the client on the real API.
import { describe, expect, test } from "@jest/globals"
import {
  ChatClient,
  etagOf,
  NotFoundError,
  PreconditionFailedError,
  RateLimitedError,
  type Retry,
  UnauthorizedError,
  ValidationFailedError,
} from "../../client/src/index.ts"
import { ADMIN_KEYS } from "../steps/admin-key-cases.ts"
import { eventually } from "../steps/eventually.ts"
import { useApiProject } from "../steps/running-api.ts"

const SEARCH_LIMIT_MS = 60_000
const [ADMIN_KEY = ""] = ADMIN_KEYS

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const item of items) all.push(item)
  return all
}

const { project } = useApiProject()

describe("the client", () => {
  let client: ChatClient
  const start = async () => {
    client ??= new ChatClient({ url: (await project().start()).baseUrl })
    return client.createApplication({ name: "Support" })
  }

  test("creates, reads, changes and deletes applications", async () => {
    const application = await start()
    expect(await client.ready()).toMatchObject({ status: "ready" })
    expect(application.data).toMatchObject({ token: application.token, name: "Support", chats_count: 0 })
    const { token } = application
    const handle = client.application(token)
    expect(await handle.get()).toEqual(application.data)
    expect(await handle.update({ name: "Sales" })).toMatchObject({ name: "Sales" })
    expect(await handle.replace({ name: "Parts" })).toMatchObject({ name: "Parts" })
    expect((await collect(client.applications({ order: "desc" }))).map((one) => one.token)).toContain(token)
    await handle.delete()
    await expect(handle.get()).rejects.toBeInstanceOf(NotFoundError)
    await expect(handle.delete()).rejects.toBeInstanceOf(NotFoundError)
  })

  test("creates, reads, changes and deletes chats", async () => {
    const application = await start()
    const chat = await application.createChat({ name: "Order 1001", metadata: { order: 1001 } })
    await application.createChat()
    expect([chat.number, chat.data.metadata]).toEqual([1, { order: 1001 }])
    expect((await collect(application.chats({ order: "desc" }))).map(({ number }) => number)).toEqual([2, 1])
    const handle = application.chat(1)
    expect(await handle.update({ metadata: { order: 1002 } })).toMatchObject({ name: "Order 1001" })
    expect(await handle.replace({ name: "Order 1003" })).toMatchObject({ name: "Order 1003", metadata: {} })
    expect(await handle.get()).toMatchObject({ number: 1, name: "Order 1003" })
    await handle.delete()
    await expect(handle.get()).rejects.toBeInstanceOf(NotFoundError)
  })

  test("creates, lists, changes, finds and deletes messages", async () => {
    const application = await start()
    const chat = await application.createChat()
    expect(await chat.send("Where is my parcel?")).toBe(1)
    const sent_at = "2026-11-01T10:00:00.000Z"
    expect(await chat.send({ body: "On its way", sender: "ann", metadata: { seen: true }, sent_at })).toBe(2)
    expect(await chat.sendBatch(["a", { body: "b", sender: "bob" }])).toEqual([3, 4])
    expect(await chat.sendBatch([])).toEqual([])
    expect(await chat.getMessage(2)).toMatchObject({ sender: "ann", metadata: { seen: true }, sent_at })
    expect((await collect(chat.messages({ limit: 3 }))).map(({ number }) => number)).toEqual([1, 2, 3])
    expect((await collect(chat.messages({ after: 1, before: 4 }))).map(({ number }) => number)).toEqual([2, 3])
    expect(await chat.updateMessage(3, { metadata: { n: 1 } })).toMatchObject({ body: "a", metadata: { n: 1 } })
    expect(await chat.replaceMessage(3, { body: "c" })).toMatchObject({ body: "c", metadata: {} })
    await chat.deleteMessage(3)
    await expect(chat.getMessage(3)).rejects.toBeInstanceOf(NotFoundError)

    await eventually(async () => {
      expect(await collect(chat.search("PARCEL"))).toMatchObject([{ number: 1 }])
      expect(await collect(application.search("on its"))).toMatchObject([{ number: 2, chat_number: 1 }])
      expect(await collect(chat.search(undefined, { sender: "bob" }))).toMatchObject([{ number: 4 }])
      expect(await collect(chat.search("on", { to: "2026-11-01T09:00:00Z" }))).toEqual([])
      for await (const page of application.search(undefined, { sender: "ann" }).pages()) expect(page.total).toBe(1)
    }, SEARCH_LIMIT_MS)
  })

  test("changes and deletes what is as it was read, and nothing else", async () => {
    const chat = await (await start()).createChat()
    await chat.send("Hello")
    const read = await chat.getMessage(1)
    const changed = await chat.updateMessage(1, { body: "Bye" }, { ifMatch: read })
    await expect(chat.updateMessage(1, { body: "Oh" }, { ifMatch: read })).rejects.toBeInstanceOf(
      PreconditionFailedError,
    )
    await expect(chat.deleteMessage(1, { ifMatch: read })).rejects.toMatchObject({ isAfterLostAnswer: false })
    await chat.deleteMessage(1, { ifMatch: etagOf(changed) })
    await chat.send("Again")
    for await (const listed of chat.messages())
      await expect(chat.deleteMessage(listed.number, { ifMatch: listed })).rejects.toThrow(TypeError)
  })

  test("reads what has changed to the end, or from the present on", async () => {
    const application = await start()
    const chat = await application.createChat()
    await chat.send("Hello")
    const changes = application.changes({ follow: false })
    const [first, second] = await collect(changes)
    expect([first?.type, second?.type, second?.data]).toEqual([
      "chat.created",
      "message.created",
      await chat.getMessage(1),
    ])
    const present = application.changes({ cursor: "latest", follow: false })
    expect(await collect(present)).toEqual([])
    await chat.updateMessage(1, { body: "Bye" })
    await chat.deleteMessage(1)
    const { cursor } = present
    for (const since of [changes.cursor, cursor])
      expect(await collect(application.changes({ cursor: since, follow: false }))).toMatchObject([
        { type: "message.deleted", number: 1, data: null },
      ])
    await expect(collect(application.changes({ cursor, chat: 1 }))).rejects.toBeInstanceOf(ValidationFailedError)
  })

  test("amid a page of changes: the cursor is still before it", async () => {
    const application = await start()
    const chat = await application.createChat()
    await chat.sendBatch(["one", "two"])
    const changes = application.changes({ chat: 1 })
    for await (const change of changes) if (change.number === 1) break
    expect(changes.cursor).toBeUndefined()
    expect((await collect(application.changes({ cursor: changes.cursor, follow: false }))).length).toBe(3)
  })

  test("tells what was refused, and where", async () => {
    const chat = await (await start()).createChat()
    const messages = Array.from({ length: 101 }, (_, index) => (index === 100 ? " " : "a"))
    const error = await chat.sendBatch(messages).catch((thrown) => thrown)
    expect(error).toBeInstanceOf(ValidationFailedError)
    expect(error).toMatchObject({ status: 422, code: "invalid_request", errors: [{ path: "messages.100.body" }] })
    expect(error.requestId).toMatch(/^[0-9a-f-]{36}\.0$/)
  })
})

test("of an API with an admin key: the client needs it for applications, and for nothing below them", async () => {
  const { baseUrl, stop } = await project().start({ ADMIN_API_KEY: ADMIN_KEY })
  const admin = new ChatClient({ url: baseUrl, adminKey: ADMIN_KEY })
  const { token } = await admin.createApplication({ name: "Support" })
  expect(await collect(admin.applications({ limit: 1 }))).toHaveLength(1)
  const client = new ChatClient({ url: baseUrl })
  await expect(client.createApplication({ name: "Support" })).rejects.toBeInstanceOf(UnauthorizedError)
  const chat = await client.application(token).createChat()
  expect(await chat.send("Hello")).toBe(1)
  await stop()
})

test("of an API with a rate limit: the client waits as it is told, and all is done", async () => {
  const limit = 20
  const { baseUrl, stop } = await project().start({ RATE_LIMIT_APPLICATION: `${limit}` })
  const waits: Retry[] = []
  const client = new ChatClient({ url: baseUrl, onRetry: (retry) => waits.push(retry) })
  const chat = await (await client.createApplication({ name: "Limited" })).createChat()
  for (let number = 1; number <= limit + 2; number++) expect(await chat.send("Hello")).toBe(number)
  expect(waits.length).toBeGreaterThan(0)
  for (const { error, waitMs } of waits) {
    expect(error).toBeInstanceOf(RateLimitedError)
    expect(waitMs).toBeGreaterThanOrEqual(error.retryAfterMs ?? 0)
  }
  await stop()
})
