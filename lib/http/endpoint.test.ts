import { afterEach, beforeEach, describe, expect, jest, test } from "@jest/globals"
import { z } from "zod"
import { type Answered, type Call, invoke, withJson } from "../../test/steps/gateway-event.ts"
import { ApplicationIdempotencyKey, ApplicationPath, IdempotencyKey, LIMITS, NewApplication } from "../contract.ts"
import { ApiError, DependencyAway, ERROR_CODES, type ErrorCode, notFound, unavailable } from "../errors.ts"
import { log } from "../log.ts"
import { endpoint } from "./endpoint.ts"
import { ListQuery } from "./pages.ts"
import { created, noContent, ok } from "./replies.ts"

const TOKEN = "abcdefghijklmnopqrstuvwx"

const info = jest.spyOn(log, "info")
const warn = jest.spyOn(log, "warn")
const error = jest.spyOn(log, "error")
const logged = () => JSON.stringify([info.mock.calls, warn.mock.calls, error.mock.calls])

beforeEach(() => {
  for (const spy of [info, warn, error]) spy.mockImplementation(() => undefined)
})
afterEach(() => {
  jest.clearAllMocks()
})

const failing = (thrown: unknown) =>
  endpoint({
    run: () => {
      throw thrown
    },
  })

/** Answers what it was given. */
const echo = endpoint({
  path: z.object({ token: z.string().optional() }),
  query: ListQuery,
  body: NewApplication,
  idempotencyKey: IdempotencyKey,
  run: (input) => ok(input),
})

function expectProblem(answer: Answered, status: number, code: ErrorCode) {
  expect(answer.status).toBe(status)
  expect(answer.headers["content-type"]).toBe("application/problem+json")
  expect(answer.body).toMatchObject({
    type: `/docs#error-${code}`,
    title: ERROR_CODES[code].title,
    status,
    code,
    request_id: "invocation-1",
  })
}

describe("an endpoint whose run answers", () => {
  test("with a resource, gives 200, JSON and the headers of every answer", async () => {
    const answer = await invoke(endpoint({ run: () => ok({ hello: "wörld" }) }))
    expect(answer).toMatchObject({ status: 200, body: { hello: "wörld" } })
    expect(answer.headers).toEqual({
      "access-control-allow-origin": "*",
      "cache-control": "no-store",
      "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
      "content-type": "application/json; charset=utf-8",
      "referrer-policy": "no-referrer",
      "strict-transport-security": expect.stringContaining("max-age="),
      "x-content-type-options": "nosniff",
      "x-frame-options": "DENY",
      "x-request-id": "invocation-1",
    })
  })

  test("with something created, gives 201, its Location and whether it was replayed", async () => {
    const first = await invoke(endpoint({ run: () => created({}, "/applications/a", false) }))
    const replay = await invoke(endpoint({ run: () => created({}, "/applications/a", true) }))
    expect(first).toMatchObject({ status: 201, headers: { location: "/applications/a" } })
    expect(first.headers).not.toHaveProperty("idempotency-replayed")
    expect(replay).toMatchObject({ status: 201, headers: { "idempotency-replayed": "true" } })
  })

  test("with nothing, gives 204 without a body or a content type", async () => {
    const answer = await invoke(endpoint({ run: () => noContent() }))
    expect(answer).toMatchObject({ status: 204, text: undefined })
    expect(answer.headers).not.toHaveProperty("content-type")
  })
})

describe("a request id", () => {
  test.each(["a", "0af7651916cd43dd8448eb211c80319c", "A.b_c-1", "x".repeat(128)])(
    "that is sane (%p) comes back",
    async (id) => {
      const answer = await invoke(echo, { headers: { "x-request-id": id } })
      expect(answer.headers["x-request-id"]).toBe(id)
      expect(answer.body.request_id).toBe(id)
    },
  )

  test.each(["", "a b", "a\r\nx: 1", "ü", "x".repeat(129), "a,b"])("that is not (%p) is replaced", async (id) => {
    const answer = await invoke(echo, { headers: { "x-request-id": id } })
    expect(answer.headers["x-request-id"]).toBe("invocation-1")
  })
})

