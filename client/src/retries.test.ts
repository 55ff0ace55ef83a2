import { describe, expect, test } from "@jest/globals"
import {
  BACK_OFF_FIRST_MS,
  BACK_OFF_MAX_MS,
  backOffMs,
  isPassing,
  isUnclear,
  RETRIES_DEFAULT,
  readRetryAfter,
  waitMs,
} from "./retries.ts"

const NOW = "Sun, 29 Nov 2026 10:00:00 GMT"

describe("the wait before another attempt", () => {
  test("doubles from its first to its longest value, and is at least half of it", () => {
    const longest = Array.from({ length: 9 }, (_, attempt) => backOffMs(attempt, () => 1))
    expect(longest.slice(0, 3)).toEqual([BACK_OFF_FIRST_MS, 2 * BACK_OFF_FIRST_MS, 4 * BACK_OFF_FIRST_MS])
    expect(longest.at(-1)).toBe(BACK_OFF_MAX_MS)
    expect(longest.map((_, attempt) => backOffMs(attempt, () => 0))).toEqual(longest.map((wait) => wait / 2))
  })

  test("differs from one client to the next", () => {
    expect(new Set(Array.from({ length: 20 }, () => backOffMs(5))).size).toBeGreaterThan(1)
  })

  test("is never shorter than Retry-After, and spread over a fifth of it", () => {
    expect(waitMs(0, 5_000, () => 0)).toBe(5_000)
    expect(waitMs(0, 5_000, () => 1)).toBe(6_000)
    expect(waitMs(8, 1_000, () => 0)).toBe(BACK_OFF_MAX_MS / 2)
  })

  test("is some half a minute over all attempts", () => {
    const all = (random: number) =>
      Array.from({ length: RETRIES_DEFAULT }, (_, attempt) => backOffMs(attempt, () => random)).reduce((a, b) => a + b)
    expect(all(0)).toBeGreaterThan(15_000)
    expect(all(1)).toBeLessThan(35_000)
  })
})

describe("Retry-After", () => {
  test.each([
    ["seconds", "3", 3_000],
    ["no second", "0", 0],
    ["seconds in spaces", " 7 ", 7_000],
    ["a date ahead", "Sun, 29 Nov 2026 10:00:09 GMT", 9_000],
    ["a date that has passed", "Sun, 29 Nov 2026 09:00:00 GMT", 0],
    ["a fraction", "1.5", undefined],
    ["a negative number", "-1", undefined],
    ["a date without GMT", "Sun, 29 Nov 2026 10:00:09", undefined],
    ["words", "soon GMT", undefined],
    ["nothing", "", undefined],
  ])("with %s: is read as RFC 9110 has it", (_name, header, expected) => {
    expect(readRetryAfter(header, NOW)).toBe(expected)
  })

  test("absent: is undefined", () => {
    expect(readRetryAfter(null)).toBeUndefined()
  })

  test("with a date, in an answer without one: is compared with this machine's clock", () => {
    const ms = readRetryAfter(new Date(Date.now() + 60_000).toUTCString())
    expect(ms).toBeGreaterThan(57_000)
    expect(ms).toBeLessThanOrEqual(60_000)
  })
})

test.each([
  [0, true, true],
  [400, false, false],
  [401, false, false],
  [404, false, false],
  [408, false, false],
  [409, true, false],
  [410, false, false],
  [412, false, false],
  [413, false, false],
  [422, false, false],
  [429, true, false],
  [500, true, true],
  [502, true, true],
  [503, true, true],
  [504, true, true],
])("status %i: is passing: %s; leaves open whether the call took effect: %s", (status, passing, unclear) => {
  expect([isPassing({ status }), isUnclear({ status })]).toEqual([passing, unclear])
})
