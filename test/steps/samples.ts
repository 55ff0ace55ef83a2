// Reads Prometheus' text format, and is strict about it.
import { expect } from "@jest/globals"

type Labels = Record<string, string>
export type Samples = {
  /** The names of all metrics; those of histograms without their endings. */
  names: Set<string>
  /** Returns a sample's value. Without one, returns `fallback`, or throws if there is none. */
  sampleOf(name: string, labels?: Labels, fallback?: number): number
}

const SAMPLE = /^([a-z_]+)(?:\{(.*)\})? (\S+)$/
const LABEL = /([a-z_]+)="((?:[^"\\]|\\.)*)"(?:,|$)/g

const keyOf = (name: string, labels: Labels): string => `${name} ${JSON.stringify(Object.entries(labels).sort())}`

/** Returns the samples of a scrape. Fails if a line is none, comes twice, or comes before its help and type. */
export function samplesOf(text: string): Samples {
  const values = new Map<string, number>()
  const names = new Set<string>()
  expect(text.endsWith("\n")).toBe(true)
  for (const line of text.trimEnd().split("\n")) {
    const [, typed] = /^# TYPE ([a-z_]+) (?:counter|gauge|histogram)$/.exec(line) ?? []
    if (typed !== undefined) {
      expect([line, names.has(typed)]).toEqual([line, false])
      names.add(typed)
    } else if (!line.startsWith("# HELP ")) {
      const [, name = "", list = "", value = ""] = SAMPLE.exec(line) ?? []
      const labels = Object.fromEntries([...list.matchAll(LABEL)].map(([, label = "", of = ""]) => [label, of]))
      const rest = list.replaceAll(LABEL, "")
      const base = name.replace(/_(bucket|sum|count)$/, "")
      expect([line, names.has(name) || names.has(base), rest, Number.isFinite(Number(value))]).toEqual([
        line,
        true,
        "",
        true,
      ])
      expect([line, values.has(keyOf(name, labels))]).toEqual([line, false])
      values.set(keyOf(name, labels), Number(value))
    }
  }
  return {
    names,
    sampleOf: (name, labels = {}, fallback) => {
      const value = values.get(keyOf(name, labels)) ?? fallback
      if (value === undefined) throw new Error(`the scrape has no ${name} ${JSON.stringify(labels)}`)
      return value
    },
  }
}
