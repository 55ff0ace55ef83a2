import { type RawBuilder, type Selectable, type SqlBool, sql } from "kysely"
import type { Database } from "../database.ts"
import { chatText, type ResourceKey } from "../events.ts"

/**
 * Returns a table to select from by its primary key only, for what is read in the key's order. An index by revision begins
 * with the same columns; an optimizer that prefers it, since it is smaller or its statistics are poor, sorts all rows of
 * the parent for each page.
 */
export const byPrimaryKey = <Table extends "chats" | "messages">(table: Table) =>
  sql<Selectable<Database[Table]>>`${sql.table(table)}`.as<Table>(sql`${sql.table(table)} force index (primary)`)

/** The last column of a key: `messages.number`, or `message` where 0 stands for none. */
type LastColumn = "number" | "message"

/** Matches the rows with exactly these message keys, by one range of the primary key per chat. */
export function keyRanges(keys: ResourceKey[], lastColumn: LastColumn): RawBuilder<SqlBool> {
  const groups = Map.groupBy(keys, chatText)
  const ranges = [...groups.values()].map((group) => {
    const { application, chat } = group[0] as ResourceKey
    const numbers = sql.join(group.map(({ message }) => message))
    return sql`(application = ${application} and chat = ${chat} and ${sql.ref(lastColumn)} in (${numbers}))`
  })
  return sql<SqlBool>`(${sql.join(ranges, sql` or `)})`
}

/** Matches the rows with exactly these keys and revisions; the entries of one purge share a revision. */
export function revisionRanges(entries: (ResourceKey & { revision: number })[]): RawBuilder<SqlBool> {
  const groups = Map.groupBy(entries, chatText)
  const ranges = [...groups.values()].map((group) => {
    const pairs = sql.join(group.map(({ message, revision }) => sql`(${message}, ${revision})`))
    // The keys alone let the primary key be used.
    return sql`(${keyRanges(group, "message")} and (message, revision) in (${pairs}))`
  })
  return sql<SqlBool>`(${sql.join(ranges, sql` or `)})`
}

/** Matches the rows of `chats` (by `chat`, of `counters`) with these keys: one primary key range per application. */
export function chatRanges(
  keys: Pick<ResourceKey, "application" | "chat">[],
  column: "number" | "chat" = "number",
): RawBuilder<SqlBool> {
  const groups = Map.groupBy(keys, ({ application }) => application)
  const ranges = [...groups].map(([application, group]) => {
    const numbers = sql.join(group.map(({ chat }) => chat))
    return sql`(application = ${application} and ${sql.ref(column)} in (${numbers}))`
  })
  return sql<SqlBool>`(${sql.join(ranges, sql` or `)})`
}
