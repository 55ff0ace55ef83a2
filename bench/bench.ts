// npm run bench: measures on a stack of its own. Ratios within a run are what counts; the machine may be any.
import { appendFileSync, mkdirSync, rmSync } from "node:fs"
import { join } from "node:path"
import { parseArgs } from "node:util"
import { failureLines } from "../local/failure.ts"
import { progressOn } from "../local/progress.ts"
import { ROOT } from "../local/services/settings.ts"
import { stopSignals } from "../local/signals.ts"
import { batch } from "./benchmarks/batch.ts"
import { cold } from "./benchmarks/cold.ts"
import { direct } from "./benchmarks/direct.ts"
import { drain } from "./benchmarks/drain.ts"
import { elasticsearchAway } from "./benchmarks/elasticsearch-away.ts"
import { growth } from "./benchmarks/growth.ts"
import { importing } from "./benchmarks/import.ts"
import { lag } from "./benchmarks/lag.ts"
import { largeChat } from "./benchmarks/large-chat.ts"
import { masters } from "./benchmarks/masters.ts"
import { memory } from "./benchmarks/memory.ts"
import { mysqlAway } from "./benchmarks/mysql-away.ts"
import { peer } from "./benchmarks/peer.ts"
import { processorTime } from "./benchmarks/processor-time.ts"
import { profile } from "./benchmarks/profile.ts"
import { read } from "./benchmarks/read.ts"
import { rest } from "./benchmarks/rest.ts"
import { replicas } from "./benchmarks/scale.ts"
import { search } from "./benchmarks/search.ts"
import { slowDisk } from "./benchmarks/slow-disk.ts"
import { soak } from "./benchmarks/soak.ts"
import { create, createParents, oneChat } from "./benchmarks/throughput.ts"
import { isKind, versus } from "./benchmarks/versus.ts"
import { type Bench, type BenchRun, type Found, judge, type Versions } from "./report/bench-run.ts"
import { markdownOf, surroundings, writeReport } from "./report/report.ts"
import { readPeer } from "./stack/peer.ts"
import { startBenchStack } from "./stack/stack.ts"
import { versionsOf } from "./stack/versions.ts"
import { warmUp } from "./stack/warm-up.ts"

const BENCHES: Bench[] = [
  create,
  createParents,
  oneChat,
  batch,
  importing,
  lag,
  drain,
  growth,
  largeChat,
  read,
  processorTime,
  profile,
  direct,
  cold,
  memory,
  rest,
  replicas,
  masters,
  slowDisk,
  soak,
  search,
  elasticsearchAway,
  mysqlAway,
]
const ROUNDS_DEFAULT = 5
const ROUNDS_MAX = 100
/** The least share of the data with which every benchmark still has some. */
const SCALE_MIN = 0.001
const REPORT_DEFAULT = join(ROOT, ".data", "bench-report")

const USAGE = `usage: npm run bench -- [name…] [options]
       npm run bench -- versus COMMIT [creations] [reads] [search] [drain] [bytes] [handler] [cold] [rest] [options]
       npm run bench -- peer FILE [options]
  --rounds N     how often each measurement is made, ${ROUNDS_DEFAULT} unless told
  --scale N      a share of the full amount of data, from ${SCALE_MIN} to 1, for a quick look
  --report DIR   where <name>.json, <name>.md and plots go; .data/bench-report unless told

${BENCHES.map(({ name, about }) => `  ${name}: ${about}`).join("\n")}
  peer FILE: this API beside another one that runs already, as a file like bench/peers/this.json describes it
  versus COMMIT: this working tree beside a commit, both measured in turns, in all kinds or those named`

