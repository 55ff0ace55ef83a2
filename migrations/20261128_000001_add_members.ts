import { type Kysely, type RawBuilder, sql } from "kysely"

/** Null is what rows had before: no sender, no metadata, no time. */
const COLUMNS: Record<string, Record<string, RawBuilder<unknown>>> = {
  chats: { metadata: sql`text` },
  // As varbinary the sender compares exactly: as utf8mb4_bin 'a' equals 'a ' on both servers. 255 characters have 1,020
  // bytes at most. MySQL's JSON type would sort the names of metadata. datetime(3) gets whole milliseconds, since MySQL
  // rounds what is finer and MariaDB cuts it.
  messages: { sender: sql`varbinary(1020)`, metadata: sql`text`, sent_at: sql`datetime(3)` },
}

/** Returns the names of a table's columns, since a migration that was interrupted between two tables is run again. */
async function columnsOf(db: Kysely<any>, table: string): Promise<Set<string>> {
  const { rows } = await sql<{ name: string }>`
    select column_name as name from information_schema.columns
    where table_schema = database() and table_name = ${table}
  `.execute(db)
  return new Set(rows.map(({ name }) => name))
}

/** MySQL 8.4 and MariaDB 10.11 do it without touching a row, and refuse the statement if they could not. */
async function alter(db: Kysely<any>, table: string, clauses: RawBuilder<unknown>[]): Promise<void> {
  if (clauses.length === 0) return
  await sql`alter table ${sql.id(table)} ${sql.join(clauses)}, algorithm = instant`.execute(db)
}

export async function up(db: Kysely<any>): Promise<void> {
  for (const [table, columns] of Object.entries(COLUMNS)) {
    const present = await columnsOf(db, table)
    const missing = Object.entries(columns).filter(([name]) => !present.has(name))
    await alter(
      db,
      table,
      missing.map(([name, type]) => sql`add column ${sql.id(name)} ${type}`),
    )
  }
}

export async function down(db: Kysely<any>): Promise<void> {
  for (const [table, columns] of Object.entries(COLUMNS)) {
    const present = await columnsOf(db, table)
    const names = Object.keys(columns).filter((name) => present.has(name))
    await alter(
      db,
      table,
      names.map((name) => sql`drop column ${sql.id(name)}`),
    )
  }
}
