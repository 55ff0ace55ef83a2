/**
 * DESIGN. Prepares the stores for this code: the tables of MySQL, the index of Elasticsearch, the shards of Redis.
 * Promised: a second run changes nothing, and of several at once one works while the others wait: kysely's migrator
 * holds a named lock of MySQL, and so does the builder of an index. Absent: a way back. Code older than the tables leaves
 * them as they are, since a deployment that is rolled back runs the older code's preparation.
 */
import type { Kysely } from "kysely"
import { type Migration, type MigrationResultSet, Migrator } from "kysely/migration"
import { asAway, connectMysql } from "../clients/mysql.ts"
import { DependencyAway } from "../errors.ts"
import { ensureIndex } from "../search/rebuilding/ensure-index.ts"
import type { ReindexOptions } from "../search/rebuilding/reindex.ts"
import { isSearchAway } from "../search/search-errors.ts"
import type { SearchStores } from "../stores.ts"
import { settleShards } from "../write/settle.ts"
import { readMigrations } from "./read-migrations.ts"

/**
 * While a migration waits for a table that a transaction uses, all later statements on the table wait behind it, for a
 * dump or a report as long as that takes. So it gives up before a request's read does (2.5 s), and the caller tries again.
 */
const TABLE_TIMEOUT_SECONDS = 2

/** Where kysely's migrator notes what has run. */
const MIGRATION_TABLE = "kysely_migration"

const migratorOf = (db: Kysely<any>, migrations: Record<string, Migration>): Migrator =>
  new Migrator({ db, provider: { getMigrations: async () => migrations } })

function throwOnFailure({ error, results }: MigrationResultSet): string[] {
  if (error) throw error
  return (results ?? []).map(({ migrationName, direction, status }) => `${direction} ${migrationName}: ${status}`)
}

/** Brings the tables to the latest version. Returns what it did. Throws if they are of a newer release. */
export const migrateUp = async (db: Kysely<any>): Promise<string[]> =>
  throwOnFailure(await migratorOf(db, await readMigrations()).migrateToLatest())

/** Reverts the latest migration. Returns what it did. */
export const migrateDown = async (db: Kysely<any>): Promise<string[]> =>
  throwOnFailure(await migratorOf(db, await readMigrations()).migrateDown())

/** Opens its own client: a migration, or waiting for another one, takes longer than the time-out of a request. */
export async function withTables<T>({ config }: SearchStores, migrate: (db: Kysely<any>) => Promise<T>): Promise<T> {
  const { db, close } = connectMysql(config.MYSQL_URL, { tableTimeoutSeconds: TABLE_TIMEOUT_SECONDS })
  return migrate(db).finally(close)
}

/** Returns whether migrations that this code does not know have followed all those that it knows. */
async function hasNewerTables(db: Kysely<any>): Promise<boolean> {
  const migrations = await readMigrations()
  const known = await migratorOf(db, migrations).getMigrations()
  // Migrations run in the order of their names, so after the latest known one only newer ones can have run.
  const latest = known.at(-1)
  if (latest?.executedAt === undefined) return false
  const executed = await db.selectFrom(MIGRATION_TABLE).select("name").execute()
  return executed.some(({ name }) => name > latest.name)
}

export type PrepareOptions = ReindexOptions & {
  /** Called before each part with its name. */
  onPart?: (part: Part) => void
  /** Called with each line of what was done, as it is done. */
  onDone?: (line: string) => void
  /** Leaves tables of a newer release as they are; else they are an error. */
  leaveNewer?: boolean
}
export type Part = "tables" | "index" | "shards"

/** Prepares all stores. Returns what it did, one line each. Throws the stores' errors, and the reason of `signal`. */
export async function prepareStores(stores: SearchStores, options: PrepareOptions = {}): Promise<string[]> {
  const { onPart, onDone, leaveNewer = false, ...building } = options
  const done: string[] = []
  const note = (line: string) => {
    done.push(line)
    onDone?.(line)
  }
  onPart?.("tables")
  const migrated = await withTables(stores, async (db) =>
    leaveNewer && (await hasNewerTables(db)) ? ["tables: of a newer release"] : migrateUp(db),
  )
  migrated.forEach(note)
  onPart?.("index")
  note(`index ${await ensureIndex(stores, building)}: Success`)
  onPart?.("shards")
  // Spares the first write the wait for it. With events still in the queue the shards stay unsettled.
  if (await settleShards(stores)) note("shards: settled")
  return done
}

/** Returns whether a store is away, so that the preparation may succeed later. */
export const isStoreAway = (error: unknown): boolean => asAway(error) instanceof DependencyAway || isSearchAway(error)
