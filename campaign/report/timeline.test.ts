import { expect, test } from "@jest/globals"
import type { FaultRecord } from "../faults/fault-log.ts"
import type { Sample } from "./samples.ts"
import { drawTimeline } from "./timeline.ts"

const SECONDS = 1_800
const BARS = 110
/** The width of the drawing. */
const WIDTH = 1600

const samples = Array.from({ length: SECONDS }, (_, index): Sample => {
  const isAway = index % 60 < 5
  const waiting = isAway ? null : index
  return {
    at: index + 1,
    acknowledged: 100,
    refused: 3,
    unknown: 1,
    reads: 50,
    p99Ms: 20,
    outbox: waiting,
    persistQueue: 4,
    indexQueue: 5,
    pendingIndex: 6,
  }
})
const records = Array.from({ length: BARS }, (_, index): FaultRecord => {
  const startedAt = index * 16_000
  return {
    fault: { name: "freeze <elasticsearch>", harms: "elasticsearch", run: async () => {} },
    startedAt,
    endedAt: startedAt + 12_000,
  }
})

test("half an hour with a hundred faults: has a bar with its name for each, inside the drawing, none on another", () => {
  const svg = drawTimeline("110 faults", samples, records, 0)
  const bars = [...svg.matchAll(/<rect x="([\d.]+)" y="([\d.]+)" width="([\d.]+)" height="14"/g)].map((found) => {
    const [x = 0, y = 0, width = 0] = found.slice(1).map(Number)
    return { x, y, right: x + width }
  })
  expect(bars).toHaveLength(BARS)
  expect(svg.match(/>freeze &lt;elasticsearch&gt;</g)).toHaveLength(BARS)
  for (const bar of bars) {
    expect(bar.right).toBeLessThanOrEqual(WIDTH)
    expect(bars.filter(({ x, y, right }) => y === bar.y && x < bar.right && right > bar.x)).toEqual([bar])
  }
})

test("a store that did not answer: interrupts its line", () => {
  const svg = drawTimeline("title", samples, [], 0)
  const lines = [...svg.matchAll(/<path class="line [a-d]" d="([^"]+)"\/>/g)].map(
    ([, path = ""]) => path.split("M").length - 1,
  )
  expect(Math.max(...lines)).toBe(SECONDS / 60)
  expect(svg).not.toMatch(/NaN|undefined/)
})
