// Every call of the contract once, over HTTP through serverless-offline, with queues and schedules running.
import { afterAll, describe, expect, test } from "@jest/globals"
import { ROUTES } from "../../lib/operations/routes.ts"
import {
  chatApi,
  chatPath,
  expectStatus,
  httpTransport,
  messagePath,
  nextOf,
  route,
  type Transport,
} from "../steps/chat-api.ts"
import { eventually } from "../steps/eventually.ts"
import { describeManners } from "../steps/http-manners.ts"
import { useRunningApi } from "../steps/running-api.ts"

/** Time for persisting, indexing and a refresh of the index on a busy machine. */
const SEARCH_LIMIT_MS = 30_000
/** The sync runs each minute at second 0. */
const COUNTS_LIMIT_MS = 75_000

const TIME = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
/** The members of a message besides its number and body, unless others were given. */
const MESSAGE = { sender: null, metadata: {}, sent_at: null, created_at: TIME, updated_at: TIME }
const TOKEN = expect.stringMatching(/^[A-Za-z0-9_-]{24}$/)
const JSON_TYPE = "application/json; charset=utf-8"

const { stores, api } = useRunningApi()
const called = new Set<string>()

/** Records the route of each call. */
const noting: Transport = (call) => {
  const { method = "GET", path } = call
  called.add(`${method} ${route(method, path).function}`)
  return httpTransport(api().baseUrl)(call)
}
const chats = chatApi(noting)

afterAll(() => {
  const routes = ROUTES.flatMap(({ methods, function: name }) => methods.map((method) => `${method} ${name}`))
  expect([...called].sort()).toEqual(expect.arrayContaining(routes))
})

describe("applications", () => {
  test("one: created, read, changed and deleted: answers as the contract says", async () => {
    const created = await chats.createApplication({ name: "  Ünïcode 🙂 " })
    const { token, ...application } = expectStatus(created, 201)
    expect(token).toEqual(TOKEN)
    expect(application).toEqual({ name: "Ünïcode 🙂", chats_count: 0, created_at: TIME, updated_at: TIME })
    expect(created.headers).toMatchObject({ location: `/applications/${token}`, "content-type": JSON_TYPE })
    expect((await chats.getApplication(token)).text).toBe(created.text)
    for (const method of ["PUT", "PATCH"] as const) {
      const changed = expectStatus(await chats.updateApplication(token, { name: method }, method), 200)
      expect(changed).toMatchObject({ token, name: method, created_at: application.created_at })
      expect(expectStatus(await chats.getApplication(token), 200)).toEqual(changed)
    }
    const deleted = await chats.deleteApplication(token)
    expect([deleted.status, deleted.text]).toEqual([204, undefined])
    for (const gone of [await chats.getApplication(token), await chats.deleteApplication(token)])
      expect([gone.status, gone.body.code]).toEqual([404, "not_found"])
  })

  test("three: listed by two with Link and cursor: come all, each once, in the order of their creation", async () => {
    const tokens: string[] = []
    for (const name of ["one", "two", "three"]) tokens.push(await chats.givenApplication(name))
    const seen: string[] = []
    let answer = await chats.listApplications({ limit: 2, order: "desc" })
    for (;;) {
      const { data, next_cursor: cursor } = expectStatus(answer, 200)
      seen.push(...data.map(({ token }: { token: string }) => token))
      expect(cursor === null).toBe(answer.headers.link === undefined)
      if (cursor === null) break
      answer = await chats.call({ path: nextOf(answer.headers) })
    }
    expect(seen.slice(0, 3)).toEqual(tokens.reverse())
    expect(new Set(seen).size).toBe(seen.length)
  })

  test("a creation with a key: sent again: is answered again and creates nothing", async () => {
    const key = crypto.randomUUID()
    const first = await chats.createApplication({ name: "once" }, { key })
    const again = await chats.createApplication({ name: "once" }, { key })
    expect([again.status, again.text, again.headers["idempotency-replayed"]]).toEqual([201, first.text, "true"])
    const other = await chats.createApplication({ name: "twice" }, { key })
    expect([other.status, other.body.code]).toEqual([422, "idempotency_key_reused"])
  })
})

