import { inspect } from "node:util"
import { describe, expect, test } from "@jest/globals"
import { cut, hangUp, problem, reply, serve, silence } from "../../test/steps/scripted-server.ts"
import { ChatClient } from "./client.ts"
import type { ChatClientOptions, Retry } from "./connection.ts"
import {
  ChatError,
  ConnectionError,
  NotFoundError,
  PreconditionFailedError,
  RateLimitedError,
  TimeoutError,
  UnavailableError,
  ValidationFailedError,
} from "./errors.ts"

const TOKEN = "Vq3xJ8mZ-tR5wK1yB7nC_dHf"
const KEY = "an-admin-key"
const MESSAGE = { number: 3, body: "Hello" }
const created = reply(201, MESSAGE, { etag: '"1"' })

const connect = (url: string, options: Partial<ChatClientOptions> = {}) =>
  new ChatClient({ url, adminKey: KEY, ...options })
const chatAt = (url: string, options: Partial<ChatClientOptions> = {}) =>
  connect(url, options).application(TOKEN).chat(1)

/** Returns what a call throws. */
async function thrownBy(call: Promise<unknown>): Promise<ChatError> {
  const thrown = await call.then(
    () => new Error("nothing was thrown"),
    (error: unknown) => error,
  )
  return thrown as ChatError
}

describe("a creation", () => {
  test.each([
    ["no answer", hangUp],
    ["an answer that was cut", cut],
    ["an answer that is no JSON", reply(201, "<html>")],
    ["409", problem(409, "idempotency_key_in_flight")],
    ["429", problem(429, "rate_limited", { "retry-after": "0" })],
    ["500", problem(500, "internal_error")],
    ["502 of a proxy", reply(502, "<html>")],
    ["503", problem(503, "unavailable", { "retry-after": "0" })],
  ])("with %s: is sent again with the same key, and a request id that tells the attempt", async (_name, first) => {
    const { url, received } = await serve(first, created)
    expect(await chatAt(url).send("Hello")).toBe(3)
    const [one, two, ...more] = received.map(({ headers }) => headers)
    expect(more).toEqual([])
    expect(one?.["idempotency-key"]).toMatch(/^[0-9a-f-]{36}$/)
    expect(two?.["idempotency-key"]).toBe(one?.["idempotency-key"])
    expect(two?.["x-request-id"]).toBe(`${one?.["x-request-id"]}`.replace(/\.0$/, ".1"))
    expect(received[1]?.body).toBe('{"body":"Hello"}')
  })

  test("of another call: has another key, unless one is given", async () => {
    const { url, received } = await serve(created)
    const chat = chatAt(url)
    await chat.send("Hello")
    await chat.send("Hello")
    await chat.send("Hello", { idempotencyKey: "mine" })
    const keys = received.map(({ headers }) => headers["idempotency-key"])
    expect([new Set(keys).size, keys[2]]).toEqual([3, "mine"])
  })

  test("where there is no randomUUID, as in a page without TLS: has a key all the same", async () => {
    const { url, received } = await serve(created)
    const { randomUUID } = crypto
    try {
      Object.defineProperty(crypto, "randomUUID", { value: undefined, configurable: true, writable: true })
      await chatAt(url).send("Hello")
    } finally {
      Object.defineProperty(crypto, "randomUUID", { value: randomUUID, configurable: true, writable: true })
    }
    expect(received[0]?.headers["idempotency-key"]).toMatch(/^[0-9a-f]{32}$/)
  })
})

