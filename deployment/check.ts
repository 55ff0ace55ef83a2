/**
 * npm run check:deploy: deploys two stages with `serverless deploy` to an emulator of AWS on this machine, and checks
 * what is there. It needs no account and no network but the package registries. Exits 1 if a check fails.
 */
import { rm } from "node:fs/promises"
import { parseArgs } from "node:util"
import { failureLines, LaunchFailure } from "../local/failure.ts"
import { type Progress, progressOn } from "../local/progress.ts"
import { portsOf } from "../local/services/settings.ts"
import { type Stack, startServices } from "../local/services/start.ts"
import { stopSignals } from "../local/signals.ts"
import { deadLetters } from "./checks/dead-letters.ts"
import { changesNothing, deploys } from "./checks/deploy.ts"
import { flows, schedules } from "./checks/flow.ts"
import { logs } from "./checks/logs.ts"
import { operator } from "./checks/operator.ts"
import { removal } from "./checks/removal.ts"
import { rights } from "./checks/rights.ts"
import { mysqlPassword, newAdminKey, oldAdminKey } from "./checks/rotation.ts"
import { operations, refusals } from "./checks/routes.ts"
import { leavesTheFirst, standsApart } from "./checks/second-stage.ts"
import { zips } from "./checks/zips.ts"
import { connectAws } from "./emulator/clients.ts"
import { installEmulator, startEmulator } from "./emulator/ministack.ts"
import { runChecks } from "./report.ts"
import type { Check, Site } from "./site.ts"
import { stagesFolder } from "./stage/stage.ts"

/** In this order: the first deploys what all others need, and the last ones remove it. */
const CHECKS: readonly Check[] = [
  deploys,
  operations,
  refusals,
  flows,
  operator,
  deadLetters,
  rights,
  // Before the zips, whose sync-counts is called by hand.
  schedules,
  zips,
  // The old key is looked at last, since functions may keep it for two minutes.
  newAdminKey,
  changesNothing,
  standsApart,
  mysqlPassword,
  oldAdminKey,
  logs,
  leavesTheFirst,
  removal,
]

const USAGE = `usage: npm run check:deploy -- [--only KEY,…]
${CHECKS.map(({ key, name }) => `  ${key.padEnd(16)} ${name}`).join("\n")}
With --only, the first stage is deployed and only these are checked.`

/** Returns the checks to run. Throws an Error that names an unknown one. */
function chosenChecks(args: string[]): readonly Check[] {
  const { values } = parseArgs({ args, options: { only: { type: "string" } } })
  if (values.only === undefined) return CHECKS
  const keys = values.only.split(",")
  const unknown = keys.filter((key) => !CHECKS.some((check) => check.key === key))
  if (unknown.length > 0) throw new LaunchFailure(`There is no check ${unknown.join(", ")}.`)
  return CHECKS.filter((check) => check === deploys || keys.includes(check.key))
}

/** What the commands of this check may see of their caller: no credentials, profile or settings of the backend. */
const KEPT = /^(PATH|HOME|TERM|LANG|LC_\w+|JAVA_HOME|CHAT_DEPLOY_\w+|PIP_\w+|\w+_proxy|\w+_PROXY|SSL_CERT_\w+)$/

function forgetEnvironment(): void {
  for (const name of Object.keys(process.env)) if (!KEPT.test(name)) delete process.env[name]
}

type Signals = ReturnType<typeof stopSignals>

/** Starts the emulator beside the servers, runs the checks and stops it. Returns the names of those that failed. */
async function checkOn(
  stack: Stack,
  checks: readonly Check[],
  progress: Progress,
  { stop, hurry }: Signals,
): Promise<string[]> {
  const { folder } = stack
  const port = portsOf("deploy", process.env).elasticmq
  const { MYSQL_URL = "", REDIS_URL = "", ELASTICSEARCH_URL = "" } = stack.env
  const servers = { MYSQL_URL, REDIS_URL, ELASTICSEARCH_URL }
  const emulatorFolder = await installEmulator(progress, stop)
  // It keeps everything in memory, so after a restart nothing would be there to check.
  const ended = new AbortController()
  const signal = AbortSignal.any([stop, ended.signal])
  const onEnd = () => ended.abort(new Error("the emulator has ended; its log is in the folder logs"))
  const supervision = { folder, progress, signal: stop, hurry, onEnd }
  const emulator = await progress.step(`MiniStack on 127.0.0.1:${port}`, () =>
    startEmulator(emulatorFolder, port, supervision),
  )
  try {
    const aws = connectAws(emulator)
    const stageOptions = { aws, emulator, servers, folder, signal }
    const site: Site = { aws, emulator, folder, servers, stageOptions, signal, confidential: new Set() }
    return await runChecks(checks, site, progress)
  } finally {
    await emulator.stop()
    await rm(stagesFolder(folder), { recursive: true, force: true })
  }
}

async function main(signals: Signals): Promise<number> {
  const checks = chosenChecks(process.argv.slice(2))
  forgetEnvironment()
  const progress = progressOn(process.stdout)
  const started = performance.now()
  const stack = await startServices({
    name: "deploy",
    engine: "native",
    only: ["mysql", "redis", "elasticsearch"],
    progress,
    signal: signals.stop,
    hurry: signals.hurry,
    fresh: true,
  })
  try {
    const failed = await checkOn(stack, checks, progress, signals)
    const seconds = ((performance.now() - started) / 1000).toFixed(0)
    console.log(`\n${checks.length - failed.length} of ${checks.length} checks passed in ${seconds} s`)
    for (const name of failed) console.log(`FAILED: ${name}`)
    for (const { name } of CHECKS.filter((check) => !checks.includes(check))) console.log(`not run: ${name}`)
    return failed.length === 0 ? 0 : 1
  } finally {
    await progress.step("Stopped", () => stack.stop())
    progress.end()
  }
}

if (process.argv.includes("--help")) {
  console.log(USAGE)
  process.exit(0)
}
const signals = stopSignals()
process.exitCode = await main(signals).catch((error: unknown) => {
  for (const line of signals.stop.aborted ? ["✗ Stopped."] : failureLines(error)) console.error(line)
  return 1
})
// The IPC channel to the bootstrap would keep this process alive.
process.exit(process.exitCode)
