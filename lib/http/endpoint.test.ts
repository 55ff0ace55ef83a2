import { afterEach, beforeEach, describe, expect, jest, test } from "@jest/globals"
import * as z from "zod"
import { expectProblem } from "../../test/steps/expect-problem.ts"
import { invocation, invoke, withJson } from "../../test/steps/gateway-event.ts"
import { ApplicationInput, IdempotencyKey } from "../contract.ts"
import { ApiError, DependencyAway, ERROR_CODES, type ErrorCode, notFound, unavailable } from "../errors.ts"
import { log } from "../log.ts"
import { endpoint } from "./endpoint.ts"
import { ListQuery } from "./pages.ts"
import { created } from "./reply/entity-tag.ts"
import { noContent, ok } from "./reply/replies.ts"

const TOKEN = "abcdefghijklmnopqrstuvwx"

const APPLICATION = { token: TOKEN, name: "x", chats_count: 0, created_at: "", updated_at: "" }

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
  endpoint({}, () => {
    throw thrown
  })

/** Handles every request by returning its checked input. */
const echo = endpoint(
  {
    params: z.object({ token: z.string().optional() }),
    query: ListQuery,
    body: ApplicationInput,
    idempotencyKey: IdempotencyKey,
  },
  (input) => ok(input),
)

describe("an endpoint whose run answers", () => {
  test("with a resource, gives 200, JSON and the headers of every answer", async () => {
    const answer = await invoke(endpoint({}, () => ok({ hello: "wörld" })))
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
    const first = await invoke(endpoint({}, () => created(APPLICATION, "/applications/a", false)))
    const replay = await invoke(endpoint({}, () => created(APPLICATION, "/applications/a", true)))
    expect(first).toMatchObject({ status: 201, headers: { location: "/applications/a" } })
    expect(first.headers).not.toHaveProperty("idempotency-replayed")
    expect(replay).toMatchObject({ status: 201, headers: { "idempotency-replayed": "true" } })
  })

  test("with nothing, gives 204 without a body or a content type", async () => {
    const answer = await invoke(endpoint({}, () => noContent()))
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
    expect((await invoke(failing(new ApiError("invalid_request", "No.", { errors })))).body.errors).toEqual([
      { in: "query", path: "query", message: "folds to nothing" },
    ])
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
    const later = endpoint({}, async () => {
      await Promise.resolve()
      throw notFound("chat")
    })
    expectProblem(await invoke(later), 404, "not_found")
  })
})

describe("an endpoint that runs for too long", () => {
  test("answers 503 at its time limit, and a rejection after that harms nobody", async () => {
    let late: (error: Error) => void = () => undefined
    const slow = endpoint(
      { timeoutMs: 20 },
      () =>
        new Promise((_, reject) => {
          late = reject
        }),
    )
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
    expect(await invoke(endpoint({}, () => ok({})))).toMatchObject({ status: 500 })
  })
})

test("an event of another kind is answered too", async () => {
  const answer = await echo({} as never, invocation)
  expect(answer.statusCode).toBe(500)
  expect(answer.headers?.["x-request-id"]).toBe("invocation-1")
})
