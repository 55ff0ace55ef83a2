import { type RawBuilder, sql } from "kysely"
import type { Mysql } from "./mysql.ts"

type NamedLock = { connection: Mysql; isHeld(): Promise<boolean> }

/** Runs `work` under the lock, or throws `taken()`. Locks are server-wide, so `name` should depend on the database. */
export async function withNamedLock<T>(
  mysql: Mysql,
  name: RawBuilder<string>,
  taken: () => Error,
  work: (lock: NamedLock) => Promise<T>,
): Promise<T> {
  return mysql.connection().execute(async (connection) => {
    const isTrue = async (question: RawBuilder<number | null>): Promise<boolean> => {
      const { answer } = await connection.selectNoFrom(question.as("answer")).executeTakeFirstOrThrow()
      return Number(answer) === 1
    }
    if (!(await isTrue(sql`get_lock(${name}, 0)`))) throw taken()
    try {
      return await work({ connection, isHeld: () => isTrue(sql`is_used_lock(${name}) = connection_id()`) })
    } finally {
      // A lost connection has lost the lock, too.
      await isTrue(sql`release_lock(${name})`).catch(() => undefined)
    }
  })
}
