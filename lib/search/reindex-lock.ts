import { type Kysely, sql } from "kysely"
import type { Mysql } from "../clients/mysql.ts"
import type { Database } from "../database.ts"

/** Well below the 30 s after which MySQL closes an idle connection, and with it gives the lock of a frozen process away. */
const KEEP_MS = 5_000

/** Somebody else builds an index at this moment. */
export class ReindexRunning extends Error {
  constructor(alias: string) {
    super(`another reindex of ${alias} is running`)
    this.name = "ReindexRunning"
  }
}

/**
 * Runs `work` while nobody else does so for the same database and alias. The lock belongs to a connection, so it ends with
 * the process that holds it, however that ends; `work`'s signal is aborted should it be lost. Throws ReindexRunning.
 */
export async function withReindexLock<T>(
  mysql: Mysql,
  alias: string,
  work: (lost: AbortSignal) => Promise<T>,
): Promise<T> {
  return mysql.connection().execute(async (connection) => {
    const name = sql<string>`concat('reindex ', left(sha2(concat(database(), ' ', ${alias}), 256), 40))`
    if ((await ask(connection, sql`get_lock(${name}, 0)`)) !== 1) throw new ReindexRunning(alias)
    const lost = new AbortController()
    const keep = setInterval(() => {
      ask(connection, sql`is_used_lock(${name}) = connection_id()`)
        .then((held) => held === 1 || lost.abort(new Error("the lock was lost")))
        .catch((error: unknown) => lost.abort(error))
    }, KEEP_MS)
    try {
      return await work(lost.signal)
    } finally {
      clearInterval(keep)
      await ask(connection, sql`release_lock(${name})`).catch(() => undefined)
    }
  })
}

async function ask(connection: Kysely<Database>, question: ReturnType<typeof sql>): Promise<number | undefined> {
  const { answer } = await connection
    .selectNoFrom(question.$castTo<number | null>().as("answer"))
    .executeTakeFirstOrThrow()
  return answer === null ? undefined : Number(answer)
}
