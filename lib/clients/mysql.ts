import type { Socket } from "node:net"
import { Kysely, type LogEvent, MysqlDialect, sql } from "kysely"
import type { Pool, PoolConnection } from "mysql2"
import type { Database } from "../database.ts"
import { withDeadline } from "../deadline.ts"
import { DependencyAway } from "../errors.ts"
import { createBreaker, type Watch } from "./breaker.ts"
import { guardPool } from "./mysql-pool.ts"

/**
 * So many statements of one process are under way at a time. With fewer, requests wait for a connection and come back one
 * by one, each with a turn of the event loop and a write to Redis of its own: with six a read costs a tenth more.
 * docker-compose.yml's MySQL takes a hundred; an instance of AWS Lambda, with one request at a time, uses one or two.
 */
const CONNECTIONS_MAX = 16
const CONNECT_TIMEOUT_MS = 1_000
/** A connection that does not answer a good-bye is dropped after this, so that a process that is done ends. */
const CLOSE_TIMEOUT_MS = 1_000
/** Requests beyond this many waiting for a connection are refused at once: MySQL is away or hangs. */
const WAITING_MAX = 500
/** A connection is free again within milliseconds: who has waited this long had better answer 503. */
const WAIT_MAX_MS = 2_000
/** An idle connection is closed after this, before MySQL does so … */
const IDLE_TIMEOUT_MS = 15_000
/** … which it does also amid a transaction: what a frozen process had locked is free again after this. */
const SERVER_IDLE_TIMEOUT_SECONDS = 30
/** Transactions take milliseconds: one that waits longer for a lock had better let its connection go and come again. */
const LOCK_TIMEOUT_SECONDS = 3
/** Statements are by key and take milliseconds, with a lock to wait for three seconds: after this MySQL hangs. */
const STATEMENT_TIMEOUT_MS = 4_000
/** A batch's transaction takes well under a second. */
const ANSWER_TIMEOUT_MS = 5_000
/** What a request reads, it reads without locks: its client need not wait as long. */
const READ_TIMEOUT_MS = 2_500

/** What every connection is set to. The isolation in the words of SQL: its variable's name differs between servers. */
const SESSION = [
  "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
  `SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION', SESSION innodb_lock_wait_timeout = ${LOCK_TIMEOUT_SECONDS}, SESSION wait_timeout = ${SERVER_IDLE_TIMEOUT_SECONDS}`,
]

/** SQLSTATE classes of errors that lie in the data (22: value, 23: constraint): anything else is MySQL's state. */
const DATA_ERROR = /^2[23]/

export type Mysql = Kysely<Database>
export type MysqlClient = { db: Mysql; close(): Promise<void> }

/** For a union with a column of numbers, which are unsigned here: with a signed zero it would answer decimals. */
export const UNSIGNED_ZERO = sql<number>`cast(0 as unsigned)`

type QueryLog = (event: LogEvent) => void

/**
 * A pool of connections at READ COMMITTED, strict, UTC, utf8mb4. Connects on first use. With `watch` every statement has
 * a time-out and a breaker stands before MySQL; without, as a migration needs it, a statement may take its time.
 */
export function connectMysql(url: string, { log, watch }: { log?: QueryLog; watch?: Watch } = {}): MysqlClient {
  let opening: ReturnType<typeof openPool> | undefined
  const limits = {
    connectionsMax: CONNECTIONS_MAX,
    waitingMax: WAITING_MAX,
    waitMaxMs: WAIT_MAX_MS,
    statementTimeoutMs: STATEMENT_TIMEOUT_MS,
  }
  const breaker = watch && createBreaker("mysql", watch)
  const db = new Kysely<Database>({
    dialect: new MysqlDialect({
      pool: async () => {
        opening ??= openPool(url)
        const { pool } = await opening
        return breaker === undefined ? pool : guardPool(pool, breaker, limits)
      },
    }),
    ...(log === undefined ? {} : { log }),
  })
  return { db, close: async () => (await opening)?.close() }
}