describe("a path", () => {
  const byToken = endpoint({ path: ApplicationPath, run: ({ path }) => ok(path) })

  test("that fits reaches run", async () => {
    expect(await invoke(byToken, { pathParameters: { token: TOKEN } })).toMatchObject({
      status: 200,
      body: { token: TOKEN },
    })
  })

  test.each(["", "short", `${TOKEN}x`, "../../../../../../../../etc", "abcdefghijklmnopqrstuvw\n"])(
    "that cannot exist (%p) is 404 and is not repeated",
    async (token) => {
      const answer = await invoke(byToken, { pathParameters: { token } })
      expectProblem(answer, 404, "not_found")
      expect(answer.body).not.toHaveProperty("errors")
      expect(answer.body.detail).toBe("There is nothing under this path.")
    },
  )

  test("without its parameters is 404", async () => {
    expectProblem(await invoke(byToken), 404, "not_found")
  })
})

describe("a query string", () => {
  const list = endpoint({ query: ListQuery, run: ({ query }) => ok(query) })

  test("that fits reaches run, unknown parameters aside", async () => {
    const answer = await invoke(list, { queryString: "limit=5&order=desc&other=1&__proto__=2" })
    expect(answer).toMatchObject({ status: 200, body: { limit: 5, order: "desc" } })
  })

  test.each([
    ["limit=0", "limit"],
    ["limit=101", "limit"],
    ["limit=", "limit"],
    ["limit=1.5", "limit"],
    ["limit=1e1", "limit"],
    ["limit=1%2C2", "limit"],
    ["limit=1&limit=2", "limit"],
    ["order=up", "order"],
    ["cursor=", "cursor"],
    ["page=0", "page"],
    ["page=101&limit=100", "page"],
    ["page=1&cursor=x", "page"],
  ])("that does not (%s) is 422 and names %s", async (queryString, path) => {
    const answer = await invoke(list, { queryString })
    expectProblem(answer, 422, "invalid_request")
    expect(answer.body.errors).toEqual([{ path, message: expect.any(String) }])
  })

  test("that only the gateway has parsed is read from there", async () => {
    const { gatewayEvent, invocation } = await import("../../test/steps/gateway-event.ts")
    const { rawQueryString: _, ...event } = gatewayEvent()
    const answer = await list({ ...event, queryStringParameters: { limit: "7" } } as never, invocation)
    expect(JSON.parse(answer.body ?? "")).toEqual({ limit: 7 })
  })
})

