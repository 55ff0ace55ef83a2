// What only a client over HTTP sees: headers, preflights, methods, and requests that no handler is made for.
import { once } from "node:events"
import { connect } from "node:net"
import { expect, test } from "@jest/globals"
import { LIMITS } from "../../lib/contract.ts"
import { ERROR_CODES, type ErrorCode } from "../../lib/errors.ts"
import { ANSWER_HEADERS, EXPOSED_HEADERS } from "../../lib/http/answer-headers.ts"
import { chatApi, expectStatus, httpTransport, type Transport } from "./chat-api.ts"
import type { Answered } from "./gateway-event.ts"

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

function expectProblem({ status, headers, body }: Answered, code: ErrorCode): void {
  expect([status, headers["content-type"]]).toEqual([ERROR_CODES[code].status, "application/problem+json"])
  const { title, status: told } = ERROR_CODES[code]
  expect(body).toMatchObject({ type: `/docs#error-${code}`, title, status: told, code, detail: expect.any(String) })
  expect(body.request_id).toBe(headers["x-request-id"])
}

/** Sends bytes as they are and answers the status line; the server closes. */
async function rawStatus(baseUrl: string, request: string): Promise<string> {
  const { hostname, port } = new URL(baseUrl)
  const socket = connect(Number(port), hostname)
  socket.write(request)
  let answer = ""
  socket.on("data", (data) => (answer += String(data)))
  await once(socket, "close")
  return answer.split("\r\n", 1)[0] ?? ""
}

/** Describes what every API over HTTP does. */
export function describeManners(call: Transport, baseUrl: () => string): void {
  const chats = chatApi(call)

  test("any answer: has the security headers and a request id, the caller's own if it is sane", async () => {
    for (const path of ["/health", "/applications", "/applications/x", "/nothing", "/openapi.json"]) {
      const { headers } = await call({ path })
      // The emulator, unlike the gateway, tells of origins only those that send one.
      const { "content-security-policy": policy, "access-control-allow-origin": _, ...others } = ANSWER_HEADERS
      expect(headers).toMatchObject({ ...others, "cache-control": expect.any(String) })
      expect(headers["content-security-policy"]).toContain(policy?.split(";")[0])
      expect(headers["x-request-id"]).toMatch(UUID)
      const own = await call({ path, headers: { "x-request-id": "my-own.id_1" } })
      expect(own.headers["x-request-id"]).toBe("my-own.id_1")
      for (const insane of ["x".repeat(129), "<script>", "a b"])
        expect((await call({ path, headers: { "x-request-id": insane } })).headers["x-request-id"]).toMatch(UUID)
    }
  })

  test("a preflight: allows every method and header of the contract; scripts may read what they need", async () => {
    for (const method of ["GET", "POST", "PUT", "PATCH", "DELETE"]) {
      const { status, headers } = await call({
        method: "OPTIONS",
        path: "/applications",
        headers: {
          origin: "https://app.example",
          "access-control-request-method": method,
          "access-control-request-headers": "content-type,idempotency-key,x-request-id",
        },
      })
      expect([status, headers["access-control-allow-origin"]]).toEqual([204, expect.stringMatching(/^(\*|https:.*)$/)])
      expect(String(headers["access-control-allow-methods"])).toContain(method)
      const allowed = String(headers["access-control-allow-headers"]).toLowerCase()
      for (const name of ["content-type", "idempotency-key", "x-request-id"]) expect(allowed).toContain(name)
    }
    const { headers } = await call({ path: "/applications", headers: { origin: "https://app.example" } })
    expect(headers["access-control-allow-origin"]).toMatch(/^(\*|https:\/\/app\.example)$/)
    const exposed = String(headers["access-control-expose-headers"]).toLowerCase()
    for (const name of EXPOSED_HEADERS) expect(exposed).toContain(name)
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
    for (const path of [...paths, ...impossible]) expectProblem(await call({ path }), "not_found")
    for (const method of ["POST", "PUT", "PATCH", "DELETE"])
      expectProblem(await call({ method, path: "/nothing", ...(method !== "DELETE" && { json: {} }) }), "not_found")
  })

  test.each([
    ["DELETE", "/applications", "POST, GET, HEAD, OPTIONS"],
    ["PUT", "/applications/x/chats", "POST, GET, HEAD, OPTIONS"],
    ["POST", "/applications/x", "GET, HEAD, PUT, PATCH, DELETE, OPTIONS"],
    ["PUT", "/applications/x/chats/1/messages/search", "GET, HEAD, POST, OPTIONS"],
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
    expect(wrong.body.errors).toEqual([{ path: "name", message: expect.any(String) }])
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

  test("requests that are broken below HTTP's own rules: are refused, and the API serves on", async () => {
    for (const path of ["/%ZZ", "/applications/%", "/applications/%ff", "/applications?limit=%ZZ", "/%00"]) {
      const { status, text = "" } = await httpTransport(baseUrl())({ path })
      expect([path, status]).toEqual([path, expect.any(Number)])
      expect([400, 404, 422]).toContain(status)
      expect(text).not.toMatch(/\.[jt]s\b|node_modules/)
    }
    expect(await rawStatus(baseUrl(), "GET /health HTTP/9\r\n\r\n")).toContain(" 400 ")
    const cookie = await call({ path: "/health", headers: { cookie: '=;"; a=\u00e9; =' } })
    expect([cookie.status, (await call({ path: "/health" })).status]).toEqual([200, 200])
  })
}
