import { reachMysql } from "../clients/mysql.ts"
import type { Stores } from "../stores.ts"
import type { ParentKey } from "./read-parent.ts"

/** Has the next count sync copy the counter into its column. */
export async function repairCounters({ mysql }: Stores, { application, chat }: ParentKey): Promise<void> {
  await reachMysql(() =>
    mysql
      .updateTable("counters")
      .set({ dirty: 1 })
      .where("application", "=", application)
      .where("chat", "=", chat)
      .execute(),
  )
}
