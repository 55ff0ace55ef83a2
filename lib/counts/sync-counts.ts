/**
 * DESIGN. The persist transaction keeps `counters.live` exact and marks the counter dirty; the sync copies it into its
 * parent's count column. So the cost grows with what changed, several syncs share the work (each skips rows that
 * another has locked), and running it again changes nothing.
 */

import { chatRanges } from "../clients/key-ranges.ts"
import { isDeadlock, reachMysql } from "../clients/mysql.ts"
import type { Stores } from "../stores.ts"

/**
 * Counters per transaction: it takes some tens of milliseconds, so persisting, which locks the same rows, hardly waits.
 * Statements are few, since in a process that serves requests each waits for its turn.
 */
const BATCH = 200

/** Copies dirty counters for about `budgetMs` at most. Returns how many. */
export async function syncCounts(stores: Stores, budgetMs: number): Promise<number> {
  const deadline = performance.now() + budgetMs
  let synced = 0
  while (performance.now() < deadline) {
    const count = await reachMysql(() => unlessDeadlock(syncBatch(stores)))
    // A persist transaction locks parents before counters, so the two may deadlock; it goes on, and this begins again.
    if (count === undefined) continue
    synced += count
    if (count < BATCH) break
  }
  return synced
}

async function unlessDeadlock<T>(transaction: Promise<T>): Promise<T | undefined> {
  try {
    return await transaction
  } catch (error) {
    if (isDeadlock(error)) return undefined
    throw error
  }
}

async function syncBatch({ mysql }: Stores): Promise<number> {
  return mysql.transaction().execute(async (tx) => {
    const dirty = await tx
      .selectFrom("counters")
      .select(["application", "chat"])
      .where("dirty", "=", 1)
      .limit(BATCH)
      .forUpdate()
      .skipLocked()
      .execute()
    const applications = dirty.flatMap(({ application, chat }) => (chat === 0 ? [application] : []))
    const chats = dirty.filter(({ chat }) => chat > 0)
    if (applications.length > 0) {
      await tx
        .updateTable("applications")
        .set(({ selectFrom }) => ({
          chats_count: selectFrom("counters")
            .select("live")
            .whereRef("counters.application", "=", "applications.token")
            .where("counters.chat", "=", 0)
            .$asScalar()
            .$notNull(),
        }))
        .where("token", "in", applications)
        .execute()
    }
    if (chats.length > 0) {
      await tx
        .updateTable("chats")
        .set(({ selectFrom }) => ({
          messages_count: selectFrom("counters")
            .select("live")
            .whereRef("counters.application", "=", "chats.application")
            .whereRef("counters.chat", "=", "chats.number")
            .$asScalar()
            .$notNull(),
        }))
        .where(chatRanges(chats))
        .execute()
    }
    if (dirty.length > 0) await tx.updateTable("counters").set({ dirty: 0 }).where(chatRanges(dirty, "chat")).execute()
    return dirty.length
  })
}
