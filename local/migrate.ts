/**
 * Prepares the stores: the tables of MySQL, the index of Elasticsearch and the shards of Redis. It waits for stores
 * that are not up yet, builds a missing or outdated index from MySQL, and changes nothing when it is run again.
 * `node local/migrate.ts [rollback]` prints what it has done on stdout, and waits and progress on stderr.
 */
import { setTimeout as sleep } from "node:timers/promises"
import { readConfig } from "../lib/config.ts"
import { migrateDown, prepareStores, withTables } from "../lib/operate/prepare-stores.ts"
import type { ReindexProgress } from "../lib/search/rebuilding/reindex.ts"
import { buildStores } from "../lib/search-runtime.ts"
import { loadEnvironment } from "./environment.ts"

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

async function main(command: string | undefined): Promise<void> {
  loadEnvironment()
  const { stores, close } = buildStores(readConfig(process.env))
  try {
    const done = await untilReady(() =>
      command === "rollback" ? withTables(stores, migrateDown) : prepareStores(stores, { onProgress: tell() }),
    )
    for (const line of done) console.log(line)
  } finally {
    await close()
  }
}

if (import.meta.main) {
  main(process.argv[2]).catch((error: unknown) => {
    console.error(`Preparing the stores failed. ${describe(error)}`)
    process.exitCode = 1
  })
}
