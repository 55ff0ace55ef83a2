// Sender, metadata and sent_at on the whole way: answers, outbox, rows, lists and the index.
import { describe, expect, test } from "@jest/globals"
import { revisionTime } from "../../lib/events.ts"
import { verify } from "../../lib/operate/verify/verify.ts"
import { isCreation } from "../../lib/outbox/known.ts"
import { reindex } from "../../lib/search/rebuilding/reindex.ts"
import { chatApi, directTransport, expectStatus } from "../steps/chat-api.ts"
import { refreshIndex } from "../steps/drain.ts"
import { METADATA_TAKEN } from "../steps/member-cases.ts"
import { useTestStores } from "../steps/stores.ts"
import { reach, STAGES } from "../steps/world.ts"

const stores = useTestStores()
const api = chatApi(directTransport())

const DAY_MS = 86_400_000

async function givenChat() {
  const token = await api.givenApplication()
  return { token, chat: await api.givenChat(token) }
}

/** Returns the creation of a message from JSON text, which JSON.stringify would change. */
const createFrom = (token: string, chat: number, text: string) =>
  api.call({ method: "POST", path: `/applications/${token}/chats/${chat}/messages`, text })

const ALL = { sender: "customer-4711", metadata: { order: 1001 }, sent_at: "2026-11-01T07:15:30.123Z" }

describe("a message with sender, metadata and sent_at", () => {
  test.each(STAGES)("is read, listed and found with them, %s", async (stage) => {
    const { token, chat } = await givenChat()
    const created = await api.createMessage(token, chat, { body: "with all", ...ALL })
    expect(expectStatus(created, 201)).toMatchObject(ALL)
    await reach(stage, stores())
    expect((await api.getMessage(token, chat, 1)).text).toBe(created.text)
    expect(expectStatus(await api.listMessages(token, chat), 200).data).toEqual([created.body])
    if (stage === "pending") return
    const hit = { ...created.body, highlight: "<em>with</em> all" }
    const found = expectStatus(await api.searchMessages(token, chat, { query: "with" }), 200)
    expect(found.data).toEqual([hit])
    const everywhere = expectStatus(await api.searchApplication(token, { query: "with" }), 200)
    expect(everywhere.data).toEqual([{ chat_number: chat, ...hit }])
  })

  test("changed by PUT and PATCH, keeps sender and sent_at, and metadata only by PATCH", async () => {
    const { token, chat } = await givenChat()
    for (const stage of STAGES) {
      const { number } = expectStatus(await api.createMessage(token, chat, { body: "x", ...ALL }), 201)
      const tried = { sender: "someone else", sent_at: "2001-01-01T00:00:00Z" }
      await reach(stage, stores())
      const patched = expectStatus(await api.updateMessage(token, chat, number, { ...tried, body: "y" }, "PATCH"), 200)
      expect(patched).toMatchObject({ ...ALL, body: "y" })
      const metadata = { other: true }
      const again = expectStatus(await api.updateMessage(token, chat, number, { metadata }, "PATCH"), 200)
      expect(again).toMatchObject({ ...ALL, metadata, body: "y" })
      await reach(stage, stores())
      const put = expectStatus(await api.updateMessage(token, chat, number, { ...tried, body: "z" }), 200)
      const { sender, sent_at } = ALL
      expect(put).toMatchObject({ sender, sent_at, body: "z" })
      expect(put.metadata).toEqual({})
      await reach(stage, stores())
      expect(expectStatus(await api.getMessage(token, chat, number), 200)).toEqual(put)
    }
  })

  test("is indexed with the time at which it was sent, else created, and verified and rebuilt without a difference", async () => {
    const { token, chat } = await givenChat()
    await api.createMessage(token, chat, { body: "imported", ...ALL })
    const { created_at } = (await api.createMessage(token, chat, { body: "written" })).body
    await reach("stored", stores())
    const documents = async () => {
      const { elasticsearch, config } = stores()
      await refreshIndex(stores())
      const asked = { index: config.ELASTICSEARCH_INDEX, query: { term: { application: token } }, sort: ["number"] }
      return (await elasticsearch.search(asked)).hits.hits.map(({ _source }) => _source)
    }
    const expected = [
      { ...ALL, metadata: '{"order":1001}', effective_at: ALL.sent_at },
      { sender: null, metadata: null, sent_at: null, effective_at: created_at },
    ]
    expect(await documents()).toMatchObject(expected)
    expect((await verify(stores(), { application: token })).findings).toEqual([])
    await reindex(stores())
    expect(await documents()).toMatchObject(expected)
  })
})

