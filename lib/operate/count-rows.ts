/** Counts the rows below parents within the caller's snapshot, a statement for each piece of the primary key. */
import type { Kysely } from "kysely"
import { byPrimaryKey } from "../clients/key-ranges.ts"
import { reachMysql } from "../clients/mysql.ts"
import { after } from "../clients/walk.ts"
import type { Database } from "../database.ts"

/** Chats counted in one snapshot and corrected in one transaction. */
export const CHATS_MAX = 200
/** Rows per statement: some tens of milliseconds. */
const PIECE_ROWS = 20_000

type Db = Kysely<Database>
/** A parent in one snapshot. */
export type Parent = {
  application: string
  chat: number
  column: number
  live: number
  highest: number
  dirty: number
  counted: number
  greatest: number
}

/** Returns the application with its chats counted, or nothing if it does not live. */
export async function countChats(tx: Db, application: string): Promise<Parent[]> {
  const row = await reachMysql(() =>
    tx
      .selectFrom("applications")
      .leftJoin("counters", (join) => join.onRef("counters.application", "=", "token").on("counters.chat", "=", 0))
      .select((eb) => [
        "chats_count",
        "live",
        "highest",
        "dirty",
        eb
          .selectFrom("tombstones")
          .select(({ fn }) => fn.max<number | null>("chat").as("greatest"))
          .where("application", "=", application)
          .as("greatest_deleted"),
      ])
      .where("token", "=", application)
      .executeTakeFirst(),
  )
  if (!row) return []
  let counted = 0
  let greatest = row.greatest_deleted ?? 0
  for (let after = 0, rows = PIECE_ROWS; rows === PIECE_ROWS; ) {
    const piece = tx
      .selectFrom(byPrimaryKey("chats"))
      .select("number")
      .where("application", "=", application)
      .where("number", ">", after)
      .orderBy("number")
      .limit(PIECE_ROWS)
    const sum = await reachMysql(() =>
      tx
        .selectFrom(piece.as("piece"))
        .select(({ fn }) => [fn.countAll<number>().as("rows"), fn.max<number | null>("number").as("last")])
        .executeTakeFirstOrThrow(),
    )
    rows = Number(sum.rows)
    counted += rows
    after = sum.last ?? after
    greatest = Math.max(greatest, after)
  }
  const { chats_count, live, highest, dirty } = row
  return [{ application, chat: 0, column: chats_count, ...counterOf({ live, highest, dirty }), counted, greatest }]
}

const counterOf = (row: { live: number | null; highest: number | null; dirty: number | null }) => ({
  live: row.live ?? 0,
  highest: row.highest ?? 0,
  dirty: row.dirty ?? 0,
})

/** Returns the next chats after a number, with their messages counted. */
export async function countMessages(tx: Db, application: string, after: number): Promise<Parent[]> {
  const rows = await reachMysql(() =>
    tx
      .selectFrom(byPrimaryKey("chats"))
      .leftJoin("counters", (join) =>
        join.onRef("counters.application", "=", "chats.application").onRef("counters.chat", "=", "chats.number"),
      )
      .select((eb) => [
        "chats.number",
        "messages_count",
        "live",
        "highest",
        "dirty",
        eb
          .selectFrom("tombstones")
          .select(({ fn }) => fn.max<number | null>("message").as("greatest"))
          .where("application", "=", application)
          .whereRef("chat", "=", "chats.number")
          .as("greatest_deleted"),
      ])
      .where("chats.application", "=", application)
      .where("chats.number", ">", after)
      .orderBy("chats.number")
      .limit(CHATS_MAX)
      .execute(),
  )
  const parents = new Map(
    rows.map(({ number, messages_count, greatest_deleted, ...row }): [number, Parent] => [
      number,
      {
        application,
        chat: number,
        column: messages_count,
        ...counterOf(row),
        counted: 0,
        greatest: greatest_deleted ?? 0,
      },
    ]),
  )
  const last = rows.at(-1)?.number
  if (last === undefined) return []
  // A piece may end within a chat or span many.
  for (let at = { chat: after, number: Number.MAX_SAFE_INTEGER }, rows = PIECE_ROWS; rows === PIECE_ROWS; ) {
    const sums = await reachMysql(() => countPiece(tx, application, at, last))
    rows = 0
    for (const { chat, count, greatest } of sums) {
      rows += Number(count)
      at = { chat, number: greatest }
      const parent = parents.get(chat)
      if (!parent) continue
      parent.counted += Number(count)
      parent.greatest = Math.max(parent.greatest, greatest)
    }
  }
  return [...parents.values()]
}

function countPiece(tx: Db, application: string, at: { chat: number; number: number }, lastChat: number) {
  const piece = tx
    .selectFrom(byPrimaryKey("messages"))
    .select(["chat", "number"])
    .where("application", "=", application)
    .where(after(["chat", "number"], at))
    .where("chat", "<=", lastChat)
    .orderBy("chat")
    .orderBy("number")
    .limit(PIECE_ROWS)
  return tx
    .selectFrom(piece.as("piece"))
    .select(({ fn }) => ["chat", fn.countAll<number>().as("count"), fn.max("number").as("greatest")])
    .groupBy("chat")
    .orderBy("chat")
    .execute()
}
