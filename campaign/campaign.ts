// npm run faults: starts its own stack, puts it under load and faults, and checks the result. Exits 1 on any violation.
import { failureLines } from "../local/failure.ts"
import { progressOn } from "../local/progress.ts"
import { stopSignals } from "../local/signals.ts"
import { runCampaign } from "./course.ts"
import { faultsFor } from "./faults/catalogue.ts"
import { chooseFaults, type Plan, planLong, planShort } from "./faults/schedule.ts"
import { seededRandom } from "./load/random.ts"
import { type CampaignOptions, parseOptions, USAGE } from "./options.ts"
import { verdictLines, writeReport } from "./report/report.ts"
import { clock, statusOn } from "./report/status.ts"
import { startComposeTarget } from "./targets/compose.ts"
import { startNativeTarget } from "./targets/native.ts"

/** Faults per printed line of the plan. */
const FAULTS_PER_LINE = 4

function planLines({ faults, lastsMs }: Plan, { seed }: CampaignOptions): string[] {
  const lines = [`Seed ${seed}: ${faults.length} faults in ${clock(lastsMs)} minutes`]
  const shown = faults.map(({ fault, atMs, forMs }) => `${clock(atMs)} ${fault.name} ${(forMs / 1000).toFixed(1)} s`)
  for (let first = 0; first < shown.length; first += FAULTS_PER_LINE) {
    lines.push(`  ${shown.slice(first, first + FAULTS_PER_LINE).join(" · ")}`)
  }
  return lines
}

async function main(options: CampaignOptions): Promise<number> {
  const { stop, hurry } = stopSignals()
  const progress = progressOn(process.stdout)
  const parts = { progress, signal: stop, hurry }
  const { replicas, redis, seed, minutes, short, only } = options
  const target =
    options.target === "native"
      ? await startNativeTarget({ ...parts, redis })
      : await startComposeTarget({ ...parts, replicas })
  try {
    if (target.diskReason !== undefined) console.log(`No disk is filled: ${target.diskReason}`)
    // Two random sources, so that what running faults draw does not change the plan.
    const random = seededRandom(seed)
    const known = faultsFor(target, seededRandom(seed + 1))
    // The others are those of a single Redis, whose short campaign has them all.
    const isOfNodes = short && target.cluster !== undefined && only.length === 0
    const faults = isOfNodes ? known.filter(({ atNode }) => atNode) : chooseFaults(known, only)
    const plan = short ? planShort(faults, random) : planLong(faults, minutes, random)
    for (const line of planLines(plan, options)) console.log(line)
    const status = statusOn(process.stdout)
    const outcome = await runCampaign({ options, target, plan, status, stop }).finally(() => status.end())
    const { report, verdict, timeline } = outcome
    if (options.report !== undefined) {
      for (const file of await writeReport(options.report, report, timeline)) console.log(`Written: ${file}`)
    }
    for (const line of report.notRun) console.log(`Not run: ${line}`)
    console.log(`\n${report.faults.length} faults, seed ${seed}: ${report.clean ? "clean" : "NOT clean"}`)
    for (const line of verdictLines(verdict)) console.log(line)
    return report.clean ? 0 : 1
  } finally {
    await progress.step("Stack stopped", () => target.stop())
    progress.end()
  }
}

function readOptions(): CampaignOptions | undefined {
  try {
    return parseOptions(process.argv.slice(2))
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n\n${USAGE}`)
    return undefined
  }
}

if (process.argv.includes("--help")) {
  console.log(USAGE)
  process.exit(0)
}
const options = readOptions()
if (!options) process.exit(2)
process.exitCode = await main(options).catch((error: unknown) => {
  for (const line of failureLines(error)) console.error(line)
  return 1
})
// The IPC channel to the bootstrap would keep this process alive.
process.exit(process.exitCode)
