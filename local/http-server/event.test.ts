import type { IncomingMessage } from "node:http"
import { describe, expect, test } from "@jest/globals"
import { contextOf, eventOf, targetOf } from "./event.ts"

const request = (url: string, rawHeaders: string[] = [], method = "POST") =>
  ({
    url,
    method,
    rawHeaders,
    httpVersion: "1.1",
    socket: { remoteAddress: "192.0.2.1" },
  }) as unknown as IncomingMessage

function event(url: string, { headers = [] as string[], body = Buffer.alloc(0) } = {}) {
  const asked = request(url, headers)
  const found = { key: "POST /chats/{number}", target: undefined, pathParameters: { number: "7" } }
  return eventOf(asked, targetOf(asked), found, body)
}

describe("the target of a request", () => {
  test.each([
    ["/chats/7", "/chats/7", ""],
    ["/chats/7?a=%2B+1&b=é", "/chats/7", "a=%2B+1&b=%C3%A9"],
    ["/chats/../x/./y#part", "/x/y", ""],
    ["//elsewhere/chats", "//elsewhere/chats", ""],
    ["/a%zz?b=%zz", "/a%25zz", "b=%zz"],
    ["http://example.com/chats?x", "/chats", "x"],
  ])("%s has the path %s and the query %p", (url, path, query) => {
    expect(targetOf(request(url))).toEqual({ path, query })
  })
})

describe("the event of a request", () => {
  test("has what API Gateway's payload 2.0 has", () => {
    const headers = ["Content-Type", "application/json", "X-A", "1", "x-a", "2", "User-Agent", "test"]
    expect(event("/chats/7?a=1&a=2&b=", { headers, body: Buffer.from('{"a":"é"}') })).toEqual({
      version: "2.0",
      routeKey: "POST /chats/{number}",
      rawPath: "/chats/7",
      rawQueryString: "a=1&a=2&b=",
      queryStringParameters: { a: "1,2", b: "" },
      pathParameters: { number: "7" },
      headers: { "content-type": "application/json", "x-a": "1, 2", "user-agent": "test" },
      requestContext: expect.objectContaining({
        routeKey: "POST /chats/{number}",
        stage: "$default",
        http: { method: "POST", path: "/chats/7", protocol: "HTTP/1.1", sourceIp: "192.0.2.1", userAgent: "test" },
        time: expect.stringMatching(/^\d\d\/[A-Z][a-z]{2}\/\d{4}:\d\d:\d\d:\d\d \+0000$/),
        timeEpoch: expect.any(Number),
      }),
      body: '{"a":"é"}',
      isBase64Encoded: false,
    })
  })

  test.each([
    ["application/json; charset=utf-8", "text", false],
    ["Text/Plain", "text", false],
    ["application/vnd.api+json", "text", true],
    ["", "text", true],
  ])("has a body of the type %p as API Gateway does: in base64 %p", (type, text, isBase64Encoded) => {
    const { body, ...rest } = event("/", { headers: ["content-type", type], body: Buffer.from(text) })
    expect([rest.isBase64Encoded, Buffer.from(body ?? "", isBase64Encoded ? "base64" : "utf8").toString()]).toEqual([
      isBase64Encoded,
      text,
    ])
  })

  test("has a text that is not UTF-8 as its bytes, and no body if there is none", () => {
    const headers = ["content-type", "application/json"]
    expect(event("/", { headers, body: Buffer.from([0x22, 0xff]) })).toMatchObject({
      body: "Iv8=",
      isBase64Encoded: true,
    })
    expect(event("/", { headers })).not.toHaveProperty("body")
  })
})

test("the context of a call has an id of its own and tells the time that is left", () => {
  const definition = { name: "chat-local-f", memorySize: 1024, timeoutMs: 10_000 }
  const [one, other] = [contextOf(definition), contextOf(definition)]
  expect(one.awsRequestId).not.toBe(other.awsRequestId)
  expect(one).toMatchObject({ functionName: "chat-local-f", memoryLimitInMB: "1024" })
  expect(one.getRemainingTimeInMillis()).toBeGreaterThan(9_000)
  expect(contextOf({ ...definition, timeoutMs: 0 }).getRemainingTimeInMillis()).toBe(0)
})
