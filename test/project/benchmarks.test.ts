// What documents say of measurements is in their records: docs/benchmarks/<name>.json and docs/faults-*/report.json.
import { globSync } from "node:fs"
import { basename } from "node:path"
import { describe, expect, test } from "@jest/globals"
import { type Figure, summarize, type Target, type Versions } from "../../bench/report/bench-run.ts"
import { conditions, figuresTable, type Surroundings, targetsTable } from "../../bench/report/report.ts"
import { noteOnVersions, unlikeCompose } from "../../bench/stack/versions.ts"
import { ROOT } from "../../local/services/settings.ts"
import { matches, read } from "../steps/project-files.ts"

type BenchRecord = Surroundings & { name: string; versions?: Versions; figures: Figure[]; targets: Target[] }

type FaultsReport = {
  seed: number
  clean: boolean
  faults: unknown[]
  ledger: Record<string, { acknowledged: number }>
  reads: number
  followers: { told: number }[]
  /** Only campaigns on a cluster have some. */
  refusals?: { othersMs: number }[]
}

const RECORDS_MIN = 16
const records = globSync("docs/benchmarks/*.json", { cwd: ROOT }).map((path) => JSON.parse(read(path)) as BenchRecord)
const recordOf = (name: string): BenchRecord => records.find((one) => one.name === name) as BenchRecord
const medianOf = (bench: string, figure: string, key: string): number =>
  summarize(recordOf(bench).figures).find(({ name }) => name === figure)?.medians[key]?.median ?? Number.NaN

const whole = (value: number): string => Math.round(value).toLocaleString("en")
/** Returns a large figure as texts give it, with three significant digits. */
const rough = (value: number): string => Number(value.toPrecision(3)).toLocaleString("en")
/** Returns a file's text as one line. */
const flat = (path: string): string => read(path).replaceAll(/\s+/g, " ")

describe("the pages of docs/benchmarks", () => {
  test("there is one for each record, and each is linked from their README", () => {
    expect(records.length).toBeGreaterThanOrEqual(RECORDS_MIN)
    const pages = globSync("docs/benchmarks/*.md", { cwd: ROOT }).map((path) => basename(path, ".md"))
    expect(pages.filter((page) => page !== "README").sort()).toEqual(records.map(({ name }) => name).sort())
    const linked = matches(read("docs/benchmarks/README.md"), /^\| \[[\w-]+\]\(([\w-]+)\.md\)/gm)
    expect(linked.sort()).toEqual(records.map(({ name }) => name).sort())
  })

  test.each(records.map((record) => [record.name, record] as const))(
    "%s: says what its record says",
    (name, record) => {
      const page = read(`docs/benchmarks/${name}.md`)
      expect(page).toContain(figuresTable(record.figures))
      expect(page).toContain(targetsTable(record.targets))
      expect(page).toContain(conditions(record, record.versions ?? {}))
    },
  )

  test("no measure stands in two records, where the older would be taken for the present", () => {
    // processor-time also records the rates at which it measured, but those of reads belong to `read`.
    const owning = records.filter(({ name }) => name !== "processor-time")
    const measures = owning.flatMap(({ figures }) => [
      ...new Set(figures.flatMap(({ name, ...values }) => Object.keys(values).map((key) => `${name}: ${key}`))),
    ])
    expect(measures.filter((measure, index) => measures.indexOf(measure) !== index)).toEqual([])
  })

  test("scale: tells which of the servers were not those of docker-compose.yml", async () => {
    const unlike = await unlikeCompose(recordOf("scale").versions ?? {})
    for (const note of noteOnVersions(unlike)) expect(read("docs/benchmarks/scale.md")).toContain(note)
  })
})

