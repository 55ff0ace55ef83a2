// What only HTTP clients see: headers, preflights, methods, and requests that reach no handler.
import { once } from "node:events"
import { connect } from "node:net"
import { expect, test } from "@jest/globals"
import { ERROR_CODES, type ErrorCode } from "../../lib/errors.ts"
import { ANSWER_HEADERS } from "../../lib/http/reply/answer-headers.ts"
import { LIMITS } from "../../lib/limits.ts"
import { chatApi, expectStatus, type Transport } from "./chat-api.ts"
import type { Answered } from "./gateway-event.ts"
import { sendRaw } from "./raw-request.ts"

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

function expectProblem({ status, headers, body }: Answered, code: ErrorCode): void {
  expect([status, headers["content-type"]]).toEqual([ERROR_CODES[code].status, "application/problem+json"])
  const { title, status: told } = ERROR_CODES[code]
  const type = expect.stringMatching(`^https?://[^/]+/problems/${code}$`)
  expect(body).toMatchObject({ type, title, status: told, code, detail: expect.any(String) })
  expect(body.request_id).toBe(headers["x-request-id"])
}

/** Returns the members of a list in a header, whose commas may have blanks around them (RFC 9110, section 5.6.1). */
const listed = (header: unknown): string[] => String(header).split(/\s*,\s*/)

/** Returns a POST of an application with the header lines and the body. */
const post = (lines: string[], body: string | Buffer): Buffer =>
  Buffer.concat([
    Buffer.from(["POST /applications HTTP/1.1", "Host: localhost", "Connection: close", ...lines, "", ""].join("\r\n")),
    Buffer.from(body),
  ])
const CHUNKED = ["Content-Type: application/json", "Transfer-Encoding: chunked"]
const chunk = (bytes: Buffer): Buffer =>
  Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from("\r\n0\r\n\r\n")])
const named = (bytes: number[]): Buffer =>
  Buffer.concat([Buffer.from('{"name":"x'), Buffer.from(bytes), Buffer.from('"}')])
const json = (lines: string[]): Buffer => post([...lines, "Content-Length: 12"], '{"name":"x"}')

