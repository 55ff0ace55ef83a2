/**
 * Prepares the stores: the tables of MySQL, the index of Elasticsearch and the shards of Redis. It waits for stores
 * that are not up yet, builds a missing or outdated index from MySQL, and changes nothing when it is run again.
 * `node local/migrate.ts [rollback] [--leave-newer] [--stage STAGE]` prints what it has done on stdout, and waits and
 * progress on stderr. With --leave-newer, tables of a newer release are no error: compose gives it, since the API starts
 * only after this has succeeded, and an older release must be able to start again.
 */

import { setTimeout as sleep } from "node:timers/promises"
import { parseArgs } from "node:util"
import { migrateDown, prepareStores, withTables } from "../lib/operate/prepare-stores.ts"
import type { ReindexProgress } from "../lib/search/rebuilding/reindex.ts"
import { buildStores } from "../lib/search-runtime.ts"
import { configFor, isStageName } from "./environment.ts"
import { firstSentence } from "./ops/arguments.ts"
import { EXIT, UsageError } from "./ops/command.ts"

/** On a slow disk the first start of a database takes a minute; Elasticsearch takes less. */
const WAIT_MAX_MS = 180_000
const RETRY_MS = 1_000
const TELL_EVERY_MS = 5_000

async function untilReady<T>(attempt: () => Promise<T>): Promise<T> {
  const deadline = Date.now() + WAIT_MAX_MS
  let said = ""
  for (;;) {
    try {
      return await attempt()
    } catch (error) {
      if (Date.now() > deadline) throw error
      const reason = describe(error)
      if (reason !== said) console.error(`waiting: ${reason}`)
      said = reason
      await sleep(RETRY_MS)
    }
  }
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const cause = error.cause instanceof Error ? `: ${error.cause.message}` : ""
  return `${error.message}${cause}`
}

/** Prints progress every few seconds: an index of a million messages takes minutes to build. */
function tell(): (progress: ReindexProgress) => void {
  let saidAt = Date.now()
  return ({ phase, done, total }) => {
    if (Date.now() - saidAt < TELL_EVERY_MS) return
    saidAt = Date.now()
    console.error(`building the index: ${phase} ${done}${total === undefined ? "" : ` of about ${total}`}`)
  }
}

type Arguments = { rollback: boolean; leaveNewer: boolean; stage: string | undefined }

const OPTIONS = { stage: { type: "string" }, "leave-newer": { type: "boolean" } } as const

/** Returns what to do, and the deployed stage to do it on, if any. Throws UsageError. */
function readArguments(args: string[]): Arguments {
  try {
    const { values, positionals } = parseArgs({ args, options: OPTIONS, allowPositionals: true })
    const [command, ...others] = positionals
    if ((command !== undefined && command !== "rollback") || others.length > 0)
      throw new UsageError(`There is no "${positionals.join(" ")}".`)
    if (values.stage !== undefined && !isStageName(values.stage))
      throw new UsageError(`--stage takes the name of a stage, not "${values.stage}".`)
    return { rollback: command === "rollback", leaveNewer: values["leave-newer"] === true, stage: values.stage }
  } catch (error) {
    throw error instanceof UsageError ? error : new UsageError(firstSentence(error))
  }
}

async function main(args: string[]): Promise<void> {
  const { rollback, leaveNewer, stage } = readArguments(args)
  const { stores, close } = buildStores(await configFor(stage))
  try {
    // Said as it is done, since an API can start before all is (migrations.ts).
    const onDone = (line: string) => console.log(line)
    if (rollback) (await untilReady(() => withTables(stores, migrateDown))).forEach(onDone)
    else await untilReady(() => prepareStores(stores, { leaveNewer, onProgress: tell(), onDone }))
  } finally {
    await close()
  }
}

if (import.meta.main) {
  main(process.argv.slice(2)).catch((error: unknown) => {
    const isUsage = error instanceof UsageError
    console.error(isUsage ? error.message : `Preparing the stores failed. ${describe(error)}`)
    process.exitCode = isUsage ? EXIT.usage : EXIT.wrong
  })
}
