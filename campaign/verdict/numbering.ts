// Finds which numbers below one parent are missing without a reason. Numbers go up by one. For each loss of data in
// Redis between two uses they may skip once, by exactly the bound of the outbox, and each write without an answer may
// have taken a number.

/** A number that was answered or stored, and when its write began and ended (ms since 1970). */
export type Use = { number: number; from: number; to: number }
export type Loss = { startedAt: number; endedAt: number }
export type Gap = { after: number; before: number; missing: number }
export type Numbering = { gaps: Gap[]; skips: number }

/**
 * Returns the gaps in `uses` below a parent created at `createdAt`, and how many skips there were. `spare` is how many
 * missing numbers writes without an answer may explain.
 */
export function findGaps(uses: Use[], losses: Loss[], createdAt: number, bound: number, spare: number): Numbering {
  const gaps: Gap[] = []
  let skips = 0
  let left = spare
  let last: Use = { number: 0, from: createdAt, to: createdAt }
  for (const use of uses.toSorted((a, b) => a.number - b.number)) {
    const missing = use.number - last.number - 1
    if (missing > 0) {
      const { from } = last
      const between = losses.filter(({ startedAt, endedAt }) => startedAt <= use.to && endedAt >= from).length
      const steps = Math.min(between, Math.floor(missing / bound))
      const rest = missing - steps * bound
      skips += steps
      if (rest > left) gaps.push({ after: last.number, before: use.number, missing: rest })
      else left -= rest
    }
    last = use
  }
  return { gaps, skips }
}