/** Requests that no client library would send, and the problem for each. */
const RAW_REQUESTS: [string, string | Buffer, ErrorCode][] = [
  ["of another version of HTTP", "GET /health HTTP/9\r\n\r\n", "bad_request"],
  ["that is no HTTP", "GARBAGE\r\n\r\n", "bad_request"],
  ["without a Host", "GET /health HTTP/1.1\r\n\r\n", "bad_request"],
  ["with two Hosts", "GET /health HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "bad_request"],
  ["with a Host that cannot be", "GET /health HTTP/1.1\r\nHost: a b\r\n\r\n", "bad_request"],
  ["for no path", "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", "bad_request"],
  ["to a proxy", "CONNECT a:80 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "bad_request"],
  ["whose chunks are none", post(CHUNKED, "zz\r\n"), "bad_request"],
  ["with a line of 20 KiB", `GET /${"x".repeat(20_000)} HTTP/1.1\r\nHost: a\r\n\r\n`, "uri_too_long"],
  ["with a header of 20 KiB", `GET / HTTP/1.1\r\nHost: a\r\nx: ${"x".repeat(20_000)}\r\n\r\n`, "headers_too_large"],
  ["with a header of 200 KiB", `GET / HTTP/1.1\r\nHost: a\r\nx: ${"x".repeat(2e5)}\r\n\r\n`, "headers_too_large"],
  ["with half of its body", post(["Content-Type: application/json", "Content-Length: 30"], "{"), "request_timeout"],
  ["without a type", json([]), "unsupported_media_type"],
  ["with an empty type", json(["Content-Type:"]), "unsupported_media_type"],
  ["with a type that is none", json(["Content-Type: json"]), "unsupported_media_type"],
  ["with a type given twice", json([...CHUNKED.slice(0, 1), ...CHUNKED.slice(0, 1)]), "unsupported_media_type"],
  ["with a charset given twice", json([`${CHUNKED[0]}; charset=utf-8; charset=utf-8`]), "unsupported_media_type"],
  ["multipart without a boundary", json(["Content-Type: multipart/form-data"]), "unsupported_media_type"],
  ["in chunks, with a byte of Latin-1", post(CHUNKED, chunk(named([0xe9]))), "malformed_json"],
  ["in chunks, with half a character", post(CHUNKED, chunk(named([0xf0, 0x9f, 0x98]))), "malformed_json"],
  ["in chunks, that is a text", post(CHUNKED, chunk(Buffer.from('"{\\"name\\":\\"x\\"}"'))), "invalid_request"],
  ["in chunks, that is an empty text", post(CHUNKED, chunk(Buffer.from('""'))), "invalid_request"],
  [
    "with two Idempotency-Keys",
    json([...CHUNKED.slice(0, 1), `Idempotency-Key: ${"a".repeat(16)}`, `Idempotency-Key: ${"b".repeat(16)}`]),
    "invalid_request",
  ],
]

/** Describes what the API does over HTTP, wherever it runs. */
export function describeManners(call: Transport, baseUrl: () => string): void {
  const chats = chatApi(call)

  test("any answer: has the security headers and a request id, the caller's own if it is sane", async () => {
    for (const path of ["/health", "/applications", "/applications/x", "/nothing", "/openapi.json"]) {
      const { headers } = await call({ path })
      const { "content-security-policy": policy, ...others } = ANSWER_HEADERS
      expect(headers).toMatchObject({ ...others, "cache-control": expect.any(String) })
      expect(headers["content-security-policy"]).toContain(policy?.split(";")[0])
      expect(headers["x-request-id"]).toMatch(UUID)
      const own = await call({ path, headers: { "x-request-id": "my-own.id_1" } })
      expect(own.headers["x-request-id"]).toBe("my-own.id_1")
      for (const insane of ["x".repeat(129), "<script>", "a b"])
        expect((await call({ path, headers: { "x-request-id": insane } })).headers["x-request-id"]).toMatch(UUID)
    }
  })

  const origin = "https://app.example"
  const preflight = (path: string, method: string, headers: string) =>
    call({
      method: "OPTIONS",
      path,
      headers: { origin, "access-control-request-method": method, "access-control-request-headers": headers },
    })

  test("a preflight: allows every method and header of what a token is enough for, wherever it leads", async () => {
    for (const method of ["GET", "POST", "PUT", "PATCH", "DELETE"])
      for (const path of ["/applications/x/chats", "/nothing"]) {
        const asked = [
          "content-type",
          "idempotency-key",
          "x-request-id",
          "traceparent",
          "if-match",
          "if-none-match",
          "prefer",
        ]
        const { status, headers } = await preflight(path, method, asked.join(","))
        expect([status, headers["access-control-allow-origin"]]).toEqual([204, "*"])
        expect(String(headers["access-control-allow-methods"])).toContain(method)
        const allowed = listed(headers["access-control-allow-headers"])
        for (const name of asked) expect(allowed).toContain(name)
      }
  })

  test("a page of another origin: may read all but the answers to calls that administer applications", async () => {
    const token = await chats.givenApplication()
    const { headers } = await call({ path: `/applications/${token}`, headers: { origin } })
    expect(headers["access-control-allow-origin"]).toBe("*")
    const exposed = listed(headers["access-control-expose-headers"])
    expect(exposed).toEqual([...new Set(exposed)])
    for (const name of ["etag", "location", "link", "x-request-id", "retry-after"]) expect(exposed).toContain(name)
    const administering = [
      await call({ path: "/applications", headers: { origin } }),
      await call({ method: "POST", path: "/applications", json: { name: "x" }, headers: { origin } }),
      await preflight("/applications", "GET", "x-api-key"),
      await preflight(`/applications/${token}`, "DELETE", "x-api-key"),
    ]
    for (const answer of administering) expect(answer.headers).not.toHaveProperty("access-control-allow-origin")
  })

  test("OPTIONS that is no preflight: tells what the path takes", async () => {
    const { status, headers } = await call({ method: "OPTIONS", path: "/applications" })
    expect([status, headers.allow]).toEqual([204, "POST, GET, HEAD, OPTIONS"])
    expect(headers).not.toHaveProperty("content-type")
    expectProblem(await call({ method: "OPTIONS", path: "/nothing" }), "not_found")
  })

  test("a delete: answers 204 without a type", async () => {
    const { status, headers } = await call({
      method: "DELETE",
      path: `/applications/${await chats.givenApplication()}`,
    })
    expect(status).toBe(204)
    expect(headers).not.toHaveProperty("content-type")
  })

  test("a part of an answer asked for by Range: gets all of it", async () => {
    for (const range of ["bytes=0-3", "items=0-5", "bytes=99999-"]) {
      const { status, body, headers } = await call({ path: "/health", headers: { range } })
      expect([status, body]).toEqual([200, { status: "ok" }])
      expect(headers).not.toHaveProperty("accept-ranges")
    }
  })

  test("HEAD: answers the headers of GET and no body", async () => {
    const token = await chats.givenApplication()
    for (const path of [`/applications/${token}`, "/applications", "/health"]) {
      const { status, text, headers } = await call({ method: "HEAD", path })
      expect([status, text]).toEqual([200, undefined])
      expect(headers["content-type"]).toBe("application/json; charset=utf-8")
    }
    expect((await call({ method: "HEAD", path: "/applications/x" })).status).toBe(404)
  })

  test("a path that is not there, or cannot be: 404, whatever the method", async () => {
    const token = await chats.givenApplication()
    const paths = ["/", "/nothing", "/applications/x", `/applications/${token}/chats/0`, "/health/x/y"]
    const impossible = ["-1", "abc", "1.5", "9".repeat(20), "%20", "%F0%9F%99%82"].map(
      (number) => `/applications/${token}/chats/${number}`,
    )
    const undecodable = [
      "/applications/%zz",
      "/applications/%",
      "/applications/%ff",
      `/applications/${token}/chats/%e2%82`,
    ]
    for (const path of [...paths, ...impossible, ...undecodable]) expectProblem(await call({ path }), "not_found")
    for (const method of ["POST", "PUT", "PATCH", "DELETE"])
      expectProblem(await call({ method, path: "/nothing", ...(method !== "DELETE" && { json: {} }) }), "not_found")
  })

  test.each([
    ["DELETE", "/applications", "POST, GET, HEAD, OPTIONS"],
    ["PUT", "/applications/x/chats", "POST, GET, HEAD, OPTIONS"],
    ["POST", "/applications/x", "GET, HEAD, PUT, PATCH, DELETE, OPTIONS"],
    ["PUT", "/applications/x/chats/1/messages/search", "POST, GET, HEAD, OPTIONS"],
    ["POST", "/health", "GET, HEAD, OPTIONS"],
  ])("%s %s: 405 that allows %s", async (method, path, allow) => {
    const answer = await call({ method, path })
    expectProblem(answer, "method_not_allowed")
    expect(String(answer.headers.allow).split(", ").sort()).toEqual(allow.split(", ").sort())
  })

  test("bodies that are malformed, too large, not JSON or wrong: 400, 413, 415 and 422", async () => {
    const path = "/applications"
    const post = (text: string, headers = {}) => call({ method: "POST", path, text, headers })
    const padding = (bytes: number) => `{"name":"x","more":"${"x".repeat(bytes - 22)}"}`
    expectProblem(await post('{"name":'), "malformed_json")
    expectProblem(await post(padding(LIMITS.requestBytesMax + 1)), "body_too_large")
    expectStatus(await post(padding(LIMITS.requestBytesMax)), 201)
    expectProblem(
      await post("name=x", { "content-type": "application/x-www-form-urlencoded" }),
      "unsupported_media_type",
    )
    expectProblem(await post('{"name":"x"}', { "content-type": "application/octet-stream" }), "unsupported_media_type")
    const wrong = await post('{"name":" "}')
    expectProblem(wrong, "invalid_request")
    expect(wrong.body.errors).toEqual([{ in: "body", path: "name", message: expect.any(String) }])
    expectProblem(await call({ path, query: { limit: 101 } }), "invalid_request")
    expectProblem(await call({ path, query: { cursor: "x" } }), "invalid_request")
    expectProblem(await call({ path, query: { page: 101, limit: 100 } }), "invalid_request")
  })

  test("slashes at the end: take the same route", async () => {
    const token = await chats.givenApplication("slashed")
    expect(expectStatus(await call({ path: `/applications/${token}/` }), 200).name).toBe("slashed")
    expectStatus(await call({ path: "/applications/" }), 200)
    expectStatus(await call({ method: "POST", path: `/applications/${token}/chats/` }), 201)
  })

  test.each(RAW_REQUESTS)(
    "a request %s: is answered with a problem, and the API serves on",
    async (_, request, code) => {
      const answer = await sendRaw(baseUrl(), request)
      expect(answer.headers).toMatchObject(ANSWER_HEADERS)
      expect([answer.status, answer.body?.code]).toEqual([ERROR_CODES[code].status, code])
      expect(answer.body.request_id).toBe(answer.headers["x-request-id"])
      expect(answer.text).not.toMatch(/\.[jt]s\b|node_modules/)
      expect((await call({ path: "/health" })).status).toBe(200)
    },
  )

  test("two answers on one connection: the second, to what is no HTTP, waits for the first", async () => {
    const request = "GET /health/ready HTTP/1.1\r\nHost: localhost\r\n\r\nGARBAGE\r\n\r\n"
    const { status, text } = await sendRaw(baseUrl(), request)
    expect([status, text?.includes("bad_request")]).toEqual([400, true])
  })

  test("a CONNECT whose client resets the connection, and garbage sent on and on: the API serves on", async () => {
    const { hostname, port } = new URL(baseUrl())
    const socket = connect(Number(port), hostname)
    socket.on("error", () => {})
    socket.write("CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n", () => socket.resetAndDestroy())
    await once(socket, "close")
    const slow = connect(Number(port), hostname)
    slow.on("error", () => {})
    slow.write("GET /health/ready HTTP/1.1\r\nHost: a\r\n\r\n")
    for (let packet = 0; packet < 20 && !slow.destroyed; packet++) slow.write("GARBAGE\r\n\r\n")
    await once(slow.resume(), "close")
    expect((await call({ path: "/health" })).status).toBe(200)
  })

  test("a Host that leads nowhere: does not matter", async () => {
    const request = "GET /health HTTP/1.1\r\nHost: 127.0.0.1:99999\r\nConnection: close\r\n\r\n"
    expect(await sendRaw(baseUrl(), request)).toMatchObject({ status: 200, body: { status: "ok" } })
  })

  test("names of headers in any case, and a request id sent twice: the id is one of ours", async () => {
    const lines = [
      "GET /health HTTP/1.1",
      "HOST: a",
      "CONNECTION: close",
      "X-REQUEST-ID: one",
      "x-request-id: two",
      "",
      "",
    ]
    const { status, headers } = await sendRaw(baseUrl(), lines.join("\r\n"))
    expect([status, headers["x-request-id"]]).toEqual([200, expect.stringMatching(UUID)])
  })

  test("cookies that are broken: are ignored", async () => {
    const cookie = await call({ path: "/health", headers: { cookie: '=;"; a=\u00e9; =' } })
    expect([cookie.status, (await call({ path: "/health" })).status]).toEqual([200, 200])
  })
}
