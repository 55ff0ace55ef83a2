import { describe, expect, test } from "@jest/globals"
import { parseRfc3339 } from "./rfc3339.ts"

const NOON = Date.UTC(2026, 10, 26, 12)
const YEAR_2017 = Date.UTC(2017, 0, 1)

describe("a time as RFC 3339 writes it", () => {
  test.each([
    ["in UTC", "2026-11-26T12:00:00Z", NOON],
    ["in lower case", "2026-11-26t12:00:00z", NOON],
    ["with an offset", "2026-11-26T14:00:00+02:00", NOON],
    ["with an offset of part of an hour", "2026-11-26T06:30:00-05:30", NOON],
    ["with an offset that leads to another day", "2026-11-27T11:59:00+23:59", NOON],
    ["with an unknown local offset", "2026-11-26T12:00:00-00:00", NOON],
    ["with an offset without a colon", "2026-11-26T12:00:00+0000", NOON],
    ["with a negative offset without a colon", "2026-11-26T06:30:00-0530", NOON],
    ["without seconds", "2026-11-26T12:00Z", NOON],
    ["with tenths of a second", "2026-11-26T12:00:00.5Z", NOON + 500],
    ["with milliseconds", "2026-11-26T12:00:00.012Z", NOON + 12],
    ["on a leap day", "2028-02-29T00:00:00Z", Date.UTC(2028, 1, 29)],
    ["in a leap second", "2016-12-31T23:59:60Z", YEAR_2017],
    ["within a leap second", "2016-12-31T23:59:60.25Z", YEAR_2017 + 250],
    ["in a leap second elsewhere", "2017-01-01T05:29:60+05:30", YEAR_2017],
    ["before 1970", "1969-12-31T23:59:59.999Z", -1],
    ["in the year 0", "0000-01-01T00:00:00Z", Date.parse("0000-01-01T00:00:00Z")],
    ["in the year 9999", "9999-12-31T23:59:59-23:59", Date.UTC(9999, 11, 31, 23, 59, 59) + 86_340_000],
  ])("%s is read in milliseconds, whatever the rounding", (_what, text, milliseconds) => {
    expect([parseRfc3339(text, "down"), parseRfc3339(text, "up")]).toEqual([milliseconds, milliseconds])
  })

  test.each([
    ["2026-11-26T12:00:00.0001Z", 0, 1],
    ["2026-11-26T12:00:00.9999999999Z", 999, 1_000],
    ["2026-11-26T12:00:00.001000000000000000000000001Z", 1, 2],
    ["2026-11-26T12:00:00.0010000Z", 1, 1],
  ])("%s with a part of a millisecond is the one before it or, rounded up, the one after", (text, down, up) => {
    expect([parseRfc3339(text, "down"), parseRfc3339(text, "up")]).toEqual([NOON + down, NOON + up])
  })

  test("of 1969 with a part of a millisecond is rounded towards the past and the future, not towards 1970", () => {
    const text = "1969-12-31T23:59:59.9985Z"
    expect([parseRfc3339(text, "down"), parseRfc3339(text, "up")]).toEqual([-2, -1])
  })
})

test.each([
  ["nothing", ""],
  ["a word", "yesterday"],
  ["a date", "2026-11-26"],
  ["a time without an offset", "2026-11-26T12:00:00"],
  ["a space for the T", "2026-11-26 12:00:00Z"],
  ["a space for the plus", "2026-11-26T12:00:00 02:00"],
  ["white space around", " 2026-11-26T12:00:00Z\n"],
  ["a line after it", "2026-11-26T12:00:00Z\n"],
  ["a year of five digits", "12026-11-26T12:00:00Z"],
  ["a month 0", "2026-00-26T12:00:00Z"],
  ["a month 13", "2026-13-26T12:00:00Z"],
  ["February 30", "2026-02-30T12:00:00Z"],
  ["February 29 of another year", "2026-02-29T12:00:00Z"],
  ["a day 0", "2026-11-00T12:00:00Z"],
  ["hour 24", "2026-11-26T24:00:00Z"],
  ["minute 60", "2026-11-26T12:60:00Z"],
  ["second 61", "2016-12-31T23:59:61Z"],
  ["a leap second at noon", "2026-11-26T12:00:60Z"],
  ["a leap second at midnight elsewhere", "2016-12-31T23:59:60+01:00"],
  ["a leap second on February 30", "2026-02-30T23:59:60Z"],
  ["an offset of 99 hours", "2026-11-26T12:00:00+99:99"],
  ["an offset of 24 hours", "2026-11-26T12:00:00+24:00"],
  ["an offset with minute 60", "2026-11-26T12:00:00+0060"],
  ["an offset of hours only", "2026-11-26T12:00:00+02"],
  ["a fraction without digits", "2026-11-26T12:00:00.Z"],
  ["a comma for the point", "2026-11-26T12:00:00,5Z"],
  ["Arabic digits", "٢٠٢٦-11-26T12:00:00Z"],
])("%s is no time", (_what, text) => {
  expect(parseRfc3339(text, "down")).toBeNaN()
})