describe("a call", () => {
  test.each([
    [400, "bad_request"],
    [401, "unauthorized"],
    [404, "not_found"],
    [405, "method_not_allowed"],
    [408, "request_timeout"],
    [412, "precondition_failed"],
    [413, "body_too_large"],
    [422, "invalid_request"],
    [422, "idempotency_key_reused"],
  ])("answered %i %s: is not sent again", async (status, code) => {
    const { url, received } = await serve(problem(status, code))
    const error = await thrownBy(chatAt(url).send("Hello"))
    expect(error).toMatchObject({ status, code, detail: `It is ${code}.`, requestId: "theirs" })
    expect(received).toHaveLength(1)
  })

  test("that fails on: is sent as often as said, and tells of each wait", async () => {
    const { url, received } = await serve(problem(503, "unavailable", { "x-request-id": "in-the-header" }))
    const retries: Retry[] = []
    const error = await thrownBy(chatAt(url, { retries: 2, onRetry: (retry) => retries.push(retry) }).get())
    expect(error).toBeInstanceOf(UnavailableError)
    expect([error.requestId, error.isAfterLostAnswer]).toEqual(["in-the-header", true])
    expect(received).toHaveLength(3)
    expect(retries.map(({ attempt }) => attempt)).toEqual([0, 1])
  })

  test("without retries: is sent once", async () => {
    const { url, received } = await serve(hangUp)
    expect(await thrownBy(chatAt(url, { retries: 0 }).get())).toBeInstanceOf(ConnectionError)
    expect(received).toHaveLength(1)
  })

  test("told to wait: waits as long as it is told", async () => {
    const { url } = await serve(problem(429, "rate_limited", { "retry-after": "1" }), created)
    const started = performance.now()
    await chatAt(url).send("Hello")
    expect(performance.now() - started).toBeGreaterThanOrEqual(990)
  })

  test("told to wait until a date: waits until then", async () => {
    const date = new Date()
    const headers = { date: date.toUTCString(), "retry-after": new Date(date.getTime() + 1_000).toUTCString() }
    const { url } = await serve(problem(503, "unavailable", headers), created)
    const started = performance.now()
    await chatAt(url).send("Hello")
    expect(performance.now() - started).toBeGreaterThanOrEqual(990)
  })

  test("told to wait for longer than a client should: throws, and says for how long", async () => {
    const { url, received } = await serve(problem(429, "rate_limited", { "retry-after": "3600" }))
    const error = await thrownBy(chatAt(url).send("Hello"))
    expect(error).toBeInstanceOf(RateLimitedError)
    expect([error.retryAfterMs, received.length]).toEqual([3_600_000, 1])
  })

  test("without an answer in time: throws a TimeoutError", async () => {
    const { url } = await serve(silence)
    const error = await thrownBy(chatAt(url, { retries: 0, timeoutMs: 50 }).get())
    expect(error).toBeInstanceOf(TimeoutError)
    expect(error.message).toMatch(/^timed_out: no answer in 50 ms \(request [0-9a-f-]{36}\.0\)$/)
  })

  test.each([
    ["during an answer that does not come", silence],
    ["during the wait for the next attempt", problem(503, "unavailable", { "retry-after": "60" })],
  ])("aborted %s: ends at once with the signal's reason", async (_name, first) => {
    const { url, received } = await serve(first)
    const controller = new AbortController()
    const thrown = thrownBy(chatAt(url).send("Hello", { signal: controller.signal }))
    while (received.length === 0) await new Promise(setImmediate)
    await new Promise((resolve) => setTimeout(resolve, 50))
    const aborted = performance.now()
    const reason = new Error("enough")
    controller.abort(reason)
    expect(await thrown).toBe(reason)
    expect(performance.now() - aborted).toBeLessThan(500)
  })

  test("answered with a redirect: does not follow it, and says so", async () => {
    const other = await serve(created)
    const { url, received } = await serve(reply(307, "", { location: other.url }))
    const error = await thrownBy(chatAt(url).send("Hello"))
    expect(error).toMatchObject({ code: "unexpected_answer", status: 307 })
    expect([received.length, other.received.length]).toEqual([1, 0])
  })

  test("answered 404 by something that is not the API: is no NotFoundError", async () => {
    const { url } = await serve(reply(404, "<html>"))
    const error = await thrownBy(chatAt(url).get())
    expect([error.constructor, error.code]).toEqual([ChatError, "unexpected_answer"])
  })

  test("answered 422: tells each wrong field", async () => {
    const errors = [{ in: "body", path: "body", message: "must not be blank" }]
    const body = { status: 422, code: "invalid_request", detail: "body: must not be blank", request_id: "r", errors }
    const { url } = await serve(reply(422, body))
    const error = await thrownBy(chatAt(url).send(" "))
    expect(error).toBeInstanceOf(ValidationFailedError)
    expect(error.errors).toEqual(errors)
  })
})

