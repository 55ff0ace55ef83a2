import { describe, expect, test } from "@jest/globals"
import * as z from "zod"
import { expectProblem } from "../../../test/steps/expect-problem.ts"
import { type Call, gatewayEvent, invocation, invoke, withJson } from "../../../test/steps/gateway-event.ts"
import { ApplicationIdempotencyKey, ApplicationInput, ApplicationPath, IdempotencyKey } from "../../contract.ts"
import { LIMITS } from "../../limits.ts"
import { endpoint } from "../endpoint.ts"
import { ListQuery } from "../pages.ts"
import { ok } from "../reply/replies.ts"

const TOKEN = "abcdefghijklmnopqrstuvwx"

/** Returns what it was given. */
const echo = endpoint({ body: ApplicationInput, idempotencyKey: IdempotencyKey }, (input) => ok(input))

describe("a path", () => {
  const byToken = endpoint({ params: ApplicationPath }, ({ params }) => ok(params))

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
  const list = endpoint({ query: ListQuery }, ({ query }) => ok(query))

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
    expect(answer.body.errors).toEqual([{ in: "query", path, message: expect.any(String) }])
  })

  test("that only the gateway has parsed is read from there", async () => {
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
    " ",
    "multipart/form-data",
    "application/json, application/json",
    "application/vnd.a+json, application/json",
    "application/json; charset=utf-8; charset=utf-8",
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

  test.each(["[]", '"text"', '""', "1", "0", "true", "false", "[{}]"])(
    "that is no object (%s) is 422",
    async (body) => {
      const answer = await invoke(echo, { headers: json, body })
      expectProblem(answer, 422, "invalid_request")
      expect(answer.body.errors).toHaveLength(1)
    },
  )

  test("that is missing, or null, is read as an empty object", async () => {
    const optional = endpoint({ body: z.object({ name: z.string().optional() }) }, ({ body }) => ok(body))
    expect(await invoke(optional)).toMatchObject({ status: 200, body: {} })
    expect(await invoke(optional, { headers: { "content-type": "text/plain" } })).toMatchObject({ status: 200 })
    expect(await invoke(optional, { body: "" })).toMatchObject({ status: 200 })
    expect(await invoke(optional, withJson(null))).toMatchObject({ status: 200, body: {} })
    const answer = await invoke(echo)
    expectProblem(answer, 422, "invalid_request")
    expect(answer.body.errors).toEqual([{ in: "body", path: "name", message: "is required" }])
  })

  test.each(["PUT", "PATCH"])("that is null in a %s is 422", async (method) => {
    const optional = endpoint({ body: z.object({ name: z.string().optional() }) }, ({ body }) => ok(body))
    expectProblem(await invoke(optional, withJson(null, { method })), 422, "invalid_request")
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
    expect(answer.body.errors).toEqual([{ in: "body", path: "name", message }])
    expect(answer.body.detail).toBe(`name: ${message}`)
  })

  test("with unknown, doubled and __proto__ keys loses them", async () => {
    const body = '{"__proto__":{"admin":true},"constructor":1,"name":"a","name":"b","token":"t"}'
    const answer = await invoke(echo, { headers: json, body })
    expect(answer.body.body).toEqual({ name: "b" })
    expect(({} as { admin?: boolean }).admin).toBeUndefined()
  })

  test("nested as deep as the limit allows is answered, and one level deeper 422", async () => {
    const nested = (levels: number) => `{"name":"a","more":${"[".repeat(levels - 1)}${"]".repeat(levels - 1)}}`
    expect(await invoke(echo, { headers: json, body: nested(LIMITS.jsonDepthMax) })).toMatchObject({ status: 200 })
    for (const levels of [LIMITS.jsonDepthMax + 1, 60_000]) {
      const answer = await invoke(echo, { headers: json, body: nested(levels) })
      expectProblem(answer, 422, "invalid_request")
      expect(answer.body.errors).toEqual([
        { in: "body", path: "", message: "the body must not be nested deeper than 32 levels" },
      ])
    }
  })
})

describe("an Idempotency-Key", () => {
  test.each(["a", "x".repeat(255), "!~"])("that fits (%p) reaches run", async (key) => {
    const answer = await invoke(echo, withJson({ name: "a" }, { headers: { "idempotency-key": key } }))
    expect(answer).toMatchObject({ status: 200, body: { idempotency: { key } } })
  })

  test.each(["", "a b", "é", "x".repeat(256), "a\t", "sent, twice"])("that does not (%p) is 422", async (key) => {
    const answer = await invoke(echo, withJson({ name: "a" }, { headers: { "idempotency-key": key } }))
    expectProblem(answer, 422, "invalid_request")
    expect(answer.body.errors).toEqual([
      { in: "header", path: "idempotency-key", message: "must be 1–255 visible ASCII characters" },
    ])
  })

  test("of less than 16 characters is 422 for an application", async () => {
    const create = endpoint({ idempotencyKey: ApplicationIdempotencyKey }, () => ok({}))
    expect(await invoke(create, { headers: { "idempotency-key": "x".repeat(15) } })).toMatchObject({ status: 422 })
    expect(await invoke(create, { headers: { "idempotency-key": "x".repeat(16) } })).toMatchObject({ status: 200 })
  })
})
