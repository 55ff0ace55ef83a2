// What a benchmark is, and what it has found.
import type { BenchStack } from "./stack.ts"

/** One measurement: `name` says of what; rounds repeat names. */
export type Figure = { name: string } & Record<string, number | string>

/** The median of `of` under `name` against that under `to`, at most `max`. */
export type Ratio = { of: string; name: string; to: string; max: number }

export type Found = {
  figures: Figure[]
  ratios?: Ratio[]
  /** What the median of a figure must reach, under each name. */
  atLeast?: Record<string, number>
}

export type BenchRun = { stack: BenchStack; rounds: number; say(line: string): void }

export type Bench = { name: string; about: string; run(run: BenchRun): Promise<Found> }

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

/** The targets of a benchmark, and whether the medians meet them. */
export function judge({ figures, ratios = [], atLeast = {} }: Found): Target[] {
  const summaries = summarize(figures)
  const median = (name: string, key: string) =>
    summaries.find((one) => one.name === name)?.medians[key]?.median ?? Number.NaN
  const ofRatios = ratios.map(({ of, name, to, max }) => {
    const value = median(name, of) / median(to, of)
    return { what: `${of}, ${name} / ${to}`, value, bound: `≤ ${max}`, met: value <= max }
  })
  const ofFloors = Object.entries(atLeast).flatMap(([key, min]) =>
    summaries.map(({ name }) => {
      const value = median(name, key)
      return { what: `${key}, ${name}`, value, bound: `≥ ${min}`, met: value >= min }
    }),
  )
  return [...ofRatios, ...ofFloors]
}
