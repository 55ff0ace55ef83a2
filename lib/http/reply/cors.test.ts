import { afterEach, describe, expect, test } from "@jest/globals"
import { corsOriginsOf, isOrigin } from "../../origins.ts"
import { corsHeaders, preflightHeaders, preflightMethod } from "./cors.ts"

const ORIGIN = "https://admin.example.com"

afterEach(() => {
  delete process.env.CORS_ORIGINS
})

describe("an answer that an application's token is enough for", () => {
  test("may be read by any origin, and its headers by a script", () => {
    expect(corsHeaders({}, false)).toEqual({ "access-control-allow-origin": "*" })
    const headers = corsHeaders({ origin: "https://anywhere.example" }, false)
    expect(headers["access-control-allow-origin"]).toBe("*")
    expect(headers["access-control-expose-headers"]?.split(", ")).toEqual(
      expect.arrayContaining(["link", "location", "retry-after", "x-request-id", "ratelimit"]),
    )
  })
})

describe("an answer to a call that administers applications", () => {
  test("may be read by no other origin, unless CORS_ORIGINS names it", () => {
    expect(corsHeaders({ origin: ORIGIN }, true)).not.toHaveProperty("access-control-allow-origin")
    process.env.CORS_ORIGINS = `https://other.example, ${ORIGIN}`
    expect(corsHeaders({ origin: ORIGIN }, true)).toMatchObject({ "access-control-allow-origin": ORIGIN })
    for (const origin of ["https://admin.example.com.evil.example", "http://admin.example.com", "null", "*", ""])
      expect(corsHeaders({ origin }, true)).not.toHaveProperty("access-control-allow-origin")
  })

  test("differs by origin, and says so to caches", () => {
    expect(corsHeaders({}, true).vary).toBe("origin")
    expect(corsHeaders({ origin: ORIGIN }, true).vary).toBe("origin")
  })

  test("is never allowed with credentials", () => {
    process.env.CORS_ORIGINS = ORIGIN
    for (const headers of [corsHeaders({ origin: ORIGIN }, true), preflightHeaders({ origin: ORIGIN }, true)])
      expect(headers).not.toHaveProperty("access-control-allow-credentials")
  })
})

describe("a preflight request", () => {
  test("is one with an origin and a method", () => {
    expect(preflightMethod({ origin: ORIGIN, "access-control-request-method": "PUT" })).toBe("PUT")
    expect(preflightMethod({ origin: ORIGIN })).toBeUndefined()
    expect(preflightMethod({ "access-control-request-method": "PUT" })).toBeUndefined()
  })

  test("is told of the headers of tracing and of conditional requests too", () => {
    const allowed = preflightHeaders({ origin: ORIGIN }, false)["access-control-allow-headers"]?.split(", ")
    expect(allowed).toEqual(
      expect.arrayContaining(["traceparent", "if-match", "if-none-match", "prefer", "idempotency-key", "content-type"]),
    )
  })
})

describe("CORS_ORIGINS", () => {
  test.each([
    ["", []],
    [undefined, []],
    ["https://a.example", ["https://a.example"]],
    [" https://a.example,http://localhost:8080\n", ["https://a.example", "http://localhost:8080"]],
  ])("%p has the origins %j", (text, origins) => {
    expect(corsOriginsOf(text)).toEqual(origins)
    expect(corsOriginsOf(text).every(isOrigin)).toBe(true)
  })

  test.each(["*", "a.example", "https://a.example/", "https://a.example/x", "https://A.example", "ftp://a.example"])(
    "must not have %p, which no browser sends",
    (origin) => {
      expect(isOrigin(origin)).toBe(false)
    },
  )
})
