import { describe, expect, test } from "@jest/globals"
import { ROOT_CONTEXT, trace } from "@opentelemetry/api"
import { beginRequest, loggedOrigins, originOf, originsOf, traceIdOf } from "./trace.ts"

const TRACE = "0af7651916cd43dd8448eb211c80319c"
const PARENT = `00-${TRACE}-b7ad6b7169203331-01`
const originFor = (traceparent: string | undefined) => originOf("r-1", beginRequest("GET /", traceparent, {}))

describe("without an SDK", () => {
  test("a caller's traceparent: is passed on as it is", () => {
    expect(originFor(PARENT)).toEqual({ request_id: "r-1", traceparent: PARENT })
    expect(traceIdOf(beginRequest("GET /", PARENT, {}))).toBe(TRACE)
  })

  test("that of a later version: is passed on as the first one", () => {
    expect(originFor(`7e${PARENT.slice(2)}-more`)).toEqual({ request_id: "r-1", traceparent: PARENT })
  })

  test("unknown flags: are dropped", () => {
    expect(originFor(PARENT.replace(/01$/, "ff")).traceparent).toBe(PARENT)
    expect(originFor(PARENT.replace(/01$/, "02")).traceparent).toBe(PARENT.replace(/01$/, "00"))
  })

  test.each([
    ["none", undefined],
    ["an empty one", ""],
    ["one in capitals", PARENT.toUpperCase()],
    ["one without a trace", PARENT.replace(TRACE, "0".repeat(32))],
    ["one without a span", PARENT.replace("b7ad6b7169203331", "0".repeat(16))],
    ["one of the forbidden version", PARENT.replace(/^00/, "ff")],
    ["one with more than its version has", `${PARENT}-more`],
    ["two", `${PARENT},${PARENT}`],
    ["one that is too long", `${PARENT}0`],
  ])("%s: is no part of a trace, and no error", (_, traceparent) => {
    expect(originFor(traceparent)).toEqual({ request_id: "r-1" })
  })
})

test("a batch's origins: are named once each, and in the log line up to a hundred", () => {
  const events = Array.from({ length: 300 }, (_, index) => ({
    origin: { request_id: `r-${Math.floor(index / 2)}`, traceparent: PARENT },
  }))
  const origins = originsOf([...events, { fence: "1" }])
  expect(origins).toHaveLength(150)
  const { request_ids, trace_ids } = loggedOrigins(origins)
  expect([request_ids?.length, request_ids?.[99], trace_ids]).toEqual([100, "r-99", [TRACE]])
  expect(loggedOrigins(originsOf([{}]))).toEqual({})
})

test("the API without an SDK: records nothing", () => {
  expect(trace.getTracer("t").startSpan("s", {}, ROOT_CONTEXT).isRecording()).toBe(false)
})