describe("a body", () => {
  const json = { "content-type": "application/json" }
  const base64 = (bytes: Buffer, headers = json): Call => ({
    headers,
    body: bytes.toString("base64"),
    isBase64Encoded: true,
  })

  test.each([
    "application/json",
    "application/json; charset=utf-8",
    'Application/JSON;charset="UTF-8"',
    "application/merge-patch+json",
    "application/vnd.api+json ; charset=utf8",
  ])("declared as %s is read", async (type) => {
    expect(await invoke(echo, withJson({ name: "a" }, { headers: { "content-type": type } }))).toMatchObject({
      status: 200,
    })
  })

  test.each([
    "text/plain",
    "application/x-www-form-urlencoded",
    "application/json; charset=latin1",
    "application/jsonx",
    "json",
    "",
    "application/xml+json2",
  ])("declared as %p is 415", async (type) => {
    expectProblem(
      await invoke(echo, withJson({ name: "a" }, { headers: { "content-type": type } })),
      415,
      "unsupported_media_type",
    )
  })

  test("without a content type, or compressed, is 415", async () => {
    expectProblem(await invoke(echo, { body: "{}" }), 415, "unsupported_media_type")
    expectProblem(
      await invoke(echo, withJson({}, { headers: { "content-encoding": "gzip" } })),
      415,
      "unsupported_media_type",
    )
  })

  test("in base64 is decoded, and its limit counts the bytes", async () => {
    const fits = Buffer.from(JSON.stringify({ name: "a", more: "x".repeat(LIMITS.requestBytesMax - 22) }))
    expect(fits.length).toBe(LIMITS.requestBytesMax)
    expect(await invoke(echo, base64(fits))).toMatchObject({ status: 200, body: { body: { name: "a" } } })
    expectProblem(await invoke(echo, base64(Buffer.concat([fits, Buffer.from(" ")]))), 413, "body_too_large")
  })

  test("of more bytes than the limit is 413, though it has fewer characters, and is not parsed", async () => {
    const body = "é".repeat(LIMITS.requestBytesMax / 2 + 1)
    expectProblem(await invoke(echo, { headers: json, body }), 413, "body_too_large")
    expectProblem(
      await invoke(echo, { headers: json, body: "[".repeat(LIMITS.requestBytesMax + 1) }),
      413,
      "body_too_large",
    )
  })

  test.each(["{", "{name:1}", "nul", '{"name":"a"}}', "\ufeff{}", " ", "{'name':'a'}", '{"name":"a\u0001"}', "NaN"])(
    "that is no JSON (%p) is 400",
    async (body) => {
      expectProblem(await invoke(echo, { headers: json, body }), 400, "malformed_json")
    },
  )

  test.each([[[0xff]], [[0xc3]], [[0xed, 0xa0, 0x80]], [[0xf0, 0x9f, 0x98]]])(
    "that is no UTF-8 (%p) is 400",
    async (bytes) => {
      const body = Buffer.from([...Buffer.from('{"name":"'), ...bytes, ...Buffer.from('"}')])
      expectProblem(await invoke(echo, base64(body)), 400, "malformed_json")
    },
  )

  test("whose bytes the gateway has replaced is 400, and one with a real U+FFFD is read", async () => {
    const lossy = { body: '{"name":"\ufffd"}', headers: { ...json, "content-length": "12" } }
    expectProblem(await invoke(echo, lossy), 400, "malformed_json")
    const real = { body: '{"name":"\ufffd"}', headers: { ...json, "content-length": "14" } }
    expect(await invoke(echo, real)).toMatchObject({ status: 200 })
  })

  test.each(["[]", '"text"', "1", "null", "true", "[{}]"])("that is no object (%s) is 422", async (body) => {
    const answer = await invoke(echo, { headers: json, body })
    expectProblem(answer, 422, "invalid_request")
    expect(answer.body.errors).toHaveLength(1)
  })

  test.each([
    ["a string", "hello", "7"],
    ["a string that is JSON again", '{"name":"a"}', "18"],
    ["null or an empty string", undefined, "4"],
    ["a number", 0, "1"],
  ])("that the emulator has unwrapped from %s is 422", async (_, body, length) => {
    const call = { headers: { ...json, "content-length": length }, body: body as string } as Call
    expectProblem(await invoke(echo, call), 422, "invalid_request")
  })

  test("that is missing is read as an empty object, whatever it is declared as", async () => {
    const optional = endpoint({ body: z.object({ name: z.string().optional() }), run: ({ body }) => ok(body) })
    expect(await invoke(optional)).toMatchObject({ status: 200, body: {} })
    expect(await invoke(optional, { headers: { "content-type": "text/plain" } })).toMatchObject({ status: 200 })
    expect(await invoke(optional, { body: "" })).toMatchObject({ status: 200 })
    expect(await invoke(optional, withJson(null))).toMatchObject({ status: 422 })
    const answer = await invoke(echo)
    expectProblem(answer, 422, "invalid_request")
    expect(answer.body.errors).toEqual([{ path: "name", message: "is required" }])
  })

  test.each([
    [{ name: 1 }, "must be a string"],
    [{ name: null }, "must be a string"],
    [{ name: " \n " }, "must not be blank"],
    [{ name: "é".repeat(256) }, "must have at most 255 characters"],
    [{ name: "a\ud800" }, "must be well-formed Unicode (it has a lone surrogate)"],
  ])("with a wrong field (%j) is 422 and says why", async (body, message) => {
    const answer = await invoke(echo, withJson(body))
    expectProblem(answer, 422, "invalid_request")
    expect(answer.body.errors).toEqual([{ path: "name", message }])
    expect(answer.body.detail).toBe(`name: ${message}`)
  })

  test("with unknown, doubled and __proto__ keys loses them", async () => {
    const body = '{"__proto__":{"admin":true},"constructor":1,"name":"a","name":"b","token":"t"}'
    const answer = await invoke(echo, { headers: json, body })
    expect(answer.body.body).toEqual({ name: "b" })
    expect(({} as { admin?: boolean }).admin).toBeUndefined()
  })

  test("nested as deep as the limit allows is answered", async () => {
    const depth = 60_000
    const body = `{"name":"a","more":${"[".repeat(depth)}${"]".repeat(depth)}}`
    expect(await invoke(echo, { headers: json, body })).toMatchObject({ status: 200 })
  })
})

