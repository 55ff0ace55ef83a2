// DESIGN. Which numbers below one parent are missing, and whether they may be. Numbers go up by one; only when Redis has
// lost data they skip, by exactly the bound of the outbox, once for each loss between two uses. A write that was never
// answered may have taken a number along.

/** A number that was answered or stored, and the span of time in which its write was under way (ms since 1970). */
export type Use = { number: number; from: number; to: number }
export type Loss = { startedAt: number; endedAt: number }
export type Gap = { after: number; before: number; missing: number }
export type Numbering = { gaps: Gap[]; skips: number }

/**
 * The gaps in `uses` below a parent that was created at `createdAt`. `spare`: numbers that writes without an answer may
 * account for.
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
