import { describe, expect, test } from "@jest/globals"
import { findGaps, type Use } from "./numbering.ts"

const BOUND = 1_000
const CREATED_AT = 0
/** Returns uses one second apart, each 10 ms long. */
const uses = (...numbers: number[]): Use[] =>
  numbers.map((number, index) => ({ number, from: (index + 1) * 1_000, to: (index + 1) * 1_000 + 10 }))
const lossAt = (ms: number) => ({ startedAt: ms, endedAt: ms + 100 })

describe("numbers below a parent", () => {
  test("dense, in any order of time: have no gap", () => {
    expect(findGaps(uses(2, 1, 3), [], CREATED_AT, BOUND, 0)).toEqual({ gaps: [], skips: 0 })
  })

  test("beginning above 1, or with a hole: have a gap", () => {
    expect(findGaps(uses(2, 4), [], CREATED_AT, BOUND, 0).gaps).toEqual([
      { after: 0, before: 2, missing: 1 },
      { after: 2, before: 4, missing: 1 },
    ])
  })

  test("with a hole for which an unanswered write accounts: have no gap, with a second hole they do", () => {
    expect(findGaps(uses(1, 3), [], CREATED_AT, BOUND, 1).gaps).toEqual([])
    expect(findGaps(uses(1, 3, 5), [], CREATED_AT, BOUND, 1).gaps).toHaveLength(1)
  })

  test("skipping by the bound: may do so across a loss, once for each, and exactly", () => {
    const across = lossAt(1_500)
    expect(findGaps(uses(1, 1 + BOUND + 1), [across], CREATED_AT, BOUND, 0)).toEqual({ gaps: [], skips: 1 })
    expect(findGaps(uses(1, 1 + BOUND + 2), [across], CREATED_AT, BOUND, 0).gaps).toHaveLength(1)
    expect(findGaps(uses(1, 1 + BOUND), [across], CREATED_AT, BOUND, 0).gaps).toHaveLength(1)
    expect(findGaps(uses(1, 1 + 2 * BOUND + 1), [across], CREATED_AT, BOUND, 0).gaps).toHaveLength(1)
    expect(findGaps(uses(1, 1 + 2 * BOUND + 1), [across, lossAt(1_700)], CREATED_AT, BOUND, 0)).toEqual({
      gaps: [],
      skips: 2,
    })
  })

  test("skipping by the bound with no loss in between: have a gap", () => {
    expect(findGaps(uses(1, 1 + BOUND + 1), [lossAt(2_500)], CREATED_AT, BOUND, 0).gaps).toHaveLength(1)
  })
})
