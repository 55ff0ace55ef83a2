import { describe, expect, test } from "@jest/globals"
import fc from "fast-check"
import { nestsDeeper } from "./json-depth.ts"
import { LIMITS } from "./limits.ts"

/** Returns how deeply a parsed value is nested. */
const depthOf = (value: unknown): number =>
  typeof value === "object" && value !== null ? 1 + Math.max(0, ...Object.values(value).map(depthOf)) : 0

describe("the depth of a JSON text", () => {
  test("of any value, is that of the value", () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 6, noUnicodeString: false }), fc.boolean(), (text, spaced) => {
        const depth = depthOf(JSON.parse(text))
        const written = spaced ? JSON.stringify(JSON.parse(text), null, 2) : text
        expect([depth - 1, depth].map((max) => nestsDeeper(written, max))).toEqual([depth > 0, false])
      }),
    )
  })

  test.each([
    ['"[[[["', 0],
    ['{"a":"}]\\"[[","[":1}', 1],
    ['{"\\\\":["\\\\\\""]}', 2],
    ["[[],[],{}]", 2],
    ["", 0],
  ])("of %p, is %d", (text, depth) => {
    expect([nestsDeeper(text, depth), nestsDeeper(text, depth - 1)]).toEqual([false, depth > 0])
  })

  test("of brackets without end, is found at the first too many, however long the text", () => {
    let read = 0
    const text = new Proxy(new String("[".repeat(LIMITS.requestBytesMax)), {
      get: (target, name) => {
        if (name === "charCodeAt") read++
        const value = Reflect.get(target, name)
        return typeof value === "function" ? value.bind(target) : value
      },
    })
    expect(nestsDeeper(text as string, LIMITS.jsonDepthMax)).toBe(true)
    expect(read).toBe(LIMITS.jsonDepthMax + 1)
  })
})
