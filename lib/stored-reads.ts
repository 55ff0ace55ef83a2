/**
 * DESIGN. Clients' reads of MySQL go to its reader, if there is one. A reader lags, so it may lack the latest commits: the
 * outbox still has those, as long as the reader lags by less than the configured time (lib/outbox/retention.ts). What a
 * write is based on is read at the writer, and so is whatever the reader lacks or fails to answer.
 */
import { type Mysql, reachMysql, readMysql } from "./clients/mysql.ts"
import { DependencyAway } from "./errors.ts"
import { describeError, log } from "./log.ts"
import type { Stores } from "./stores.ts"

/** Shorter than a read's time at the writer, which must still fit into the request. Reads by key take milliseconds. */
const READER_TIMEOUT_MS = 1_000
/** Of the line that says that the reader refuses statements, which each read would write. */
const LOG_EACH_MS = 30_000

let loggedAt = Number.NEGATIVE_INFINITY

/**
 * Runs a client's read at the reader, or at the writer if there is none, if the reader does not answer, or if it `lacks`
 * a row that the outbox has not got either. Throws as readMysql does.
 */
export async function readStored<T>(
  stores: Stores,
  query: (db: Mysql) => Promise<T>,
  lacks: (found: T) => boolean = () => false,
): Promise<T> {
  const { mysql, mysqlReader } = stores
  const read = mysqlReader && (await askReader(() => query(mysqlReader)))
  return read && !lacks(read.found) ? read.found : readMysql(() => query(mysql))
}

/** Returns what the reader answers, or undefined if it does not. */
export async function askReader<T>(query: () => Promise<T>): Promise<{ found: T } | undefined> {
  try {
    return { found: await reachMysql(query, READER_TIMEOUT_MS) }
  } catch (error) {
    noteRefusal(error)
    return undefined
  }
}

/** Returns the same stores without the reader, for reads on which a write is based. */
export function atWriter(stores: Stores): Stores {
  if (stores.mysqlReader === undefined) return stores
  const { mysqlReader: _, ...others } = stores
  return others
}

/** Logs an error that the reader answered with, such as an unknown table. The breaker reports that it is away. */
function noteRefusal(error: unknown): void {
  const cause = error instanceof DependencyAway ? error.cause : error
  const isAnswered = typeof cause === "object" && cause !== null && "sqlState" in cause
  if (!isAnswered || performance.now() - loggedAt < LOG_EACH_MS) return
  loggedAt = performance.now()
  log.warn("the reader of MySQL refuses a read", { error: describeError(cause, 1) })
}