describe("an Idempotency-Key", () => {
  test.each(["a", "x".repeat(255), "!~"])("that fits (%p) reaches run", async (key) => {
    const answer = await invoke(echo, withJson({ name: "a" }, { headers: { "idempotency-key": key } }))
    expect(answer).toMatchObject({ status: 200, body: { idempotencyKey: key } })
  })

  test.each(["", "a b", "é", "x".repeat(256), "a\t"])("that does not (%p) is 422", async (key) => {
    const answer = await invoke(echo, withJson({ name: "a" }, { headers: { "idempotency-key": key } }))
    expectProblem(answer, 422, "invalid_request")
    expect(answer.body.errors).toEqual([{ path: "idempotency-key", message: "must be 1–255 visible ASCII characters" }])
  })

  test("of less than 16 characters is 422 for an application", async () => {
    const create = endpoint({ idempotencyKey: ApplicationIdempotencyKey, run: () => ok({}) })
    expect(await invoke(create, { headers: { "idempotency-key": "x".repeat(15) } })).toMatchObject({ status: 422 })
    expect(await invoke(create, { headers: { "idempotency-key": "x".repeat(16) } })).toMatchObject({ status: 200 })
  })
})

describe("an endpoint whose run throws", () => {
  test.each(Object.keys(ERROR_CODES) as ErrorCode[])("%s, gives its status", async (code) => {
    const answer = await invoke(failing(new ApiError(code, "What happened.")))
    expectProblem(answer, ERROR_CODES[code].status, code)
    expect(answer.body.detail).toBe("What happened.")
  })

  test("an error with Allow and fields, gives them", async () => {
    const notAllowed = new ApiError("method_not_allowed", "No.", { allow: ["GET", "HEAD"] })
    expect((await invoke(failing(notAllowed))).headers.allow).toBe("GET, HEAD")
    const errors = [{ path: "query", message: "folds to nothing" }]
    expect((await invoke(failing(new ApiError("invalid_request", "No.", { errors })))).body.errors).toEqual(errors)
    expect(error).not.toHaveBeenCalled()
  })

  test("that a dependency is away, gives 503 with Retry-After, does not name it, and logs it once", async () => {
    const answer = await invoke(failing(new DependencyAway("mysql", new Error("connect ECONNREFUSED 10.0.0.7"))))
    expectProblem(answer, 503, "unavailable")
    expect(answer.headers["retry-after"]).toBe("1")
    expect(answer.text).not.toMatch(/mysql|10\.0\.0\.7/i)
    expect(warn).toHaveBeenCalledTimes(1)
    expect(warn.mock.calls[0]).toEqual(["mysql is away", expect.objectContaining({ dependency: "mysql" })])
  })

  test("that something is unavailable, gives 503 with Retry-After and the words meant for the client", async () => {
    const answer = await invoke(failing(unavailable("The outbox is full.", new Error("inside"))))
    expectProblem(answer, 503, "unavailable")
    expect(answer).toMatchObject({ headers: { "retry-after": "1" }, body: { detail: "The outbox is full." } })
    expect(answer.text).not.toContain("inside")
  })

  test.each([
    new Error("secret: password=hunter2"),
    Object.assign(new Error("secret"), { status: 404, statusCode: 404 }),
    z.object({ secret: z.string() }).safeParse({}).error,
    "secret",
    undefined,
    null,
    { secret: 1 },
  ])("anything else (%#), gives 500 that tells nothing, and logs it", async (thrown) => {
    const answer = await invoke(failing(thrown))
    expectProblem(answer, 500, "internal_error")
    expect(answer.text).not.toContain("secret")
    expect(error).toHaveBeenCalledTimes(1)
  })

  test("an error of a driver, logs its stack and cause but no statement", async () => {
    const cause = Object.assign(new Error("lost"), { code: "ECONNRESET", sql: "INSERT 'private words'" })
    await invoke(failing(new Error("outer", { cause })))
    expect(logged()).toMatch(/outer.*endpoint\.test\.ts.*ECONNRESET/s)
    expect(logged()).not.toContain("private words")
  })

  test("after an await, gives the same", async () => {
    const later = endpoint({
      run: async () => {
        await Promise.resolve()
        throw notFound("chat")
      },
    })
    expectProblem(await invoke(later), 404, "not_found")
  })
})