describe("metadata", () => {
  test.each(METADATA_TAKEN)("with %s, comes back as it is, from outbox, MySQL and the index", async (_what, json) => {
    const { token, chat } = await givenChat()
    const created = await createFrom(token, chat, `{"body":"some words","metadata":${json}}`)
    expect(created.status).toBe(201)
    const shown = `"metadata":${json},`
    expect(created.text).toContain(shown)
    for (const stage of STAGES) {
      await reach(stage, stores())
      expect((await api.getMessage(token, chat, 1)).text).toBe(created.text)
      expect((await api.listMessages(token, chat)).text).toContain(shown)
    }
    expect((await api.searchMessages(token, chat, { query: "words" })).text).toContain(shown)
    const path = `/applications/${token}/chats/${chat}`
    const changed = await api.call({ method: "PATCH", path, text: `{"metadata":${json}}` })
    expect(changed.text).toContain(shown)
    await reach("stored", stores())
    expect((await api.getChat(token, chat)).text).toBe(changed.text)
  })

  test.each(STAGES)(
    "of a chat, is given, replaced as a whole, and falls back to an empty object, %s",
    async (stage) => {
      const token = await api.givenApplication()
      const { number } = expectStatus(await api.createChat(token, { name: "a", metadata: { a: 1, b: 2 } }), 201)
      await reach(stage, stores())
      const change = (json: unknown, method: "PUT" | "PATCH") => api.updateChat(token, number, json, method)
      expect(expectStatus(await change({ metadata: { c: 3 } }, "PATCH"), 200)).toMatchObject({ name: "a" })
      await reach(stage, stores())
      expect(expectStatus(await api.getChat(token, number), 200).metadata).toEqual({ c: 3 })
      expect(expectStatus(await change({ name: null }, "PATCH"), 200)).toMatchObject({ name: null, metadata: { c: 3 } })
      await reach(stage, stores())
      const put = expectStatus(await change({ name: "b" }, "PUT"), 200)
      expect([put.name, put.metadata]).toEqual(["b", {}])
      await reach(stage, stores())
      const emptied = expectStatus(await change(undefined, "PUT"), 200)
      expect([emptied.name, emptied.metadata]).toEqual([null, {}])
      expect(expectStatus(await api.listChats(token), 200).data).toEqual([emptied])
    },
  )
})

describe("a sender", () => {
  test.each([
    ["with white space at its ends", " a "],
    ["with NUL, quotes and a backslash", "a\u0000'\"\\%_"],
    ["decomposed", "e\u0301"],
    ["of 255 characters beyond U+FFFF", "🙂".repeat(255)],
  ])("%s, comes back as it came", async (_what, sender) => {
    const { token, chat } = await givenChat()
    for (const given of [sender, sender.trim()]) {
      const { number } = expectStatus(await api.createMessage(token, chat, { body: "x", sender: given }), 201)
      for (const stage of STAGES) {
        await reach(stage, stores())
        expect(expectStatus(await api.getMessage(token, chat, number), 200).sender).toBe(given)
      }
    }
  })

  test("with and without a space at its end, in MySQL, is two", async () => {
    const { token, chat } = await givenChat()
    for (const sender of ["a", "a ", "A"]) await api.createMessage(token, chat, { body: "x", sender })
    await reach("stored", stores())
    const rows = await stores()
      .mysql.selectFrom("messages")
      .select("number")
      .where("application", "=", token)
      .where("sender", "=", Buffer.from("a"))
      .execute()
    expect(rows).toEqual([{ number: 1 }])
  })
})

describe("a sent_at", () => {
  test.each([
    ["1970-01-01T00:00:00Z", "1970-01-01T00:00:00.000Z"],
    ["2026-11-01T08:15:30.9999+01:00", "2026-11-01T07:15:30.999Z"],
    ["2026-11-01t08:15:30.1z", "2026-11-01T08:15:30.100Z"],
    ["2016-12-31T23:59:60Z", "2017-01-01T00:00:00.000Z"],
  ])("of %s, comes back as %s", async (sent_at, shown) => {
    const { token, chat } = await givenChat()
    const created = await api.createMessage(token, chat, { body: "x", sent_at })
    expect(expectStatus(created, 201).sent_at).toBe(shown)
    for (const stage of STAGES) {
      await reach(stage, stores())
      expect((await api.getMessage(token, chat, 1)).text).toBe(created.text)
    }
  })

  test("of almost a day ahead, is taken", async () => {
    const { token, chat } = await givenChat()
    const sent_at = new Date(Date.now() + DAY_MS - 60_000).toISOString()
    expect(expectStatus(await api.createMessage(token, chat, { body: "x", sent_at }), 201).sent_at).toBe(sent_at)
  })
})

test("a creation with the defaults spelled out: is the one without them, to its Idempotency-Key", async () => {
  const { token, chat } = await givenChat()
  const key = `key-${token}`
  const first = await api.createMessage(token, chat, { body: "x" }, { key })
  const spelled = { body: "x", sender: null, metadata: {}, sent_at: null }
  const again = await api.createMessage(token, chat, spelled, { key })
  expect([again.status, again.text, again.headers["idempotency-replayed"]]).toEqual([201, first.text, "true"])
  expect((await api.createMessage(token, chat, { ...spelled, metadata: { a: 1 } }, { key })).status).toBe(422)
  const chatKey = `chat-${token}`
  const named = await api.createChat(token, { name: "x" }, { key: chatKey })
  expect((await api.createChat(token, { name: "x", metadata: {} }, { key: chatKey })).text).toBe(named.text)
})

test("an update in the millisecond of its creation: is later by its time, and no creation", async () => {
  const { token, chat } = await givenChat()
  const { outbox } = stores()
  // A creation that is ahead of the clock is one in the same millisecond, at the latest.
  const createdAt = Date.now() + 50
  const key = { application: token, chat, message: 1 }
  const changed = await outbox.change({ key, createdAt, revision: createdAt * 1_000, state: { body: "y" } })
  if (changed.status !== "changed") throw new Error(changed.status)
  expect(revisionTime(changed.revision).getTime()).toBe(createdAt + 1)
  const [event] = (await outbox.read(token, chat, [key])).entries
  expect(event && isCreation(event)).toBe(false)
})
