import { reachMysql } from "../../clients/mysql.ts"
import type { Stores } from "../../stores.ts"

/** Returns whether the application exists or existed: in the outbox, or in MySQL as a row or a tombstone. */
export async function isKnown({ outbox, mysql }: Stores, application: string): Promise<boolean> {
  const key = { application, chat: 0, message: 0 }
  const { entries } = await outbox.read(application, 0, [key])
  if (entries[0]) return true
  const row = await reachMysql(() =>
    mysql
      .selectNoFrom((eb) => [
        eb.selectFrom("applications").select("token").where("token", "=", application).as("living"),
        eb
          .selectFrom("tombstones")
          .select("application")
          .where("application", "=", application)
          .where("chat", "=", 0)
          .where("message", "=", 0)
          .as("deleted"),
      ])
      .executeTakeFirstOrThrow(),
  )
  return row.living !== null || row.deleted !== null
}
