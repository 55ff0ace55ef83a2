// Migrations beside those who use the tables, and after one that was interrupted, in a separate database.
import { afterAll, beforeAll, beforeEach, expect, test } from "@jest/globals"
import { sql } from "kysely"
import { connectMysql, type Mysql, type MysqlClient, readMysql } from "../../lib/clients/mysql.ts"
import { isStoreAway, migrateDown, migrateUp, withTables } from "../../lib/operate/prepare-stores.ts"
import type { SearchStores } from "../../lib/stores.ts"
import { eventually } from "../steps/eventually.ts"
import { useTestStores } from "../steps/stores.ts"

/** Less than the migration waits. */
const WAITS_WITHIN_MS = 1_500

const stores = useTestStores()
let server: MysqlClient
let own: MysqlClient
let database: string
let ownStores: SearchStores

beforeAll(() => {
  const given = new URL(stores().config.MYSQL_URL)
  server = connectMysql(given.href)
  database = `${given.pathname.slice(1)}_migrations_beside`
  given.pathname = `/${database}`
  own = connectMysql(given.href)
  ownStores = { ...stores(), config: { ...stores().config, MYSQL_URL: given.href } }
})

beforeEach(async () => {
  await sql`drop database if exists ${sql.id(database)}`.execute(server.db)
  await sql`create database ${sql.id(database)}`.execute(server.db)
  await migrateUp(own.db)
})

afterAll(async () => {
  await own?.close()
  await sql`drop database if exists ${sql.id(database)}`.execute(server.db)
  await server.close()
})

/** Returns what the connections to the database are doing. */
async function statesOf(): Promise<(string | null)[]> {
  const { rows } = await sql<{ state: string | null }>`
    select state from information_schema.processlist where db = ${database}
  `.execute(server.db)
  return rows.map(({ state }) => state)
}

const count = (db: Mysql) => sql`select count(*) from messages`.execute(db)

/** Reverts the migrations down to the one before that of this name. */
async function downBelow(name: string): Promise<void> {
  for (let done = ""; !done.includes(name); ) [done = name] = await migrateDown(own.db)
}

test("a migration while a transaction uses its table: gives up before a read that waits behind it, and is done once that ends", async () => {
  await downBelow("create_change_indexes")
  let waited: unknown
  await own.db.transaction().execute(async (tx) => {
    await count(tx)
    const migration = withTables(ownStores, migrateUp).catch((error: unknown) => error)
    await eventually(async () => expect(await statesOf()).toContain("Waiting for table metadata lock"), WAITS_WITHIN_MS)
    const read = readMysql(() => count(own.db))
    waited = await migration
    await read
  })
  expect(isStoreAway(waited)).toBe(true)
  expect(await withTables(ownStores, migrateUp)).toEqual(["Up 20261128_000002_create_change_indexes: Success"])
})

test("a migration that was interrupted between two tables: is run again: adds what is missing", async () => {
  await downBelow("add_members")
  await sql`alter table chats add column metadata text`.execute(own.db)
  expect(await migrateUp(own.db)).toContain("Up 20261128_000001_add_members: Success")
  const { rows } = await sql<{
    metadata: null
  }>`select metadata from chats union select metadata from messages`.execute(own.db)
  expect(rows).toEqual([])
})