/** Reads the command line. Throws an Error that names what is wrong. */
async function readOptions(args: string[]) {
  const { values, positionals } = parseArgs({
    args,
    strict: true,
    allowPositionals: true,
    options: {
      rounds: { type: "string", default: `${ROUNDS_DEFAULT}` },
      scale: { type: "string", default: "1" },
      report: { type: "string" },
      help: { type: "boolean", default: false },
    },
  })
  if (values.help) {
    console.log(USAGE)
    process.exit(0)
  }
  const rounds = Number(values.rounds)
  if (!Number.isInteger(rounds) || rounds < 1 || rounds > ROUNDS_MAX)
    throw new Error(`--rounds: must be a whole number from 1 to ${ROUNDS_MAX}, not "${values.rounds}"`)
  const scale = Number(values.scale)
  if (!(scale >= SCALE_MIN && scale <= 1))
    throw new Error(`--scale: must be a number from ${SCALE_MIN} to 1, not "${values.scale}"`)
  const [first, commit, ...kinds] = positionals
  if (first === "peer") {
    if (commit === undefined || kinds.length > 0) throw new Error("peer: give one file that describes the other API")
    return { benches: [peer(commit, await readPeer(commit))], rounds, scale, report: values.report ?? REPORT_DEFAULT }
  }
  if (first === "versus") {
    if (commit === undefined) throw new Error("versus: give one commit to compare with")
    const unknown = kinds.find((kind) => !isKind(kind))
    if (unknown !== undefined) throw new Error(`versus: there is no kind of measurement "${unknown}"`)
    return { benches: [versus(commit, kinds)], rounds, scale, report: values.report ?? REPORT_DEFAULT }
  }
  for (const name of positionals)
    if (!BENCHES.some((bench) => bench.name === name)) throw new Error(`there is no benchmark "${name}"`)
  const benches = BENCHES.filter(({ name }) => positionals.length === 0 || positionals.includes(name))
  return { benches, rounds, scale, report: values.report ?? REPORT_DEFAULT }
}

type Options = Awaited<ReturnType<typeof readOptions>>

/** Returns whether every target was met. */
async function main({ benches, rounds, scale, report }: Options): Promise<boolean> {
  const { stop: signal, hurry } = stopSignals()
  const progress = progressOn(process.stdout)
  const where = surroundings()
  const say = (line: string) => progress.line(`  ${line}`)
  let met = true
  let versions: Versions = {}
  const measure = async (bench: Bench, run: (keep: BenchRun["keep"]) => Promise<Found>) => {
    const part = join(report, `${bench.name}.part.jsonl`)
    rmSync(part, { force: true })
    mkdirSync(report, { recursive: true })
    const keep: BenchRun["keep"] = (figures) =>
      appendFileSync(part, figures.map((figure) => `${JSON.stringify(figure)}\n`).join(""))
    const found = await progress.step(bench.name, () => run(keep))
    rmSync(part, { force: true })
    const shown = { bench, found, where, versions: found.versions ?? versions, rounds, scale }
    for (const file of await writeReport(report, shown)) progress.line(`Written: ${file}`)
    progress.line(`\n${markdownOf(shown)}`)
    met &&= judge(found).every((target) => target.met)
  }
  try {
    for (const bench of benches)
      if ("runAlone" in bench) await measure(bench, (keep) => bench.runAlone({ rounds, scale, say, keep, signal }))
    const others = benches.filter((bench) => "run" in bench)
    if (others.length === 0) return met
    const stack = await startBenchStack({ progress, signal, hurry })
    signal.addEventListener("abort", () => {
      // Requests of a benchmark fail when its servers stop; that must not end this process before they are gone.
      process.on("unhandledRejection", () => undefined)
      void stack.stop().finally(() => process.exit(1))
    })
    try {
      versions = await versionsOf(stack.direct.stores)
      await progress.step("Warm-up", () => warmUp(stack, scale))
      for (const bench of others) await measure(bench, (keep) => bench.run({ stack, rounds, scale, say, keep }))
    } finally {
      await progress.step("Stack stopped", stack.stop)
    }
  } finally {
    progress.end()
  }
  return met
}

async function optionsOrExit() {
  try {
    return await readOptions(process.argv.slice(2))
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n\n${USAGE}`)
    return process.exit(2)
  }
}

process.exitCode = await main(await optionsOrExit()).then(
  (met) => (met ? 0 : 1),
  (error: unknown) => {
    for (const line of failureLines(error)) console.error(line)
    return 1
  },
)
// The channel to the bootstrap would keep this process alive.
process.exit(process.exitCode)
