// The migrations on the server at MYSQL_URL, MySQL or MariaDB: up, down and up again, in a separate database.
import { join } from "node:path"
import { afterAll, beforeAll, expect, jest, test } from "@jest/globals"
import { sql } from "kysely"
import { connectMysql, type Mysql, type MysqlClient } from "../../lib/clients/mysql.ts"
import { migrateDown, migrateUp } from "../../lib/operate/prepare-stores.ts"
import { ROOT } from "../../local/services/settings.ts"
import { runNode } from "../steps/child.ts"
import { childEnvironment } from "../steps/running-api.ts"
import { useTestStores } from "../steps/stores.ts"

/** Time to prepare all stores by the command on a busy machine. */
const COMMAND_LIMIT_MS = 60_000
const MIGRATIONS_MAX = 100
/** A migration that only a later release has. */
const NEWER = "99991231T000000_newer"

const TABLES: Record<string, { primary: string; indexes?: Record<string, string> }> = {
  applications: { primary: "token", indexes: { applications_by_creation: "created_at,token" } },
  chats: { primary: "application,number", indexes: { chats_by_revision: "application,revision" } },
  counters: { primary: "application,chat", indexes: { counters_by_dirty: "dirty" } },
  messages: {
    primary: "application,chat,number",
    indexes: {
      messages_by_revision: "application,revision",
      messages_by_chat_revision: "application,chat,revision",
    },
  },
  pending_index: { primary: "application,chat,message", indexes: { pending_index_by_due: "due_at" } },
  persist_locks: { primary: "stripe" },
  search_indexes: { primary: "alias" },
  tombstones: {
    primary: "application,chat,message",
    indexes: {
      tombstones_by_expiry: "expires_at",
      tombstones_by_purge: "purge_at",
      tombstones_by_revision: "application,revision",
      tombstones_by_chat_revision: "application,chat,revision",
    },
  },
}
/** The collation of each text column: binary, so that text is found exactly as it was written. */
const TEXTS = {
  "applications.name": "utf8mb4_bin",
  "applications.token": "ascii_bin",
  "chats.application": "ascii_bin",
  "chats.metadata": "utf8mb4_bin",
  "chats.name": "utf8mb4_bin",
  "counters.application": "ascii_bin",
  "messages.application": "ascii_bin",
  "messages.body": "utf8mb4_bin",
  "messages.metadata": "utf8mb4_bin",
  "pending_index.application": "ascii_bin",
  "search_indexes.alias": "ascii_bin",
  "search_indexes.building": "ascii_bin",
  "search_indexes.live": "ascii_bin",
  "tombstones.application": "ascii_bin",
}

const stores = useTestStores()
// Four commands, each of which waits for its stores.
jest.setTimeout(4 * COMMAND_LIMIT_MS)
let server: MysqlClient
let own: MysqlClient
let database: string
let url: string

beforeAll(async () => {
  const given = new URL(stores().config.MYSQL_URL)
  server = connectMysql(given.href)
  database = `${given.pathname.slice(1)}_migrations`
  await sql`drop database if exists ${sql.id(database)}`.execute(server.db)
  // With the server's defaults: the migrations themselves set what the tables need.
  await sql`create database ${sql.id(database)}`.execute(server.db)
  given.pathname = `/${database}`
  url = given.href
  own = connectMysql(url)
})

afterAll(async () => {
  await own?.close()
  await sql`drop database if exists ${sql.id(database)}`.execute(server.db)
  await server.close()
})

/** Returns whether a table is not one of kysely's own. */
const isOurs = (table: string): boolean => !table.startsWith("kysely_")

async function tables(db: Mysql): Promise<string[]> {
  const { rows } = await sql<{ name: string }>`
    select table_name as name from information_schema.tables where table_schema = database() order by name
  `.execute(db)
  return rows.map(({ name }) => name).filter(isOurs)
}

async function schema(db: Mysql) {
  const indexes = await sql<{ name: string; table: string; columns: string }>`
    select index_name as name, table_name as ${sql.id("table")},
      group_concat(column_name order by seq_in_index) as ${sql.id("columns")}
    from information_schema.statistics where table_schema = database() group by table_name, index_name
  `.execute(db)
  const columns = await sql<{ name: string; type: string; collation: string | null; nullable: string }>`
    select concat(table_name, '.', column_name) as name, column_type as type, collation_name as collation,
      is_nullable as nullable
    from information_schema.columns where table_schema = database() order by name
  `.execute(db)
  const ours = columns.rows.filter(({ name }) => isOurs(name))
  return { indexes: indexes.rows.filter(({ table }) => isOurs(table)), columns: ours }
}