describe("chats", () => {
  test("created without body, with {} and with a name: get the numbers from 1 on, and are read, changed and deleted", async () => {
    const token = await chats.givenApplication()
    for (const [index, json] of [undefined, {}, { name: "named" }].entries()) {
      const created = await chats.createChat(token, json)
      const name = index === 2 ? "named" : null
      const expected = { number: index + 1, name, metadata: {}, messages_count: 0, created_at: TIME, updated_at: TIME }
      expect(expectStatus(created, 201)).toEqual(expected)
      expect(created.headers.location).toBe(chatPath(token, index + 1))
      expect((await chats.getChat(token, index + 1)).text).toBe(created.text)
    }
    for (const method of ["PUT", "PATCH"] as const)
      expect(expectStatus(await chats.updateChat(token, 1, { name: method }, method), 200).name).toBe(method)
    expect((await chats.deleteChat(token, 3)).status).toBe(204)
    expect((await chats.getChat(token, 3)).status).toBe(404)
    expect(await chats.givenChat(token)).toBe(4)
    const { data } = expectStatus(await chats.listChats(token), 200)
    expect(data.map(({ number }: { number: number }) => number)).toEqual([1, 2, 4])
    const page = expectStatus(await chats.listChats(token, { limit: 1, page: 2, order: "desc" }), 200)
    expect(page.data).toMatchObject([{ number: 2 }])
  })
})