/** The pool, which opens its connections as they are needed. */
async function openPool(url: string): Promise<{ pool: Pool; close(): Promise<void> }> {
  // Loaded when it is first asked for: a creation does not ask, and would be answered 12 ms later in a new process.
  const { createPool } = await import("mysql2")
  const pool = createPool({
    uri: url,
    charset: "utf8mb4_bin",
    timezone: "Z",
    connectionLimit: CONNECTIONS_MAX,
    connectTimeout: CONNECT_TIMEOUT_MS,
    idleTimeout: IDLE_TIMEOUT_MS,
    // Below the limit, or the idle time-out is not looked at.
    maxIdle: CONNECTIONS_MAX - 1,
    enableKeepAlive: true,
    supportBigNumbers: true,
    bigNumberStrings: false,
  })
  const sockets = new Set<Socket>()
  pool.on("connection", (connection) => {
    // A connection has its socket; its type does not tell.
    const { stream } = connection as PoolConnection & { stream: Socket }
    sockets.add(stream)
    stream.once("close", () => sockets.delete(stream))
    for (const statement of SESSION) {
      // What waits for a connection that is not as it must be is told why.
      connection.query(statement, (error) => error && stream.destroy(error))
    }
  })
  const close = () =>
    new Promise<void>((resolve) => {
      const dropAll = () => {
        for (const socket of sockets) socket.destroy()
        resolve()
      }
      const timer = setTimeout(dropAll, CLOSE_TIMEOUT_MS)
      pool.end(() => {
        clearTimeout(timer)
        resolve()
      })
    })
  return { pool, close }
}

/** The driver's errors for a pool or connection that was closed have no code. */
const CLOSED = /^(Pool is closed|Can't (add new command|write) .*closed state)/

type MysqlError = Error & { code?: string; errno?: number; sqlState?: string }

/** By its shape: an error of Node's own may come from another realm, where `instanceof Error` is false. */
const isMysqlError = (error: unknown): error is MysqlError =>
  typeof error === "object" && error !== null && "code" in error

/** Whether the error lies in the data that was sent, so that sending it again cannot help. */
export const isDataError = (error: unknown): boolean =>
  isMysqlError(error) && error.sqlState !== undefined && DATA_ERROR.test(error.sqlState)

/** The name of a data error, such as ER_DATA_TOO_LONG. Its message is kept back: it may quote the data. */
export const dataErrorCode = (error: unknown): string => (isMysqlError(error) && error.code) || "unknown"

/** Whether the transaction was rolled back for the sake of another and may simply be run again. */
export const isDeadlock = (error: unknown): boolean => isMysqlError(error) && error.code === "ER_LOCK_DEADLOCK"

/**
 * Runs `query`; a failure that is not one of the data or of the SQL text, and no answer in time, become a DependencyAway.
 * What was not answered in time may still be done.
 */
export async function reachMysql<T>(query: () => Promise<T>, timeoutMs = ANSWER_TIMEOUT_MS): Promise<T> {
  try {
    return await withDeadline(timeoutMs, query(), () => new DependencyAway("mysql", new Error("no answer in time")))
  } catch (error) {
    throw asAway(error)
  }
}

/** What a failed query means: the error itself where it is one of the data or of the SQL text, else a DependencyAway. */
export const asAway = (error: unknown): unknown =>
  error instanceof DependencyAway || isFault(error) ? error : new DependencyAway("mysql", error)

/** What a request reads: as reachMysql, with a shorter time. */
export const readMysql = <T>(query: () => Promise<T>): Promise<T> => reachMysql(query, READ_TIMEOUT_MS)

/** 42: a syntax error or unknown column is ours; an unknown table or database is a store that is not prepared yet. */
function isFault(error: unknown): boolean {
  if (!isMysqlError(error)) return !(error instanceof Error && CLOSED.test(error.message))
  if (isDataError(error)) return true
  const unprepared = error.code === "ER_NO_SUCH_TABLE" || error.code === "ER_BAD_DB_ERROR"
  return !unprepared && (error.sqlState?.startsWith("42") ?? false)
}
