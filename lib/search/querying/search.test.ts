import { expect, jest, test } from "@jest/globals"
import { MESSAGE_DEFAULTS } from "../../members.ts"
import type { FoldedQuery } from "../folding/fold.ts"
import { highlightHits } from "./search.ts"

const HITS = 10
const body = "the same"
const time = "2026-11-28T12:00:00.000Z"
const hits = Array.from({ length: HITS }, (_, index) => {
  return { chat_number: 1, number: index + 1, ...MESSAGE_DEFAULTS, body, created_at: time, updated_at: time }
})

/** Counts the turns that others get while hits are highlighted, each of which takes `hitMs` by the clock. */
async function turnsWhileEachTakes(hitMs: number): Promise<number> {
  let now = 0
  jest.spyOn(performance, "now").mockImplementation(() => (now += hitMs))
  let [turns, done] = [0, false]
  const others = () => {
    turns++
    if (!done) setImmediate(others)
  }
  setImmediate(others)
  try {
    expect(await highlightHits(hits, "same" as FoldedQuery)).toHaveLength(HITS)
  } finally {
    done = true
    jest.restoreAllMocks()
  }
  return turns
}

test("hits that take long to highlight: leave turns to others in between, and quick ones none", async () => {
  expect(await turnsWhileEachTakes(25)).toBeGreaterThanOrEqual(HITS / 2)
  expect(await turnsWhileEachTakes(0)).toBeLessThanOrEqual(1)
})
