/**
 * DESIGN. The persist transaction keeps `counters.live` exact and marks the counter dirty; the sync copies it into the
 * count column of its parent. So the cost grows with what changed, several syncs share the work (each takes rows that no
 * other has locked), and running it again changes nothing.
 */
import { reachMysql } from "../clients/mysql.ts"
import type { Stores } from "../stores.ts"

/** A transaction of this size takes well under 100 ms, so that persisting hardly waits for it. */
const BATCH = 200

/** Copies dirty counters, for about `budgetMs` at most. Answers how many. */
export async function syncCounts(stores: Stores, budgetMs: number): Promise<number> {
  const deadline = performance.now() + budgetMs
  let synced = 0
  while (performance.now() < deadline) {
    const count = await reachMysql(() => syncBatch(stores))
    synced += count
    if (count < BATCH) break
  }
  return synced
}

async function syncBatch({ mysql }: Stores): Promise<number> {
  return mysql.transaction().execute(async (tx) => {
    const dirty = await tx
      .selectFrom("counters")
      .select(["application", "chat", "live"])
      .where("dirty", "=", 1)
      .limit(BATCH)
      .forUpdate()
      .skipLocked()
      .execute()
    for (const { application, chat, live } of dirty) {
      if (chat === 0) {
        await tx.updateTable("applications").set({ chats_count: live }).where("token", "=", application).execute()
      } else {
        await tx
          .updateTable("chats")
          .set({ messages_count: live })
          .where("application", "=", application)
          .where("number", "=", chat)
          .execute()
      }
      await tx
        .updateTable("counters")
        .set({ dirty: 0 })
        .where("application", "=", application)
        .where("chat", "=", chat)
        .execute()
    }
    return dirty.length
  })
}