describe("messages", () => {
  test("of any script: created, read, listed, changed and deleted: come back byte for byte", async () => {
    const token = await chats.givenApplication()
    const chat = await chats.givenChat(token)
    const bodies = ["  e\u0301 \u00e9 🏳️‍🌈\u0000 ", "שָׁלוֹם مَرحَبًا", '"\\\n\u2028\ufffe', "x".repeat(10_000)]
    for (const [index, body] of bodies.entries()) {
      const created = await chats.createMessage(token, chat, { body })
      expect(expectStatus(created, 201)).toEqual({
        ...{ ...MESSAGE, number: index + 1, body },
      })
      expect(created.headers.location).toBe(messagePath(token, chat, index + 1))
    }
    const { data, next_cursor: cursor } = expectStatus(await chats.listMessages(token, chat, { limit: 3 }), 200)
    const { data: rest } = expectStatus(await chats.listMessages(token, chat, { limit: 3, cursor }), 200)
    expect([...data, ...rest].map(({ body }: { body: string }) => body)).toEqual(bodies)
    for (const method of ["PUT", "PATCH"] as const)
      expect(expectStatus(await chats.updateMessage(token, chat, 1, { body: method }, method), 200).body).toBe(method)
    expect((await chats.deleteMessage(token, chat, 2)).status).toBe(204)
    expect((await chats.getMessage(token, chat, 2)).status).toBe(404)
    await eventually(async () => {
      const { mysql } = stores()
      const rows = await mysql
        .selectFrom("messages")
        .select("body")
        .where("application", "=", token)
        .orderBy("number")
        .execute()
      expect(rows.map(({ body }) => body)).toEqual(["PATCH", bodies[2], bodies[3]])
    }, SEARCH_LIMIT_MS)
    expect(expectStatus(await chats.getMessage(token, chat, 3), 200).body).toBe(bodies[2])
  })

  test("of one sender: erased: are gone, and those of others are not", async () => {
    const token = await chats.givenApplication()
    const chat = await chats.givenChat(token)
    for (const sender of ["a person", "another", "a person"])
      expectStatus(await chats.createMessage(token, chat, { body: "a message", sender }), 201)
    const erased = await chats.eraseMessages(token, chat, { sender: "a person" })
    expect(expectStatus(erased, 200)).toEqual({ deleted: 2, next_cursor: null })
    expect(expectStatus(await chats.listMessages(token, chat), 200).data).toMatchObject([{ number: 2 }])
    const missing = await chats.eraseMessages(token, chat, {})
    expect([missing.status, missing.body.errors]).toEqual([
      422,
      [{ in: "query", path: "sender", message: "is required" }],
    ])
  })

  test("stored: searched in all three ways: are found, newest first, with highlight, total and pages", async () => {
    const token = await chats.givenApplication()
    const chat = await chats.givenChat(token)
    for (const body of ["Die Straße & 100%", "nothing", "STRASSE <b>"]) await chats.givenMessage(token, chat, body)
    const expected = [
      { number: 3, body: "STRASSE <b>", highlight: "<em>STRASSE</em> &lt;b&gt;", created_at: TIME, updated_at: TIME },
      { number: 1, highlight: "Die <em>Straße</em> &amp; 100%" },
    ]
    await eventually(async () => {
      const found = expectStatus(await chats.searchMessages(token, chat, { query: "strasse" }), 200)
      expect(found).toMatchObject({ data: expected, next_cursor: null, total: 2 })
    }, SEARCH_LIMIT_MS)
    for (const answer of [
      await chats.searchMessagesByPost(token, chat, { query: "strasse" }),
      await chats.listMessages(token, chat, { query: "strasse" }),
    ])
      expect(expectStatus(answer, 200)).toMatchObject({ data: expected, total: 2 })
    const first = await chats.searchMessages(token, chat, { query: "strasse", limit: 1 })
    expect(expectStatus(first, 200)).toMatchObject({ data: [{ number: 3 }], total: 2 })
    const second = expectStatus(await chats.call({ path: nextOf(first.headers) }), 200)
    expect(second).toMatchObject({ data: [{ number: 1 }], next_cursor: null })
    const inChat = expected.map((hit) => ({ chat_number: chat, ...hit }))
    for (const answer of [
      await chats.searchApplication(token, { query: "strasse" }),
      await chats.searchApplicationByPost(token, { query: "strasse", from: "2026-01-01T00:00:00Z" }),
    ])
      expect(expectStatus(answer, 200)).toMatchObject({ data: inChat, next_cursor: null, total: 2 })
  })
})

describe("behind the calls", () => {
  test("chats and messages: a minute later: are counted", async () => {
    const token = await chats.givenApplication()
    for (let chat = 1; chat <= 3; chat++) await chats.givenChat(token)
    for (let message = 1; message <= 4; message++) await chats.givenMessage(token, 2)
    await chats.deleteMessage(token, 2, 4)
    await chats.deleteChat(token, 3)
    await eventually(async () => {
      expect(expectStatus(await chats.getApplication(token), 200).chats_count).toBe(2)
      expect(expectStatus(await chats.getChat(token, 2), 200).messages_count).toBe(3)
    }, COUNTS_LIMIT_MS)
  })

  test("an application with all below it: deleted: is hidden at once, and rows and documents go", async () => {
    const { mysql, elasticsearch, config } = stores()
    const token = await chats.givenApplication()
    const chat = await chats.givenChat(token)
    for (let message = 1; message <= 5; message++) await chats.givenMessage(token, chat, `message ${message}`)
    await eventually(async () => {
      expect(expectStatus(await chats.searchMessages(token, chat, { query: "message" }), 200).total).toBe(5)
    }, SEARCH_LIMIT_MS)
    expect((await chats.deleteApplication(token)).status).toBe(204)
    const hidden = [
      chats.getApplication(token),
      chats.listChats(token),
      chats.getChat(token, chat),
      chats.createChat(token),
      chats.listMessages(token, chat),
      chats.getMessage(token, chat, 1),
      chats.createMessage(token, chat),
      chats.createMessageBatch(token, chat, ["one", "two"]),
      chats.searchMessages(token, chat, { query: "message" }),
      chats.listChanges(token),
    ]
    for (const { status } of await Promise.all(hidden)) expect(status).toBe(404)
    await eventually(async () => {
      const rows = await Promise.all([
        mysql.selectFrom("applications").select("token").where("token", "=", token).execute(),
        mysql.selectFrom("chats").select("number").where("application", "=", token).execute(),
        mysql.selectFrom("messages").select("number").where("application", "=", token).execute(),
      ])
      const index = config.ELASTICSEARCH_INDEX
      await elasticsearch.indices.refresh({ index })
      const { count } = await elasticsearch.count({ index, routing: token, query: { term: { application: token } } })
      expect([...rows.flat(), count]).toEqual([0])
    }, SEARCH_LIMIT_MS)
  })
})

