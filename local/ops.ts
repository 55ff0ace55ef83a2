// npm run ops -- <command>: runs the operator's commands on the stores of the environment, or of a deployed stage.
import { createInterface } from "node:readline/promises"
import { setTimeout as sleep } from "node:timers/promises"
import { DependencyAway } from "../lib/errors.ts"
import { log } from "../lib/log.ts"
import { checkReadiness } from "../lib/readiness.ts"
import { buildStores } from "../lib/search-runtime.ts"
import { configFor } from "./environment.ts"
import { helpText, type Parsed, parseArguments } from "./ops/arguments.ts"
import { type Command, EXIT, UsageError } from "./ops/command.ts"
import { command as deadLetters } from "./ops/dead-letters.ts"
import { createOutput, type Output } from "./ops/output.ts"
import { command as recount } from "./ops/recount.ts"
import { command as reindex } from "./ops/reindex.ts"
import { command as spread } from "./ops/spread-shards.ts"
import { command as status } from "./ops/status.ts"
import { command as verify } from "./ops/verify.ts"

const COMMANDS: readonly Command[] = [status, deadLetters, recount, verify, reindex, spread]

/** A command that is asked to stop finishes its batch within this time; then the process exits anyway. */
const STOP_MAX_MS = 5_000
/** A store that hangs never closes its connection. */
const CLOSE_MAX_MS = 1_000

/** Returns the error as one line without a stack: `redis is away (connect ECONNREFUSED 127.0.0.1:6379)`. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const cause = error.cause instanceof Error ? error.cause.message || error.cause.name : ""
  return (cause ? `${error.message} (${cause})` : error.message).replaceAll(/\s*\n\s*/g, " ")
}

async function confirm(question: string): Promise<boolean> {
  if (!process.stdin.isTTY || !process.stderr.isTTY) return false
  const lines = createInterface({ input: process.stdin, output: process.stderr })
  try {
    return /^y(es)?$/i.test((await lines.question(`${question} [y/N] `)).trim())
  } finally {
    lines.close()
  }
}

async function run(command: Command, { args, json, stage }: Parsed, output: Output): Promise<number> {
  // Log lines would mix with the output, which already says what matters.
  log.setLogLevel("SILENT")
  const stop = new AbortController()
  const onSignal = () => {
    if (stop.signal.aborted) process.exit(EXIT.interrupted)
    stop.abort()
    setTimeout(() => process.exit(EXIT.interrupted), STOP_MAX_MS).unref()
  }
  process.on("SIGINT", onSignal).on("SIGTERM", onSignal)
  try {
    const { stores, close } = buildStores(await configFor(stage))
    try {
      // Loads the drivers and connects first: the calls' time-outs, those of a running API, leave no time for that.
      await checkReadiness(stores)
      return await command.run(args, { stores, json, output, confirm, signal: stop.signal })
    } finally {
      await Promise.race([close(), sleep(CLOSE_MAX_MS)])
    }
  } catch (error) {
    if (error instanceof UsageError) throw error
    if (stop.signal.aborted) {
      output.error("Stopped.")
      return EXIT.interrupted
    }
    const away = error instanceof DependencyAway ? { away: error.dependency } : {}
    output.document({ error: describe(error), ...away })
    output.error(describe(error))
    return EXIT.wrong
  }
}

async function main(argv: string[]): Promise<number> {
  const { stdout, stderr } = process
  // A reader that has exited, such as `| head`, is not an error.
  for (const stream of [stdout, stderr]) stream.on("error", () => undefined)
  const output = createOutput({ json: argv.includes("--json"), stdout, stderr })
  try {
    const parsed = parseArguments(argv, COMMANDS)
    if (parsed.help) {
      stdout.write(`${helpText(COMMANDS, parsed.command)}\n`)
      return EXIT.ok
    }
    if (!parsed.command) throw new UsageError("Which command?")
    return await run(parsed.command, parsed, output)
  } catch (error) {
    if (!(error instanceof UsageError)) throw error
    output.document({ error: error.message })
    output.error(`${error.message} See npm run ops -- --help.`)
    return EXIT.usage
  }
}

// A connection that is still being opened must not keep the process alive.
process.exit(await main(process.argv.slice(2)))
