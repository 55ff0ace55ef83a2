// The report of a benchmark: <name>.json with every figure, <name>.md with medians, ranges and targets.
import { mkdir, writeFile } from "node:fs/promises"
import { cpus, loadavg, totalmem } from "node:os"
import { join } from "node:path"
import { type Bench, type Figure, type Found, judge, summarize, type Target, type Versions } from "./bench-run.ts"

export type Surroundings = {
  at: string
  cores: number
  processor: string
  memoryGiB: number
  node: string
  load: number
}

/** The machine, and its load average (1 minute) before anything was started. */
export const surroundings = (): Surroundings => ({
  at: new Date().toISOString(),
  cores: cpus().length,
  processor: cpus()[0]?.model ?? "unknown",
  memoryGiB: Math.round(totalmem() / 1024 ** 3),
  node: process.version,
  load: loadavg()[0] ?? Number.NaN,
})

/** A benchmark and what it has found, where and how. */
export type Shown = {
  bench: Bench
  found: Found
  where: Surroundings
  versions: Versions
  rounds: number
  scale: number
}

const digits = (value: number): string => (Math.abs(value) >= 100 ? value.toFixed(0) : value.toPrecision(3))

/** Medians and ranges, a row for each name. */
export function figuresTable(figures: Figure[]): string {
  const summaries = summarize(figures)
  const keys = [...new Set(summaries.flatMap(({ medians }) => Object.keys(medians)))]
  const rows = summaries.map(({ name: row, medians }) => {
    const cells = keys.map((key) => {
      if (medians[key] === undefined) return ""
      const { median, min, max } = medians[key]
      return min === max ? digits(median) : `${digits(median)} (${digits(min)}–${digits(max)})`
    })
    return `| ${row} | ${cells.join(" | ")} |`
  })
  return [`| | ${keys.join(" | ")} |`, `| --- |${" --- |".repeat(keys.length)}`, ...rows].join("\n")
}

/** Compares each target with its result. */
export function targetsTable(targets: Target[]): string {
  const rows = targets.map(
    ({ what, value, bound, met }) => `| ${what} | ${digits(value)} | ${bound} | ${met ? "met" : "**missed**"} |`,
  )
  return ["| target | median | bound | |", "| --- | --- | --- | --- |", ...rows].join("\n")
}

/** Where, with what and when something was measured. */
export function conditions({ cores, processor, memoryGiB, node, at, load }: Surroundings, versions: Versions): string {
  const servers = Object.entries(versions).map(([server, version]) => `${server} ${version}`)
  const programs = [`Node.js ${node}`, ...servers].join(", ")
  return `${cores} cores (${processor}), ${memoryGiB} GiB, ${programs}, ${at.slice(0, 10)}, load average before ${load.toFixed(1)}`
}

/** The report for people. */
export function markdownOf({ bench: { name, argument, about }, found, where, versions, rounds, scale }: Shown): string {
  return [
    `# ${name}`,
    "",
    `${about}. ${rounds === 1 ? "One round" : `Medians of ${rounds} rounds, with ranges`}; latencies in ms.${scale < 1 ? ` **With ${scale} of the data: nothing is proven.**` : ""}`,
    "",
    ...(found.plots ?? []).flatMap(({ file, title }) => [`![${title}](${file}.svg)`, ""]),
    `${conditions(where, versions)}; all servers, the API and the load on this machine. \`npm run bench -- ${[name, argument ?? []].flat().join(" ")} --rounds ${rounds}${scale < 1 ? ` --scale ${scale}` : ""}\``,
    "",
    figuresTable(found.figures),
    "",
    targetsTable(judge(found)),
    "",
    ...(found.notes ?? []).flatMap((note) => [note, ""]),
  ].join("\n")
}

/** Writes the files into `folder`. Returns their paths. */
export async function writeReport(folder: string, shown: Shown): Promise<string[]> {
  const { bench, found, where, versions, rounds, scale } = shown
  await mkdir(folder, { recursive: true })
  const json: { rounds: number; figures: Figure[] } & Record<string, unknown> = {
    name: bench.name,
    about: bench.about,
    ...where,
    versions,
    rounds,
    scale,
    targets: judge(found),
    figures: found.figures,
  }
  const files = {
    [`${bench.name}.json`]: `${JSON.stringify(json, undefined, 2)}\n`,
    [`${bench.name}.md`]: markdownOf(shown),
    ...Object.fromEntries((found.plots ?? []).map(({ file, svg }) => [`${file}.svg`, svg])),
  }
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text)
  return Object.keys(files).map((name) => join(folder, name))
}
