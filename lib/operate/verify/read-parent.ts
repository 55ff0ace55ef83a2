import { sql } from "kysely"
import { byPrimaryKey } from "../../clients/key-ranges.ts"
import { type Mysql, reachMysql } from "../../clients/mysql.ts"

/** An application (`chat` 0) or a chat, as the parent of numbers. */
export type ParentKey = { application: string; chat: number }

/** What MySQL knows of a parent at one moment. */
export type Parent = {
  rows: number
  /** Rows and tombstones below it in the range asked for. */
  rowsIn: number
  tombstonesIn: number
  /** The greatest number of a row below it, if any. */
  greatest: number | null
  /** The counter's `highest`; null without a counter. */
  highest: number | null
  live: number | null
  fenced: number
  isDirty: boolean
  /** Its own count column; null without a row. */
  count: number | null
  createdAt: Date | null
  applicationLives: boolean
  /** Whether it or its application has a tombstone, and whether rows below that are still to be removed. */
  isDeleted: boolean
  isPurging: boolean
}

type Row = Record<"rowsAll" | "rowsIn" | "tombstonesIn" | "applicationLives" | "deleted" | "purging", number> &
  Record<"greatest" | "highest" | "live" | "fenced" | "dirty" | "count", number | null> & { createdAt: Date | null }

/**
 * Reads a parent by one statement, so that rows, tombstones, counter and column are of one moment, since transactions
 * change them together. `range` includes both ends. Costs a walk over the keys below the parent.
 */
export async function readParent(
  mysql: Mysql,
  { application, chat }: ParentKey,
  [from, to]: [from: number, to: number],
): Promise<Parent> {
  const ofChat = sql`application = ${application} and chat = ${chat}`
  const children = chat === 0 ? sql`chats where application = ${application}` : sql`messages where ${ofChat}`
  const removed = chat === 0 ? sql`application = ${application} and message = 0 and chat` : sql`${ofChat} and message`
  const own =
    chat === 0
      ? sql`applications where token = ${application}`
      : sql`chats where application = ${application} and number = ${chat}`
  const column = sql.ref(chat === 0 ? "chats_count" : "messages_count")
  const above = sql`tombstones where application = ${application} and chat in (0, ${chat}) and message = 0`
  const { rows } = await reachMysql(() =>
    sql<Row>`select
      (select count(*) from ${children}) as ${sql.ref("rowsAll")},
      (select count(*) from ${children} and number between ${from} and ${to}) as ${sql.ref("rowsIn")},
      (select max(number) from ${children}) as ${sql.ref("greatest")},
      (select count(*) from tombstones where ${removed} between greatest(${from}, 1) and ${to}) as ${sql.ref("tombstonesIn")},
      (select highest from counters where ${ofChat}) as ${sql.ref("highest")},
      (select live from counters where ${ofChat}) as ${sql.ref("live")},
      (select fenced from counters where ${ofChat}) as ${sql.ref("fenced")},
      (select dirty from counters where ${ofChat}) as ${sql.ref("dirty")},
      (select ${column} from ${own}) as ${sql.ref("count")},
      (select created_at from ${own}) as ${sql.ref("createdAt")},
      (select count(*) from applications where token = ${application}) as ${sql.ref("applicationLives")},
      (select count(*) from ${above}) as ${sql.ref("deleted")},
      (select count(*) from ${above} and purge_at is not null) as ${sql.ref("purging")}`.execute(mysql),
  )
  const row = rows[0] as Row
  const { rowsAll, rowsIn, tombstonesIn, greatest, highest, live, fenced, dirty, count, createdAt } = row
  return {
    rows: rowsAll,
    rowsIn,
    tombstonesIn,
    greatest,
    highest,
    live,
    fenced: fenced ?? 0,
    isDirty: dirty === 1,
    count,
    createdAt,
    applicationLives: row.applicationLives > 0,
    isDeleted: row.deleted > 0,
    isPurging: row.purging > 0,
  }
}

/** Returns the least number of the chat's messages created after `since`, or null. Walks the chat. */
export async function firstSince(mysql: Mysql, { application, chat }: ParentKey, since: Date): Promise<number | null> {
  const row = await reachMysql(() =>
    mysql
      .selectFrom(byPrimaryKey("messages"))
      .select("number")
      .where("application", "=", application)
      .where("chat", "=", chat)
      .where("created_at", ">", since)
      .orderBy("number")
      .limit(1)
      .executeTakeFirst(),
  )
  return row?.number ?? null
}