async function expectSchema(db: Mysql): Promise<void> {
  expect(await tables(db)).toEqual(Object.keys(TABLES))
  const { indexes, columns } = await schema(db)
  const found = Object.fromEntries(indexes.map(({ table, name, columns: of }) => [`${table}.${name}`, of]))
  const expected = Object.entries(TABLES).flatMap(([table, { primary, indexes: more = {} }]) =>
    Object.entries({ PRIMARY: primary, ...more }).map(([name, of]) => [`${table}.${name}`, of]),
  )
  expect(found).toEqual(Object.fromEntries(expected))
  const texts = columns.filter(({ collation }) => collation !== null)
  expect(Object.fromEntries(texts.map(({ name, collation }) => [name, collation]))).toEqual(TEXTS)
  const types = new Map(columns.map(({ name, type }) => [name, type]))
  expect(types.get("messages.number")).toMatch(/^int(\(\d+\))? unsigned$/)
  expect(types.get("messages.revision")).toMatch(/^bigint(\(\d+\))? unsigned$/)
  expect(types.get("messages.created_at")).toBe("datetime(3)")
  expect(types.get("messages.sent_at")).toBe("datetime(3)")
  expect(types.get("messages.sender")).toBe("varbinary(1020)")
  expect(columns.filter(({ nullable }) => nullable === "YES").map(({ name }) => name)).toEqual([
    "chats.metadata",
    "chats.name",
    "messages.metadata",
    "messages.sender",
    "messages.sent_at",
    "pending_index.due_at",
    "search_indexes.building",
    "search_indexes.live",
    "tombstones.expires_at",
    "tombstones.purge_at",
  ])
  const { rows } = await sql<{ count: number }>`select count(*) as count from persist_locks`.execute(db)
  expect(rows).toEqual([{ count: 64 }])
}

/** Reverts every migration, one at a time. Returns how many there were. */
async function allDown(db: Mysql): Promise<number> {
  for (let count = 0; count < MIGRATIONS_MAX; count++) if ((await migrateDown(db)).length === 0) return count
  throw new Error("there is no end of migrations to revert")
}

test("an empty database: brought up, again, down and up: has the schema, nothing, and the same schema", async () => {
  const done = await migrateUp(own.db)
  expect(done).not.toEqual([])
  await expectSchema(own.db)
  const first = await schema(own.db)
  expect(await migrateUp(own.db)).toEqual([])
  expect(await schema(own.db)).toEqual(first)

  expect(await allDown(own.db)).toBe(done.length)
  expect(await tables(own.db)).toEqual([])
  expect(await migrateDown(own.db)).toEqual([])

  expect(await migrateUp(own.db)).toEqual(done)
  expect(await schema(own.db)).toEqual(first)
  await allDown(own.db)
})

/** Returns whether messages have the column. */
const hasColumn = async (db: Mysql, column: string): Promise<boolean> =>
  (await schema(db)).columns.some(({ name }) => name === `messages.${column}`)

test("rows of the first version: brought up and down again: stay as they are, and have no sender, metadata or sent_at", async () => {
  await migrateUp(own.db)
  while (await hasColumn(own.db, "sender")) await migrateDown(own.db)
  const at = "2026-11-28 09:57:56.177"
  await sql`insert into chats (application, number, name, revision, created_at, updated_at)
    values ('a', 1, 'Größe', 7, ${at}, ${at})`.execute(own.db)
  await sql`insert into messages (application, chat, number, body, revision, created_at, updated_at)
    values ('a', 1, 1, 'Größe L', 7, ${at}, ${at})`.execute(own.db)
  const rows = async () => [
    (await sql<object>`select * from chats`.execute(own.db)).rows[0],
    (await sql<object>`select * from messages`.execute(own.db)).rows[0],
  ]
  const [chat, message] = await rows()

  await migrateUp(own.db)
  const none = { metadata: null }
  expect(await rows()).toEqual([
    { ...chat, ...none },
    { ...message, ...none, sender: null, sent_at: null },
  ])
  await sql`update messages set sender = 'x', metadata = '{"a":1}', sent_at = ${at}`.execute(own.db)
  while (await hasColumn(own.db, "sender")) await migrateDown(own.db)
  expect(await rows()).toEqual([chat, message])
  await allDown(own.db)
})

test("two at once: bring the database up: one does, the other finds it done", async () => {
  const other = connectMysql(url)
  try {
    const done = await Promise.all([migrateUp(own.db), migrateUp(other.db)])
    expect(done.map(({ length }) => length > 0).sort()).toEqual([false, true])
    await expectSchema(own.db)
  } finally {
    await other.close()
    await allDown(own.db)
  }
})

test("the commands: migrate, again, as an older release and roll back: say what they did and leave what they should", async () => {
  const command = async (...args: string[]) => {
    const options = { cwd: ROOT, env: childEnvironment({ MYSQL_URL: url }), limitMs: COMMAND_LIMIT_MS }
    const { code, stdout, stderr } = await runNode([join("local", "migrate.ts"), ...args], options)
    expect([code, stderr.replace(/.*Warning.*\n?/g, "")]).toEqual([0, ""])
    return stdout
  }
  expect(await command()).toMatch(/^Up \w+: Success$/m)
  await expectSchema(own.db)
  const whole = await schema(own.db)
  expect(await command()).not.toMatch(/^Up/m)
  await sql`insert into kysely_migration (name, timestamp) values (${NEWER}, '')`.execute(own.db)
  expect(await command("--leave-newer")).toMatch(/^tables: of a newer release$/m)
  expect(await schema(own.db)).toEqual(whole)
  await sql`delete from kysely_migration where name = ${NEWER}`.execute(own.db)
  expect(await command("rollback")).toMatch(/^Down \w+: Success$/m)
  expect(await schema(own.db)).not.toEqual(whole)
})
