// A benchmark and its results.
import type { BenchStack } from "../stack/stack.ts"

/** One measurement: `name` says of what; rounds repeat names. */
export type Figure = { name: string } & Record<string, number | string>

/** The required median of a figure, or ratio of it to another's (`to`). */
export type Bound = { of: string; name: string; to?: string } & ({ max: number } | { min: number })

/** A picture beside the table: file name without its ending, and the SVG. */
export type Plot = { file: string; title: string; svg: string }

/** `versions`: of the servers, where the benchmark brought up its own. */
export type Found = { figures: Figure[]; bounds: Bound[]; notes?: string[]; plots?: Plot[]; versions?: Versions }

/** By the server's name. */
export type Versions = Record<string, string>

/** `scale`: the share of the full amount of data, for a quick look; then nothing is proven. */
export type BenchRun = {
  stack: BenchStack
  rounds: number
  scale: number
  say(line: string): void
  /** Writes figures down at once, so that a long run that fails later leaves them in <name>.part.jsonl. */
  keep(figures: readonly Figure[]): void
}

/** One that brings up a stack of its own, while the common one is down. */
export type LoneRun = Omit<BenchRun, "stack"> & { signal: AbortSignal }

/** `argument`: what follows the name on the command line. */
export type Bench = { name: string; argument?: string; about: string } & (
  | { run(run: BenchRun): Promise<Found> }
  | { runAlone(run: LoneRun): Promise<Found> }
)

export type Target = { what: string; value: number; bound: string; met: boolean }
export type Summary = { name: string; medians: Record<string, { median: number; min: number; max: number }> }

function spread(values: number[]) {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  const [low = Number.NaN, high = Number.NaN] = [sorted[middle - 1], sorted[middle]]
  const median = sorted.length % 2 === 1 ? high : (low + high) / 2
  return { median, min: sorted[0] ?? Number.NaN, max: sorted.at(-1) ?? Number.NaN }
}

/** Medians and ranges over the rounds, in the order in which names came first. */
export function summarize(figures: Figure[]): Summary[] {
  const byName = Map.groupBy(figures, ({ name }) => name)
  return [...byName].map(([name, rows]) => {
    const keys = Object.keys(rows[0] ?? {}).filter((key) => typeof rows[0]?.[key] === "number")
    const medians = Object.fromEntries(keys.map((key) => [key, spread(rows.map((row) => Number(row[key])))]))
    return { name, medians }
  })
}

/** The bounds of a benchmark, and whether the medians keep them. */
export function judge({ figures, bounds }: Pick<Found, "figures" | "bounds">): Target[] {
  const summaries = summarize(figures)
  const median = (name: string, key: string) =>
    summaries.find((one) => one.name === name)?.medians[key]?.median ?? Number.NaN
  return bounds.map((bound) => {
    const { of, name, to } = bound
    const value = to === undefined ? median(name, of) : median(name, of) / median(to, of)
    const what = `${of}, ${name}${to === undefined ? "" : ` / ${to}`}`
    if ("max" in bound) return { what, value, bound: `≤ ${bound.max}`, met: value <= bound.max }
    return { what, value, bound: `≥ ${bound.min}`, met: value >= bound.min }
  })
}
