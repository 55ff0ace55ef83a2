import { type Kysely, sql } from "kysely"

/** By application, and by chat of it, in the order of writing: a page of changes is a range of one of them. */
const INDEXES: Record<string, Record<string, string[]>> = {
  messages: {
    messages_by_revision: ["application", "revision"],
    messages_by_chat_revision: ["application", "chat", "revision"],
  },
  chats: { chats_by_revision: ["application", "revision"] },
  tombstones: {
    tombstones_by_revision: ["application", "revision"],
    tombstones_by_chat_revision: ["application", "chat", "revision"],
  },
}

/** Returns the names of a table's indexes, since a migration that was interrupted between two tables is run again. */
async function indexesOf(db: Kysely<any>, table: string): Promise<Set<string>> {
  const { rows } = await sql<{ name: string }>`
    select distinct index_name as name from information_schema.statistics
    where table_schema = database() and table_name = ${table}
  `.execute(db)
  return new Set(rows.map(({ name }) => name))
}

export async function up(db: Kysely<any>): Promise<void> {
  for (const [table, indexes] of Object.entries(INDEXES)) {
    const present = await indexesOf(db, table)
    const added = Object.entries(indexes)
      .filter(([name]) => !present.has(name))
      .map(([name, columns]) => sql`add index ${sql.id(name)} (${sql.join(columns.map((column) => sql.id(column)))})`)
    if (added.length === 0) continue
    // All of a table in one pass over its rows. The clauses refuse anything that would stop writes meanwhile.
    await sql`alter table ${sql.id(table)} ${sql.join(added)}, algorithm = inplace, lock = none`.execute(db)
  }
}

export async function down(db: Kysely<any>): Promise<void> {
  for (const [table, indexes] of Object.entries(INDEXES)) {
    const present = await indexesOf(db, table)
    const names = Object.keys(indexes).filter((name) => present.has(name))
    if (names.length === 0) continue
    const dropped = names.map((name) => sql`drop index ${sql.id(name)}`)
    await sql`alter table ${sql.id(table)} ${sql.join(dropped)}`.execute(db)
  }
}
