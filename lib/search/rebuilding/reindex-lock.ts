import { sql } from "kysely"
import type { Mysql } from "../../clients/mysql.ts"
import { withNamedLock } from "../../clients/named-lock.ts"

/** Well below the 30 s after which MySQL drops a frozen process's idle connection, and with it the lock. */
const KEEP_MS = 5_000

export class ReindexRunning extends Error {
  constructor(alias: string) {
    super(`another reindex of ${alias} is running`)
    this.name = "ReindexRunning"
  }
}

/** Runs `work` as the only builder of the alias; aborts its signal if the lock is lost. Throws ReindexRunning. */
export async function withReindexLock<T>(
  mysql: Mysql,
  alias: string,
  work: (lost: AbortSignal) => Promise<T>,
): Promise<T> {
  const name = sql<string>`concat('reindex ', left(sha2(concat(database(), ' ', ${alias}), 256), 40))`
  return withNamedLock(
    mysql,
    name,
    () => new ReindexRunning(alias),
    async ({ isHeld }) => {
      const lost = new AbortController()
      const keep = setInterval(() => {
        isHeld()
          .then((held) => held || lost.abort(new Error("the lock was lost")))
          .catch((error: unknown) => lost.abort(error))
      }, KEEP_MS)
      return work(lost.signal).finally(() => clearInterval(keep))
    },
  )
}
