import { describe, expect, test } from "@jest/globals"
import { percentile } from "../stack/load.ts"
import { type Bound, judge, summarize } from "./bench-run.ts"

const figures = [
  { name: "normal", p99: 10, note: "text is no figure" },
  { name: "away", p99: 11 },
  { name: "normal", p99: 30 },
  { name: "away", p99: 13 },
  { name: "normal", p99: 20 },
  { name: "away", p99: 500 },
  { name: "away", p99: 12 },
]

describe("rounds of a benchmark", () => {
  test("summarized, are medians and ranges under each name, in the order in which names came", () => {
    expect(summarize(figures)).toEqual([
      { name: "normal", medians: { p99: { median: 20, min: 10, max: 30 } } },
      { name: "away", medians: { p99: { median: 12.5, min: 11, max: 500 } } },
    ])
  })

  test("judged, are held against the bounds by their medians", () => {
    const [away, ratio] = [
      { of: "p99", name: "away" },
      { of: "p99", name: "away", to: "normal" },
    ]
    const verdict = (bound: Bound) => judge({ figures, bounds: [bound] }).map(({ value, met }) => [value, met])
    expect(verdict({ ...ratio, max: 0.625 })).toEqual([[0.625, true]])
    expect(verdict({ ...ratio, max: 0.6 })).toEqual([[0.625, false]])
    expect(verdict({ ...away, min: 12.5 })).toEqual([[12.5, true]])
    expect(verdict({ ...away, min: 13 })).toEqual([[12.5, false]])
  })

  test("without the figure that a bound is for, do not meet it", () => {
    const bounds: Bound[] = [
      { of: "p99", name: "away", to: "normal", max: 9 },
      { of: "p99", name: "away", min: 0 },
    ]
    expect(judge({ figures: [], bounds })).toMatchObject([{ met: false }, { met: false }])
  })
})

describe("a percentile", () => {
  test("of some values, is the one of the nearest rank", () => {
    const values = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]
    expect([0, 10, 50, 99, 100].map((p) => percentile(values, p))).toEqual([1, 1, 5, 10, 10])
  })

  test("of none, is no number", () => {
    expect(percentile([], 99)).toBeNaN()
  })
})
