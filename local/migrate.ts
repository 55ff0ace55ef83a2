/**
 * Prepares the stores: the tables of MySQL, the index of Elasticsearch, and the shards of Redis. Waits for those that
 * are not up yet; running it again changes nothing. An index that is missing or outdated is built from MySQL.
 * `node local/migrate.ts [rollback]`: what it has done goes to stdout, what it waits for and how far it is to stderr.
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

/** A database on a slow disk takes a minute for its first start; Elasticsearch less. */
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

/** With a client of its own: a migration, or waiting for another's, takes longer than a request's statement may. */
async function withTables<T>({ config }: SearchStores, migrate: (db: Kysely<any>) => Promise<T>): Promise<T> {
  const { db, close } = connectMysql(config.MYSQL_URL)
  return migrate(db).finally(close)
}

/** Prepares all stores, as a first deployment or a start does. `onProgress` hears of an index that has to be built. */
export async function prepareStores(
  stores: SearchStores,
  onProgress?: (progress: ReindexProgress) => void,
): Promise<string[]> {
  const done = await withTables(stores, migrateUp)
  done.push(`index ${await ensureIndex(stores, onProgress ? { onProgress } : {})}: Success`)
  // Only the first request would wait for it otherwise; with events still in the queue it must.
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

/** A line every few seconds: an index of a million messages takes minutes, and its log is read by people. */
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