describe("a repeated change whose first answer was lost", () => {
  test.each([
    ["no answer", hangUp],
    ["503", problem(503, "unavailable")],
  ])("by %s: a DELETE answered 404 is done", async (_name, first) => {
    const { url, received } = await serve(first, problem(404, "not_found"))
    expect(await chatAt(url).deleteMessage(3)).toBeUndefined()
    expect(received.map(({ method, url: path }) => `${method} ${path}`)).toEqual(
      Array(2).fill(`DELETE /applications/${TOKEN}/chats/1/messages/3`),
    )
  })

  test.each([
    ["the first time", [problem(404, "not_found")]],
    [
      "after 429, which has done nothing",
      [problem(429, "rate_limited", { "retry-after": "0" }), problem(404, "not_found")],
    ],
  ])("does not go for a DELETE answered 404 %s: it throws", async (_name, replies) => {
    const { url } = await serve(...replies)
    expect(await thrownBy(chatAt(url).deleteMessage(3))).toBeInstanceOf(NotFoundError)
  })

  test("nor for one answered 404 by something that is not the API", async () => {
    const { url } = await serve(hangUp, reply(404, "<html>"))
    expect(await thrownBy(chatAt(url).deleteMessage(3))).toMatchObject({ code: "unexpected_answer" })
  })

  test("and that is conditional: is 412 that says that it may be about the change itself", async () => {
    const { url, received } = await serve(hangUp, problem(412, "precondition_failed"))
    const error = await thrownBy(chatAt(url).updateMessage(3, { body: "Bye" }, { ifMatch: '"1"' }))
    expect(error).toBeInstanceOf(PreconditionFailedError)
    expect(error.isAfterLostAnswer).toBe(true)
    expect(received.map(({ headers }) => headers["if-match"])).toEqual(['"1"', '"1"'])
  })

  test("does not go for a 412 at first", async () => {
    const { url } = await serve(problem(412, "precondition_failed"))
    const error = await thrownBy(chatAt(url).updateMessage(3, { body: "Bye" }, { ifMatch: '"1"' }))
    expect(error.isAfterLostAnswer).toBe(false)
  })
})

describe("secrets", () => {
  const replies = {
    hangUp,
    cut,
    silence,
    redirect: reply(302, "", { location: `/applications/${TOKEN}` }),
    html: reply(500, TOKEN),
  }

  test.each(Object.entries(replies))("are in no error: %s", async (_name, first) => {
    const { url } = await serve(first)
    const application = connect(url, { retries: 0, timeoutMs: 100 }).application(TOKEN)
    for (const call of [application.get(), application.update({ name: "New" }), application.chat(1).send("Hello")]) {
      const error = await thrownBy(call)
      expect(error).toBeInstanceOf(ChatError)
      const shown = `${inspect(error, { depth: 9, showHidden: true })}${JSON.stringify(error)}${error.stack}`
      expect(shown).not.toContain(TOKEN)
      expect(shown).not.toContain(KEY)
    }
  })

  test("are in no error of a fetch that quotes the URL, as those of Deno and Bun do", async () => {
    const fetch = (url: string) => Promise.reject(Object.assign(new Error(`cannot reach ${url}`), { path: url }))
    const error = await thrownBy(chatAt("http://127.0.0.1:1", { fetch, retries: 0 }).get())
    expect(inspect(error, { depth: 9, showHidden: true })).not.toContain(TOKEN)
  })

  test("the admin key goes with the calls that need it alone", async () => {
    const { url, received } = await serve(reply(200, { data: [], next_cursor: null }))
    const client = connect(url)
    const application = client.application(TOKEN)
    await application.get()
    await application.chat(1).get()
    await client.ready()
    expect(received.filter(({ headers }) => "x-api-key" in headers)).toEqual([])
    for await (const _ of client.applications()) throw new Error("there is none")
    await application.update({ name: "New" })
    await application.replace({ name: "New" })
    await application.delete()
    expect(received.slice(3).map(({ headers }) => headers["x-api-key"])).toEqual([KEY, KEY, KEY, KEY])
  })

  test("a wrong admin key is refused without being quoted", () => {
    expect(() => connect("http://127.0.0.1:1", { adminKey: "a key\n" })).toThrow(/^adminKey: must be visible ASCII$/)
  })
})

describe("the parts of a path", () => {
  test("a token is encoded", async () => {
    const { url, received } = await serve(reply(200, {}))
    await connect(`${url}/below/`).application("a/../b?c#d%2e").get()
    expect(received[0]?.url).toBe("/below/applications/a%2F..%2Fb%3Fc%23d%252e")
  })

  test.each(["", ".", ".."])("the token %j, which would lead elsewhere, is refused", (token) => {
    expect(() => connect("http://127.0.0.1:1").application(token)).toThrow(TypeError)
  })

  test.each([0, -1, 1.5, Number.NaN, "1/.." as unknown as number])("the number %p is refused", (number) => {
    expect(() => connect("http://127.0.0.1:1").application(TOKEN).chat(number)).toThrow(RangeError)
  })

  test.each(["ftp://127.0.0.1", "http://user:password@127.0.0.1", "127.0.0.1"])("the url %s is refused", (url) => {
    expect(() => connect(url)).toThrow(/^url: must|^Invalid URL/)
  })
})
