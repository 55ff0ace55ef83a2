// What stays of a benchmark: <name>.json with every figure, <name>.md with medians, ranges and targets.
import { mkdir, writeFile } from "node:fs/promises"
import { cpus, loadavg, totalmem } from "node:os"
import { join } from "node:path"
import { type Bench, type Figure, type Found, judge, summarize } from "./bench-run.ts"

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

const digits = (value: number): string => (Math.abs(value) >= 100 ? value.toFixed(0) : value.toPrecision(3))

/** The report for people. */
export function markdownOf({ name, about }: Bench, found: Found, where: Surroundings, rounds: number): string {
  const summaries = summarize(found.figures)
  const keys = Object.keys(summaries[0]?.medians ?? {})
  const rows = summaries.map(({ name: row, medians }) => {
    const cells = keys.map((key) => {
      const { median, min, max } = medians[key] ?? { median: Number.NaN, min: Number.NaN, max: Number.NaN }
      return min === max ? digits(median) : `${digits(median)} (${digits(min)}–${digits(max)})`
    })
    return `| ${row} | ${cells.join(" | ")} |`
  })
  const targets = judge(found).map(
    ({ what, value, bound, met }) => `| ${what} | ${digits(value)} | ${bound} | ${met ? "met" : "**missed**"} |`,
  )
  return [
    `# ${name}`,
    "",
    `${about}. Medians of ${rounds} rounds, with ranges; latencies in ms.`,
    "",
    `${where.cores} cores (${where.processor}), ${where.memoryGiB} GiB, Node.js ${where.node}, ${where.at.slice(0, 10)}, load average before ${where.load.toFixed(1)}; all servers, the API and the load on this machine. \`npm run bench -- ${name} --rounds ${rounds}\``,
    "",
    `| | ${keys.join(" | ")} |`,
    `| --- |${" --- |".repeat(keys.length)}`,
    ...rows,
    "",
    "| target | median | bound | |",
    "| --- | --- | --- | --- |",
    ...targets,
    "",
  ].join("\n")
}

/** Writes both files into `folder`. Answers their paths. */
export async function writeReport(
  folder: string,
  bench: Bench,
  found: Found,
  where: Surroundings,
  rounds: number,
): Promise<string[]> {
  await mkdir(folder, { recursive: true })
  const json: { rounds: number; figures: Figure[] } & Record<string, unknown> = {
    name: bench.name,
    about: bench.about,
    ...where,
    rounds,
    targets: judge(found),
    figures: found.figures,
  }
  const files = {
    [`${bench.name}.json`]: `${JSON.stringify(json, undefined, 2)}\n`,
    [`${bench.name}.md`]: markdownOf(bench, found, where, rounds),
  }
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text)
  return Object.keys(files).map((name) => join(folder, name))
}
