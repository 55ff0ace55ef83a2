import { describe, expect, test } from "@jest/globals"
import { describeAway } from "../steps/away-cases.ts"
import { chatApi, directTransport, expectStatus } from "../steps/chat-api.ts"
import { expectProblem } from "../steps/expect-problem.ts"
import { followApi, short } from "../steps/follow.ts"
import { describeMissing } from "../steps/missing-cases.ts"
import { away, useTestStores, withEnvironment } from "../steps/stores.ts"
import { givenWorld, reach, STAGES, TARGETS } from "../steps/world.ts"

const stores = useTestStores()
const api = chatApi(directTransport())

describe("the changes from the beginning", () => {
  test.each(STAGES)("are what lives, as GET shows it, in the order of the latest writes, %s", async (stage) => {
    const { token, chat } = await givenWorld(api, stores(), stage)
    const second = await api.givenMessage(token, chat, "second")
    await api.givenMessage(token, chat, "third")
    const gone = await api.givenChat(token)
    await api.givenMessage(token, gone)
    await reach(stage, stores())
    expectStatus(await api.updateMessage(token, chat, 1, { body: "changed" }), 200)
    expectStatus(await api.deleteMessage(token, chat, second), 204)
    expectStatus(await api.deleteChat(token, gone), 204)
    expectStatus(await api.updateApplication(token, { name: "changed" }), 200)
    for (const _ of [1, 2]) {
      const { changes } = await followApi(api, token)
      expect(changes.map(short)).toEqual([
        `chat.created ${chat}`,
        "message.created 1/3",
        "message.updated 1/1",
        "application.updated",
      ])
      const [chatData, third, first, application] = changes.map(({ data }) => data)
      expect(chatData).toEqual(expectStatus(await api.getChat(token, chat), 200))
      expect(third).toEqual(expectStatus(await api.getMessage(token, chat, 3), 200))
      expect(first).toEqual(expectStatus(await api.getMessage(token, chat, 1), 200))
      expect(application).toEqual(expectStatus(await api.getApplication(token), 200))
      await reach("stored", stores())
    }
  })

  test.each(STAGES)("of a new application are none, and the cursor leads to what comes, %s", async (stage) => {
    const token = await api.givenApplication()
    await reach(stage, stores())
    const answer = expectStatus(await api.listChanges(token), 200)
    expect(answer).toEqual({ data: [], next_cursor: expect.any(String), has_more: false })
    await api.givenChat(token)
    const { changes } = await followApi(api, token, { cursor: answer.next_cursor })
    expect(changes.map(short)).toEqual(["chat.created 1"])
  })

  test("have the members of the contract, and ids that stay the same when the write is stored", async () => {
    const { token } = await givenWorld(api, stores(), "pending")
    const pending = await followApi(api, token)
    await reach("stored", stores())
    const stored = await followApi(api, token)
    expect(stored.changes.map(({ id, at }) => [id, at])).toEqual(pending.changes.map(({ id, at }) => [id, at]))
    const [chat, message] = stored.changes
    const { created_at: at, ...data } = expectStatus(await api.getMessage(token, 1, 1), 200)
    expect(message).toEqual({
      id: expect.stringMatching(/^[A-Za-z0-9_-]{22}$/),
      type: "message.created",
      at,
      chat_number: 1,
      number: 1,
      data: { ...data, created_at: at },
    })
    expect(chat).toMatchObject({ type: "chat.created", chat_number: 1, number: null })
    expect(chat?.id).not.toBe(message?.id)
  })
})

describe("the changes from a cursor", () => {
  test.each(STAGES)("of the present are what is written from then on, deletes too, %s", async (stage) => {
    const { token, chat } = await givenWorld(api, stores(), stage)
    const gone = await api.givenChat(token)
    await api.givenMessage(token, gone)
    await reach(stage, stores())
    const start = expectStatus(await api.listChanges(token, { cursor: "latest" }), 200)
    expect(start).toEqual({ data: [], next_cursor: expect.any(String), has_more: false })
    expectStatus(await api.deleteMessage(token, chat, 1), 204)
    expectStatus(await api.deleteChat(token, gone), 204)
    for (const _ of [1, 2]) {
      const { changes, cursor } = await followApi(api, token, { cursor: start.next_cursor })
      expect(changes.map(short)).toEqual(["message.deleted 1/1", `chat.deleted ${gone}`])
      expect(changes.map(({ data }) => data)).toEqual([null, null])
      expect((await followApi(api, token, { cursor })).changes).toEqual([])
      await reach("stored", stores())
    }
  })

  test("are told on each page that more follows, with a link that goes on", async () => {
    const { token } = await givenWorld(api, stores(), "stored")
    const first = await api.listChanges(token, { limit: 1 })
    expect(first.body).toMatchObject({ data: [{ type: "chat.created" }], has_more: true })
    expect(first.headers.link).toBe(
      `</applications/${token}/changes?limit=1&cursor=${first.body.next_cursor}>; rel="next"`,
    )
    const last = await api.listChanges(token, { limit: 1, cursor: first.body.next_cursor })
    expect(last.body).toMatchObject({ data: [{ type: "message.created" }], has_more: false })
    expect(last.headers).not.toHaveProperty("link")
  })
})