describe("an endpoint that runs for too long", () => {
  test("answers 503 at its time limit, and a rejection after that harms nobody", async () => {
    let late: (error: Error) => void = () => undefined
    const slow = endpoint({
      timeoutMs: 20,
      run: () =>
        new Promise((_, reject) => {
          late = reject
        }),
    })
    const answer = await invoke(slow)
    expectProblem(answer, 503, "unavailable")
    expect(answer.headers["retry-after"]).toBe("1")
    late(new Error("too late"))
    await new Promise((resolve) => setImmediate(resolve))
    expect(error).not.toHaveBeenCalled()
  })
})

describe("a request's log line", () => {
  test("says what was answered, and nothing that the client wrote", async () => {
    await invoke(
      echo,
      withJson(
        { name: "private words" },
        { pathParameters: { token: TOKEN }, queryString: "limit=3", headers: { "idempotency-key": "private-key" } },
      ),
    )
    expect(info).toHaveBeenCalledTimes(1)
    expect(info.mock.calls[0]).toEqual([
      "request",
      {
        request_id: "invocation-1",
        function: "some-function",
        status: 200,
        code: undefined,
        duration_ms: expect.any(Number),
        application: expect.stringMatching(/^[0-9a-f]{8}$/),
      },
    ])
    expect(logged()).not.toMatch(/private|limit|abcdefghijkl/)
  })

  test("is written for errors too, with the code", async () => {
    await invoke(failing(notFound("chat")))
    expect(info.mock.calls).toEqual([["request", expect.objectContaining({ status: 404, code: "not_found" })]])
  })

  test("that cannot be written does not stop the answer", async () => {
    for (const spy of [info, warn, error])
      spy.mockImplementation(() => {
        throw new Error("EPIPE")
      })
    expect(await invoke(endpoint({ run: () => ok({}) }))).toMatchObject({ status: 500 })
  })
})

test("an event of another kind is answered too", async () => {
  const { invocation } = await import("../../test/steps/gateway-event.ts")
  const answer = await echo({} as never, invocation)
  expect(answer.statusCode).toBe(500)
  expect(answer.headers?.["x-request-id"]).toBe("invocation-1")
})