test("an application's changes: followed while they are written and stored: come in order, each once", async () => {
  const token = await chats.givenApplication()
  const { next_cursor: start } = expectStatus(await chats.listChanges(token, { cursor: "latest" }), 200)
  const chat = await chats.givenChat(token)
  const seen: { type: string; id: string; number: number | null }[] = []
  let cursor = start
  for (let written = 0; written < 20; written++) {
    await chats.givenMessage(token, chat)
    const page = expectStatus(await chats.listChanges(token, { cursor, limit: 7 }), 200)
    expect(page.has_more).toBe(false)
    seen.push(...page.data)
    cursor = page.next_cursor
  }
  expect(seen.map(({ type, number }) => `${type} ${number}`)).toEqual([
    "chat.created null",
    ...Array.from({ length: 20 }, (_, index) => `message.created ${index + 1}`),
  ])
  expect(seen[1]).toEqual({
    id: expect.any(String),
    type: "message.created",
    at: TIME,
    chat_number: chat,
    number: 1,
    data: expectStatus(await chats.getMessage(token, chat, 1), 200),
  })
})

describe("the system", () => {
  test("health, readiness and metrics: asked for: say that all is well", async () => {
    expect(expectStatus(await chats.call({ path: "/health" }), 200)).toEqual({ status: "ok" })
    const { status, dependencies } = expectStatus(await chats.call({ path: "/health/ready" }), 200)
    expect(status).toBe("ready")
    const up = { state: "up", latency_ms: expect.any(Number) }
    expect(dependencies).toEqual({ mysql: up, redis: up, sqs: up, elasticsearch: up })
    const { status: answered, text = "" } = await chats.call({ path: "/metrics" })
    expect(answered).toBe(200)
    expect(text).toMatch(/^chat_requests_total\{function="get-health",status="200"\} [1-9]/m)
    expect(text).toContain('chat_store_up{store="redis"} 1')
  })

  test("the OpenAPI document and the docs page: asked for: are complete", async () => {
    const document = expectStatus(await chats.call({ path: "/openapi.json" }), 200)
    const documented = [...new Set(ROUTES.filter(({ isHidden }) => !isHidden).map(({ path }) => path))].sort()
    expect(document.openapi).toMatch(/^3\.1\./)
    expect(Object.keys(document.paths).sort()).toEqual(documented)
    const docs = await chats.call({ path: "/docs" })
    expect(docs.headers["content-type"]).toMatch(/^text\/html/)
    expect(docs.text).not.toMatch(/(src|href)="https?:/)
  })

  test("an error: looked up by its type: is explained", async () => {
    const { type } = expectStatus(await chats.call({ path: "/applications/nobody/chats" }), 404)
    expect(type).toBe(`${api().baseUrl}/problems/not_found`)
    const page = await chats.call({ path: new URL(type).pathname })
    expect([page.status, page.headers["content-type"]]).toEqual([200, "text/html; charset=utf-8"])
    expect(page.text).toContain("What to do")
  })
})

describe("over HTTP", () => describeManners(noting, () => api().baseUrl))
