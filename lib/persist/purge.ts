/**
 * DESIGN. The tombstone of an application or chat hides everything below it at once. Rows are then removed in bounded
 * batches, each one transaction that also notes the documents to delete. The tombstone stays, so nothing can come back.
 * Whoever claims it first postpones `purge_at`, so that purgers do not repeat each other's work.
 */
import { sql } from "kysely"
import { byPrimaryKey, keyRanges } from "../clients/key-ranges.ts"
import { reachMysql } from "../clients/mysql.ts"
import type { IndexEvent } from "../events.ts"
import type { Stores } from "../stores.ts"

/** A transaction of this size takes about 50 ms and locks little. */
const BATCH_ROWS = 500
/** After this, another purger takes over from a dead one, and the relay resends a lost index event. */
const CLAIM_MS = 60_000
/** Expired message tombstones deleted per statement; nothing waits for them. */
const EXPIRED_BATCH_ROWS = 1_000

type Tombstone = { application: string; chat: number; revision: number }

/** Removes the rows below tombstones that are due, for about `budgetMs` at most. */
export async function purgeDue(stores: Stores, budgetMs: number): Promise<void> {
  const deadline = performance.now() + budgetMs
  while (performance.now() < deadline) {
    const tombstone = await reachMysql(() => claim(stores))
    if (!tombstone) return
    let more = true
    while (more && performance.now() < deadline) more = await reachMysql(() => purgeBatch(stores, tombstone))
    await reachMysql(() => setPurgeAt(stores, tombstone, more ? new Date() : null))
  }
}

/** Removes message tombstones that no queued event can need any more, for about `budgetMs`. */
export async function removeExpiredTombstones({ mysql }: Stores, budgetMs: number): Promise<void> {
  const deadline = performance.now() + budgetMs
  for (let removed = EXPIRED_BATCH_ROWS; removed >= EXPIRED_BATCH_ROWS && performance.now() < deadline; ) {
    const result = await reachMysql(() =>
      mysql
        .deleteFrom("tombstones")
        .where("expires_at", "<", new Date())
        .limit(EXPIRED_BATCH_ROWS)
        .executeTakeFirstOrThrow(),
    )
    removed = Number(result.numDeletedRows)
  }
}

async function claim({ mysql }: Stores): Promise<Tombstone | undefined> {
  return mysql.transaction().execute(async (tx) => {
    const tombstone = await tx
      .selectFrom("tombstones")
      .select(["application", "chat", "revision"])
      .where("purge_at", "<=", new Date())
      .orderBy("purge_at")
      .limit(1)
      .forUpdate()
      .skipLocked()
      .executeTakeFirst()
    if (!tombstone) return undefined
    await tx
      .updateTable("tombstones")
      .set({ purge_at: new Date(Date.now() + CLAIM_MS) })
      .where("application", "=", tombstone.application)
      .where("chat", "=", tombstone.chat)
      .where("message", "=", 0)
      .execute()
    return tombstone
  })
}

async function setPurgeAt({ mysql }: Stores, { application, chat }: Tombstone, purge_at: Date | null): Promise<void> {
  await mysql
    .updateTable("tombstones")
    .set({ purge_at })
    .where("application", "=", application)
    .where("chat", "=", chat)
    .where("message", "=", 0)
    .execute()
}

/** Removes one batch below the tombstone. Returns whether more may be left. */
async function purgeBatch(stores: Stores, { application, chat, revision }: Tombstone): Promise<boolean> {
  const { mysql, queues } = stores
  const keys = await mysql.transaction().execute(async (tx) => {
    let query = tx
      .selectFrom(byPrimaryKey("messages"))
      .select(["chat", "number"])
      .where("application", "=", application)
    if (chat > 0) query = query.where("chat", "=", chat)
    const rows = await query.orderBy("chat").orderBy("number").limit(BATCH_ROWS).execute()
    if (rows.length === 0) return []
    const found = rows.map((row) => ({ application, chat: row.chat, message: row.number }))
    const due_at = new Date(Date.now() + CLAIM_MS)
    await tx
      .insertInto("pending_index")
      .values(found.map((key) => ({ ...key, revision, due_at })))
      .onDuplicateKeyUpdate({ revision: sql<number>`greatest(revision, values(revision))`, due_at })
      .execute()
    await tx.deleteFrom("messages").where(keyRanges(found, "number")).execute()
    return found
  })
  if (keys.length > 0) {
    const events = keys.map((key): IndexEvent => ({ revision: String(revision), ...key }))
    // pending_index holds what could not be sent.
    await queues.index.send(events).catch(() => undefined)
    return true
  }
  return removeParents(stores, application, chat)
}

/** Removes the counters and a deleted application's chats, after the messages. Returns whether more may be left. */
async function removeParents({ mysql }: Stores, application: string, chat: number): Promise<boolean> {
  const counters = mysql.deleteFrom("counters").where("application", "=", application)
  if (chat > 0) {
    await counters.where("chat", "=", chat).execute()
    return false
  }
  const chats = await mysql
    .deleteFrom("chats")
    .where("application", "=", application)
    .limit(BATCH_ROWS)
    .executeTakeFirst()
  const counted = await counters.limit(BATCH_ROWS).executeTakeFirst()
  return chats.numDeletedRows + counted.numDeletedRows > 0n
}
