/**
 * Prepares the stores: the tables of MySQL, the index of Elasticsearch and the shards of Redis. It waits for stores
 * that are not up yet, builds a missing or outdated index from MySQL, and changes nothing when it is run again.
 * `node local/migrate.ts [rollback]` prints what it has done on stdout, and waits and progress on stderr.
 */
import { readdir } from "node:fs/promises"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { pathToFileURL } from "node:url"
import type { Kysely } from "kysely"
import { type Migration, type MigrationResultSet, Migrator } from "kysely/migration"
import { connectMysql } from "../lib/clients/mysql.ts"
import { readConfig } from "../lib/config.ts"
import { ensureIndex } from "../lib/search/rebuilding/ensure-index.ts"
import type { ReindexProgress } from "../lib/search/rebuilding/reindex.ts"
import { buildStores } from "../lib/search-runtime.ts"
import type { SearchStores } from "../lib/stores.ts"
import { settleShards } from "../lib/write/settle.ts"
import { loadEnvironment } from "./environment.ts"

/** On a slow disk the first start of a database takes a minute; Elasticsearch takes less. */
const WAIT_MAX_MS = 180_000
const RETRY_MS = 1_000
const TELL_EVERY_MS = 5_000

const MIGRATIONS = join(import.meta.dirname, "..", "migrations")

const migrator = (db: Kysely<any>): Migrator =>
  new Migrator({
    db,
    provider: {
      async getMigrations() {
        const files = (await readdir(MIGRATIONS)).filter((file) => file.endsWith(".ts")).sort()
        const modules = files.map(
          async (file): Promise<[string, Migration]> => [
            file.replace(/\.ts$/, ""),
            (await import(pathToFileURL(join(MIGRATIONS, file)).href)) as Migration,
          ],
        )
        return Object.fromEntries(await Promise.all(modules))
      },
    },
  })

function throwOnFailure({ error, results }: MigrationResultSet): string[] {
  if (error) throw error
  return (results ?? []).map(({ migrationName, direction, status }) => `${direction} ${migrationName}: ${status}`)
}

/** Brings the tables to the latest version. Returns what it did. */
export const migrateUp = async (db: Kysely<any>): Promise<string[]> =>
  throwOnFailure(await migrator(db).migrateToLatest())

/** Reverts the latest migration. Returns what it did. */
export const migrateDown = async (db: Kysely<any>): Promise<string[]> =>
  throwOnFailure(await migrator(db).migrateDown())

/** Opens its own client: a migration, or waiting for another one, takes longer than the time-out of a request. */
async function withTables<T>({ config }: SearchStores, migrate: (db: Kysely<any>) => Promise<T>): Promise<T> {
  const { db, close } = connectMysql(config.MYSQL_URL)
  return migrate(db).finally(close)
}

/** Prepares all stores, for a deployment or a start. `onProgress` is called while an index is built. */
export async function prepareStores(
  stores: SearchStores,
  onProgress?: (progress: ReindexProgress) => void,
): Promise<string[]> {
  const done = await withTables(stores, migrateUp)
  done.push(`index ${await ensureIndex(stores, onProgress ? { onProgress } : {})}: Success`)
  // Spares the first write the wait for it. With events still in the queue the shards stay unsettled.
  if (await settleShards(stores)) done.push("shards: settled")
  return done
}

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
      command === "rollback" ? withTables(stores, migrateDown) : prepareStores(stores, tell()),
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