describe("the changes of one chat", () => {
  test.each(STAGES)("are its own and those of its messages, %s", async (stage) => {
    const { token, chat } = await givenWorld(api, stores(), stage)
    const other = await api.givenChat(token)
    await api.givenMessage(token, other)
    await api.givenMessage(token, chat)
    await reach(stage, stores())
    const { changes, cursor } = await followApi(api, token, { chat, limit: 1 })
    expect(changes.map(short)).toEqual(["chat.created 1", "message.created 1/1", "message.created 1/2"])
    expectStatus(await api.updateChat(token, chat, { name: "changed" }), 200)
    expectStatus(await api.updateChat(token, other, { name: "changed" }), 200)
    expectStatus(await api.updateApplication(token, { name: "changed" }), 200)
    for (const then of ["pending", "stored"] as const) {
      await reach(then, stores())
      const later = await followApi(api, token, { chat, cursor })
      expect(later.changes.map(short)).toEqual(["chat.updated 1"])
    }
  })

  test.each(STAGES)("end with its delete: told to who was told before, else 404, %s", async (stage) => {
    const { token, chat } = await givenWorld(api, stores(), stage)
    const { cursor } = await followApi(api, token, { chat })
    await api.givenMessage(token, chat)
    expectStatus(await api.deleteChat(token, chat), 204)
    for (const _ of [1, 2]) {
      const end = await followApi(api, token, { chat, cursor })
      expect(end.changes.map(short)).toEqual(["chat.deleted 1"])
      for (const query of [{}, { cursor: "latest" }, { cursor: end.cursor }])
        expectProblem(await api.listChanges(token, { chat, ...query }), 404, "not_found")
      await reach("stored", stores())
    }
  })

  test.each(STAGES)("that never was are 404, %s", async (stage) => {
    const { token } = await givenWorld(api, stores(), stage)
    for (const query of [{}, { cursor: "latest" }])
      expectProblem(await api.listChanges(token, { chat: 999, ...query }), 404, "not_found")
  })
})

describe("a parameter", () => {
  test.each([
    ["limit 0", "limit=0", "limit"],
    ["limit 101", "limit=101", "limit"],
    ["an empty cursor", "cursor=", "cursor"],
    ["garbage as a cursor", "cursor=garbage", "cursor"],
    ["a list's cursor", "cursor=WyJhc2MiLCIwMDAwMDAwMCIsMV0", "cursor"],
    ["chat 0", "chat=0", "chat"],
    ["a chat that is no number", "chat=first", "chat"],
    ["a chat beyond all numbers", "chat=4294967296", "chat"],
  ])("of %s is 422", async (_what, query, parameter) => {
    const { token } = await givenWorld(api, stores(), "pending")
    const answer = await api.listChanges(token, query)
    expectProblem(answer, 422, "invalid_request")
    expect(answer.body.errors).toEqual([{ in: "query", path: parameter, message: expect.any(String) }])
  })

  test("with the cursor of another application or chat is 422", async () => {
    const [one, other] = [await givenWorld(api, stores(), "pending"), await givenWorld(api, stores(), "pending")]
    const { cursor } = await followApi(api, one.token)
    expectProblem(await api.listChanges(other.token, { cursor }), 422, "invalid_request")
    expectProblem(await api.listChanges(one.token, { cursor, chat: one.chat }), 422, "invalid_request")
    const ofChat = await followApi(api, one.token, { chat: one.chat })
    expectProblem(await api.listChanges(one.token, { cursor: ofChat.cursor }), 422, "invalid_request")
  })

  test("that is not known is ignored", async () => {
    const { token } = await givenWorld(api, stores(), "pending")
    expectStatus(await api.listChanges(token, { page: 2, order: "desc" }), 200)
  })
})

/** Returns the cursor that its reader would have if it had last been complete this much earlier. */
function aged(cursor: string, byMs: number): string {
  const [scope, revision, start, at] = JSON.parse(Buffer.from(cursor, "base64url").toString())
  return Buffer.from(JSON.stringify([scope, revision, start, at - byMs * 1_000])).toString("base64url")
}

test("a cursor of 14 days ago: followed: is good until then, and 410 afterwards", async () => {
  const { token } = await givenWorld(api, stores(), "stored")
  const { cursor } = await followApi(api, token)
  const day = 86_400_000
  expectStatus(await api.listChanges(token, { cursor: aged(cursor, 14 * day - 60_000) }), 200)
  expectProblem(await api.listChanges(token, { cursor: aged(cursor, 14 * day + 60_000) }), 410, "cursor_expired")
})

test("long messages: read as changes: end a page at its byte limit, and the next goes on", async () => {
  const { token, chat } = await givenWorld(api, stores(), "stored")
  const body = "\u0001".repeat(10_000)
  for (let i = 0; i < 70; i++) await api.givenMessage(token, chat, body)
  const first = await api.listChanges(token, { limit: 100 })
  expect(first.body.has_more).toBe(true)
  expect(Buffer.byteLength(JSON.stringify(first.text))).toBeLessThan(5_000_000)
  const { changes } = await followApi(api, token, { limit: 100 })
  expect(changes).toHaveLength(72)
  expect(new Set(changes.map(({ id }) => id)).size).toBe(72)
})

describeMissing(api, stores, TARGETS.listChanges)
describeAway(api, stores, TARGETS.listChanges, [
  { away: "mysql", scene: "pending", status: 503 },
  { away: "mysql", scene: "stored", status: 503 },
  { away: "redis", scene: "stored", status: 503 },
  { away: "redis", scene: "unknown", status: 503 },
  { away: "sqs", scene: "pending", status: 200 },
  { away: "sqs", scene: "stored", status: 200 },
  { away: "elasticsearch", scene: "stored", status: 200 },
])

test("a reader who is up to date, MySQL being away: asks again: is answered", async () => {
  const { token } = await givenWorld(api, stores(), "stored")
  const { cursor } = await followApi(api, token)
  const answer = await withEnvironment(away("mysql"), () => api.listChanges(token, { cursor }))
  expect(expectStatus(answer, 200)).toMatchObject({ data: [], has_more: false })
})
