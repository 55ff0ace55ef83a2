// The gateway by itself, with functions made for the tests; the contract's tests ask it with the real ones.
import { once } from "node:events"
import { request as send } from "node:http"
import { connect } from "node:net"
import { afterAll, beforeAll, beforeEach, describe, expect, jest, test } from "@jest/globals"
import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2 } from "aws-lambda"
import { freePorts } from "../services/free-ports.ts"
import { createGateway, type GatewayFunction } from "./gateway.ts"

type Handler = (event: APIGatewayProxyEventV2) => Promise<APIGatewayProxyStructuredResultV2>

const MIB = 1024 * 1024
const json = { "content-type": "application/json" }
/** Of the call of `GET /waits`: whether it has begun, and what lets it end. */
let [begun, finish] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
const HANDLERS: Record<string, Handler> = {
  "POST /echo/{name}": async ({ body, isBase64Encoded, pathParameters, requestContext: { http } }) => ({
    statusCode: 200,
    headers: json,
    body: JSON.stringify({ method: http.method, name: pathParameters?.name, bytes: body?.length, isBase64Encoded }),
  }),
  "GET /bytes": async () => ({ headers: { "content-type": "image/png" }, body: "AP8=", isBase64Encoded: true }),
  "GET /cookies": async () => ({ statusCode: 200, cookies: ["a=1", "b=2"], body: "text" }),
  "DELETE /nothing": async () => ({ statusCode: 204 }),
  "GET /throws": async () => {
    throw new Error("secret")
  },
  "GET /none": async () => undefined as never,
  "GET /breaks": async () => ({ statusCode: 200, headers: { "x-a": "a\nb" }, body: "" }),
  "GET /waits": async () => {
    begun.resolve()
    await finish.promise
    return { statusCode: 200, body: "waited" }
  },
}

async function listening(handlers: Record<string, Handler>) {
  const functions = Object.entries(handlers).map(([key, handler]): [string, GatewayFunction] => [
    key,
    { name: key, memorySize: 128, timeoutMs: 1_000, load: () => handler as never },
  ])
  const gateway = createGateway(new Map(functions))
  const [port = 0] = await freePorts(1)
  await gateway.listen(port, "127.0.0.1")
  return { gateway, port, url: `http://127.0.0.1:${port}` }
}

let running: Awaited<ReturnType<typeof listening>>
beforeAll(async () => {
  running = await listening(HANDLERS)
})
afterAll(() => running.gateway.close(1_000))

const ask = (path: string, init: RequestInit = {}) => fetch(`${running.url}${path}`, init)

describe("the gateway", () => {
  test("gives a function its request, and the client what it returns", async () => {
    const answer = await ask("/echo/a%20b?x=1", { method: "POST", headers: json, body: "{}" })
    expect([answer.status, answer.headers.get("content-type")]).toEqual([200, "application/json"])
    expect(await answer.json()).toEqual({ method: "POST", name: "a b", bytes: 2, isBase64Encoded: false })
  })

  test("decodes an answer in base64, sets cookies, and leaves the length out of an answer without content", async () => {
    const bytes = await ask("/bytes")
    expect([...new Uint8Array(await bytes.arrayBuffer())]).toEqual([0, 255])
    expect((await ask("/cookies")).headers.getSetCookie()).toEqual(["a=1", "b=2"])
    const nothing = await ask("/nothing", { method: "DELETE" })
    expect([nothing.status, nothing.headers.get("content-length")]).toEqual([204, null])
  })

  test("answers HEAD as GET, without the body", async () => {
    const answer = await ask("/bytes", { method: "HEAD" })
    expect([answer.status, answer.headers.get("content-length"), await answer.text()]).toEqual([200, "2", ""])
  })

  test("answers what no route takes with 404, as a problem", async () => {
    const answer = await ask("/elsewhere", { method: "POST", body: "{}" })
    expect([answer.status, answer.headers.get("content-type")]).toEqual([404, "application/problem+json"])
  })

  test.each(["/throws", "/none", "/breaks"])(
    "answers 500 for a function that fails (%s), says why in its log only",
    async (path) => {
      const write = jest.spyOn(process.stderr, "write").mockReturnValue(true)
      try {
        const answer = await ask(path)
        expect(answer.status).toBe(500)
        expect(await answer.json()).toMatchObject({
          code: "internal_error",
          detail: expect.not.stringContaining("secret"),
        })
        expect(write).toHaveBeenCalledWith(expect.stringContaining(`GET ${path}`))
      } finally {
        write.mockRestore()
      }
    },
  )

  test("takes a body of 10 MiB and refuses a larger one, whose connection it closes", async () => {
    const headers = { "content-type": "text/plain" }
    const largest = await ask("/echo/x", { method: "POST", headers, body: "x".repeat(10 * MIB) })
    expect(await largest.json()).toMatchObject({ bytes: 10 * MIB })
    const larger = await ask("/echo/x", { method: "POST", headers, body: "x".repeat(10 * MIB + 1) })
    expect(larger.status).toBe(413)
    expect(await larger.json()).toMatchObject({ code: "body_too_large" })
    expect(larger.headers.get("connection")).toBe("close")
  })

  test("asks for a body that waits to be asked for", async () => {
    const headers = { ...json, expect: "100-continue", "content-length": "2" }
    const asked = send(`${running.url}/echo/x`, { method: "POST", headers })
    asked.flushHeaders()
    await once(asked, "continue")
    asked.end("{}")
    const [response] = await once(asked, "response")
    expect(response.statusCode).toBe(200)
    response.resume()
  })
})

describe("stopping the gateway", () => {
  beforeEach(() => {
    begun = Promise.withResolvers()
    finish = Promise.withResolvers()
  })

  test("lets a call under way finish, closes its connection, and takes no other", async () => {
    const { gateway, port, url } = await listening(HANDLERS)
    const waiting = fetch(`${url}/waits`)
    const idle = connect(port, "127.0.0.1")
    await once(idle, "connect")
    await begun.promise
    const closed = gateway.close(5_000)
    finish.resolve()
    const answer = await waiting
    expect([await answer.text(), answer.headers.get("connection")]).toEqual(["waited", "close"])
    idle.destroy()
    await closed
    await expect(fetch(`${url}/bytes`)).rejects.toThrow()
  })

  test("ends without a call that does not finish in time", async () => {
    const { gateway, url } = await listening(HANDLERS)
    const waiting = fetch(`${url}/waits`).catch(() => "cut off")
    await begun.promise
    await gateway.close(50)
    expect(await waiting).toBe("cut off")
    finish.resolve()
  })
})
