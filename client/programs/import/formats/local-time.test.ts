import { describe, expect, test } from "@jest/globals"
import { clockOf, isTimezone } from "./local-time.ts"

const NEVER = Number.NEGATIVE_INFINITY
const HOUR_MS = 3_600_000

/** Returns what a clock in the zone shows, as if it were UTC, from another way of asking the runtime than the code has. */
const shown = (timeZone: string, instant: number): number =>
  Date.parse(`${new Date(instant).toLocaleString("sv-SE", { timeZone }).replace(" ", "T")}Z`)

describe("a clock in a time zone", () => {
  test.each([
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "America/Sao_Paulo",
    "Asia/Kolkata",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "Pacific/Chatham",
    "Africa/Casablanca",
    "Pacific/Apia",
  ])("in %s, every hour of some years comes back, the second of two alike if the first is too early", (timezone) => {
    const instant = clockOf(timezone)
    // Apia skipped a day at the end of 2011; Casablanca changes its clocks around Ramadan.
    for (let time = Date.UTC(2011, 11, 25); time < Date.UTC(2013, 0, 1); time += HOUR_MS)
      expect(instant(shown(timezone, time), time)).toBe(time)
  })

  test("of two times alike the first is meant, if nothing is known", () => {
    expect(clockOf("Europe/Berlin")(Date.UTC(2024, 9, 27, 2, 30), NEVER)).toBe(Date.UTC(2024, 9, 27, 0, 30))
  })

  test("a time that never was is that of clocks not yet put forward", () => {
    expect(clockOf("Europe/Berlin")(Date.UTC(2024, 2, 31, 2, 30), NEVER)).toBe(Date.UTC(2024, 2, 31, 1, 30))
    expect(clockOf("Pacific/Apia")(Date.UTC(2011, 11, 30, 12), NEVER)).toBe(Date.UTC(2011, 11, 30, 22))
  })

  test("a zone is known by the runtime, or is none", () => {
    expect(isTimezone("Europe/Berlin")).toBe(true)
    expect(isTimezone("Mars/Olympus")).toBe(false)
  })
})