describe("the README of docs/benchmarks", () => {
  const text = flat("docs/benchmarks/README.md")

  test("its table of processor time is that of the record", () => {
    const rows = [...read("docs/benchmarks/README.md").matchAll(/^\| (no-op|`(?:GET|POST)` .*?) +\| (.*) \|$/gm)]
    const cells = rows.map(([, name = "", rest = ""]) => [name, ...rest.split("|").map((cell) => cell.trim())])
    const expected = cells.map(([name = ""]) => {
      const figure = name.replaceAll("`", "").replace(/, ([\d,]+)\/s/, (_all, rate) => ` at ${rate.replace(",", "")}/s`)
      const of = (...keys: string[]) =>
        whole(keys.reduce((sum, key) => sum + medianOf("processor-time", figure, key), 0))
      return [name, of("api"), of("mysql"), of("redis"), of("elasticmq", "elasticsearch"), of("load"), of("all")]
    })
    expect(cells.length).toBeGreaterThan(5)
    expect(cells).toEqual(expected)
  })

  test("its ratios are those of the records", () => {
    const lists = medianOf("read", "GET list of 20", "ofNoOp").toFixed(2)
    const merged = medianOf("read", "GET list of 20, merged", "ofNoOp").toFixed(2)
    const copies = (count: number) =>
      (medianOf("scale", `${count} copies`, "perSecond") / medianOf("scale", "1 copy", "perSecond")).toFixed(2)
    const direct = (key: string) => medianOf("direct", "handler, 64 at a time", key)
    const one = medianOf("direct", "handler, 1 at a time", "ofFloor").toFixed(2)
    expect(text).toContain(`is answered at ${lists} of the no-op's rate`)
    expect(text).toContain(`needs none, and comes to ${merged}`)
    expect(text).toContain(`create ${copies(2)} (two) and ${copies(3)} (three) of what one does`)
    expect(text).toContain(`${one} of the floor's`)
    expect(text).toContain(
      `the handler then costs ${direct("ofFloor").toFixed(1)} of it, ${whole(direct("cpuMicroseconds"))} µs in all`,
    )
  })

  test("its targets that are missed are those that it explains", () => {
    const missed = records.filter(({ targets }) => targets.some(({ met }) => !met)).map(({ name }) => name)
    expect(missed.sort()).toEqual(["import", "read", "scale"])
  })
})

describe("the README", () => {
  const text = flat("README.md")

  test("gives creations and searches as the records do", () => {
    const create = (key: string) => medianOf("create", "64 connections", key)
    const search = (key: string) => whole(medianOf("search", "mixed, large chat", key))
    expect(text).toContain(
      `64 clients created ${rough(create("perSecond"))} messages a second (p99 ${whole(create("p99"))} ms; ` +
        `all stored ${create("storedAfter").toFixed(1)} s after the last)`,
    )
    expect(text).toContain(`a function that does nothing answered ${rough(create("noOp"))}`)
    expect(text).toContain(`at p50 ${search("p50")} ms and p99 ${search("p99")} ms`)
    expect(text).toContain(`took ${whole(medianOf("search", "wildcard / ours, median class", "times"))} times as long`)
  })

  test("names the servers that created the messages", () => {
    const { versions = {} } = recordOf("create")
    const [database = ""] = Object.keys(versions).filter((server) => /MySQL|MariaDB/.test(server))
    expect(text).toContain(`On two cores, with all servers (${database} among them) and the load on them`)
  })
})

describe("the campaigns of faults on record", () => {
  const paths = globSync("docs/faults-*/report.json", { cwd: ROOT }).sort()
  const reports = paths.map((path) => {
    const { ledger, faults, reads, seed, followers, clean, refusals = [] } = JSON.parse(read(path)) as FaultsReport
    const acknowledged = Object.values(ledger).reduce((sum, one) => sum + one.acknowledged, 0)
    const told = followers.reduce((sum, one) => sum + one.told, 0)
    const link = `[seed ${seed}](${path.split("/")[1]}/report.md)`
    return { link, faults: faults.length, acknowledged, reads, told, clean, refusals }
  })
  const sum = (key: "faults" | "acknowledged") => reports.reduce((total, report) => total + report[key], 0)

  test("are summed up in the README", () => {
    expect(paths.map((path) => path.split("/")[1])).toEqual(["faults-cluster", "faults-compose", "faults-native"])
    expect(flat("README.md")).toContain(`${whole(sum("faults"))} faults hit ${whole(sum("acknowledged"))} acknowledged`)
  })

  test("are clean", () => {
    expect(reports.map(({ clean }) => clean)).toEqual(paths.map(() => true))
  })

  test("are what docs/faults.md says of their followers, and of the shards on living nodes", () => {
    const text = flat("docs/faults.md")
    for (const { told } of reports) expect(text).toContain(whole(told))
    const refusals = reports.flatMap((report) => report.refusals)
    const worst = (Math.max(...refusals.map(({ othersMs }) => othersMs)) / 1000).toFixed(1)
    expect(text).toContain(
      `${refusals.length} faults hit nodes, and shards of other nodes took no write for at most ${worst} s`,
    )
  })

  test("are listed in docs/faults.md", () => {
    const rows = read("docs/faults.md")
      .split("\n")
      .filter((line) => line.startsWith("| [seed"))
    const numbers = rows
      .map((row) => row.split("|").map((cell) => cell.trim()))
      .map((cells) => [cells[1], ...cells.slice(4, 7)])
    const expected = reports.map(({ link, faults, acknowledged, reads }) => [
      link,
      ...[faults, acknowledged, reads].map(whole),
    ])
    expect(numbers).toHaveLength(reports.length)
    expect(numbers).toEqual(expect.arrayContaining(expected))
  })
})
