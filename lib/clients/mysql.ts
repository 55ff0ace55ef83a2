import type { Socket } from "node:net"
import { Kysely, type LogEvent, MysqlDialect, sql } from "kysely"
import type { Pool, PoolConnection, RowDataPacket } from "mysql2"
import type { Database } from "../database.ts"
import { withDeadline } from "../deadline.ts"
import { DependencyAway } from "../errors.ts"
import { isInCloud } from "../in-cloud.ts"
import { createBreaker, type Watch } from "./breaker.ts"
import { guardPool } from "./mysql-pool.ts"

/**
 * Bounds a process's concurrent statements. With six, requests resume one by one, each with an event-loop turn and a
 * Redis write of its own, and a read costs a tenth more. docker-compose.yml's MySQL takes a hundred connections.
 */
const CONNECTIONS_MAX = 16
/**
 * Of an instance of AWS Lambda, which serves one request or batch at a time and uses one or two: there are many
 * instances, and MySQL's connections must suffice for all of them. The rest is for a connection that is being dropped.
 */
const CONNECTIONS_MAX_IN_LAMBDA = 4
/** The same to a reader, which no transaction uses. */
const READER_CONNECTIONS_MAX_IN_LAMBDA = 2
const CONNECT_TIMEOUT_MS = 1_000
/** A connection that does not close within this is dropped, so that a finished process can end. */
const CLOSE_TIMEOUT_MS = 1_000
/** Requests beyond this many in line for a connection are refused at once: MySQL is away or hangs. */
const WAITING_MAX = 500
/** Connections are free again within milliseconds, so a longer wait ends in 503. */
const WAIT_MAX_MS = 2_000
/** Closes an idle connection before the server does. */
const IDLE_TIMEOUT_MS = 15_000
/** The server also closes connections idle inside a transaction, which frees a frozen process's locks. */
const SERVER_IDLE_TIMEOUT_SECONDS = 30
/** Transactions take milliseconds; one that waits longer for a lock gives up its connection and is retried. */
const LOCK_TIMEOUT_SECONDS = 3
/** Statements by key take milliseconds, after up to three seconds for a lock; beyond this, MySQL hangs. */
const STATEMENT_TIMEOUT_MS = 4_000
/** The same at a reader, beside which the writer can answer; a request's time must suffice for both. */
const READER_STATEMENT_TIMEOUT_MS = 1_000
/** A batch's transaction takes well under a second. */
const ANSWER_TIMEOUT_MS = 5_000
/** Time-out of a request's reads, which wait for no lock. */
const READ_TIMEOUT_MS = 2_500

/** The session of every connection. A statement sets the isolation, since its variable differs between servers. */
const SESSION = [
  "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
  `SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION', SESSION wait_timeout = ${SERVER_IDLE_TIMEOUT_SECONDS}`,
]
const ASK_LOCK_TIMEOUT = "SELECT @@innodb_lock_wait_timeout AS seconds"
const SET_LOCK_TIMEOUT = `SET SESSION innodb_lock_wait_timeout = ${LOCK_TIMEOUT_SECONDS}`

/** SQLSTATE classes of errors in the data (22: value, 23: constraint). */
const DATA_ERROR = /^2[23]/

export type Mysql = Kysely<Database>
export type MysqlClient = { db: Mysql; close(): Promise<void> }

/** Returns what unions with unsigned number columns need; a signed zero would turn them into decimals. */
export const unsignedZero = () => sql<number>`cast(0 as unsigned)`

type MysqlOptions = {
  log?: (event: LogEvent) => void
  /** Adds time-outs and a breaker; migrations have neither. */
  watch?: Watch
  /** The longest wait for a table that another session uses, which only statements that change tables have to bound. */
  tableTimeoutSeconds?: number
  /** Whether it is a reader, so that the writer can answer instead. */
  isReader?: boolean
}

/** Returns what `make` makes, which it does at the first use: most creations never ask MySQL. */
function lazily<Made extends object>(make: () => Made): Made {
  let made: Made | undefined
  return new Proxy({} as Made, {
    get(_target, name) {
      made ??= make()
      const value: unknown = Reflect.get(made, name, made)
      return typeof value === "function" ? value.bind(made) : value
    },
  })
}

/** Returns a pool: READ COMMITTED, strict, UTC, utf8mb4. */
export function connectMysql(
  url: string,
  { log, watch, tableTimeoutSeconds, isReader = false }: MysqlOptions = {},
): MysqlClient {
  let opening: ReturnType<typeof openPool> | undefined
  const inLambda = isReader ? READER_CONNECTIONS_MAX_IN_LAMBDA : CONNECTIONS_MAX_IN_LAMBDA
  const connectionsMax = isInCloud(process.env) ? inLambda : CONNECTIONS_MAX
  const limits = {
    connectionsMax,
    waitingMax: WAITING_MAX,
    waitMaxMs: WAIT_MAX_MS,
    statementTimeoutMs: isReader ? READER_STATEMENT_TIMEOUT_MS : STATEMENT_TIMEOUT_MS,
    onConnectError: (error: unknown) => isLoginRefused(error) && watch?.("refused", "mysql", error),
  }
  const session =
    tableTimeoutSeconds === undefined ? SESSION : [...SESSION, `SET SESSION lock_wait_timeout = ${tableTimeoutSeconds}`]
  const breaker = watch && createBreaker("mysql", watch)
  const pool = async () => {
    opening ??= openPool(url, connectionsMax, session)
    const opened = await opening
    return breaker === undefined ? opened.pool : guardPool(opened.pool, breaker, limits)
  }
  const db = lazily(() => {
    return new Kysely<Database>({ dialect: new MysqlDialect({ pool }), ...(log === undefined ? {} : { log }) })
  })
  return { db, close: async () => (await opening)?.close() }
}

/**
 * Returns the TLS options in a URL, by which a certificate must be for the host unless they say otherwise: to mysql2 any
 * that a known authority has signed would do. Leaves a profile's name to mysql2.
 */
function tlsOf(url: string): { ssl?: object } {
  const text = new URL(url).searchParams.get("ssl")
  if (!text?.startsWith("{")) return {}
  return { ssl: { verifyIdentity: true, ...(JSON.parse(text) as object) } }
}

async function openPool(
  url: string,
  connectionsMax: number,
  session: string[],
): Promise<{ pool: Pool; close(): Promise<void> }> {
  // Loaded on first use: a creation does not need it, and in a new process it would add 12 ms.
  const { createPool } = await import("mysql2")
  const pool = createPool({
    uri: url,
    ...tlsOf(url),
    charset: "utf8mb4_bin",
    timezone: "Z",
    connectionLimit: connectionsMax,
    connectTimeout: CONNECT_TIMEOUT_MS,
    idleTimeout: IDLE_TIMEOUT_MS,
    // Must be below the limit, or mysql2 ignores the idle time-out.
    maxIdle: connectionsMax - 1,
    enableKeepAlive: true,
    supportBigNumbers: true,
    bigNumberStrings: false,
  })
  const sockets = new Set<Socket>()
  pool.on("connection", (connection) => {
    // The type hides the socket that a connection has.
    const { stream } = connection as PoolConnection & { stream: Socket }
    sockets.add(stream)
    stream.once("close", () => sockets.delete(stream))
    // A session that cannot be set up is destroyed with the error, so that the waiting caller sees the cause.
    const setUp = (statement: string) => connection.query(statement, (error) => error && stream.destroy(error))
    for (const statement of session) setUp(statement)
    // Setting this one makes RDS Proxy keep a connection for the session alone, which it does not for those above. It is
    // set before a transaction's first lock, since a transaction begins with a statement of its own.
    connection.query<({ seconds: number } & RowDataPacket)[]>(ASK_LOCK_TIMEOUT, (error, [row] = []) => {
      if (error) stream.destroy(error)
      else if (row?.seconds !== LOCK_TIMEOUT_SECONDS) setUp(SET_LOCK_TIMEOUT)
    })
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

/** The driver's errors for a closed pool or connection have no code. */
const CLOSED = /^(Pool is closed|Can't (add new command|write) .*closed state)/

const LOGIN_REFUSED = new Set([
  "ER_ACCESS_DENIED_ERROR",
  "ER_ACCESS_DENIED_NO_PASSWORD_ERROR",
  "ER_DBACCESS_DENIED_ERROR",
])

type MysqlError = Error & { code?: string; errno?: number; sqlState?: string }

/** Returns whether it has a code: `instanceof Error` fails for errors of another realm. */
const isMysqlError = (error: unknown): error is MysqlError =>
  typeof error === "object" && error !== null && "code" in error

/** Returns whether the error lies in the data that was sent, so that a retry cannot help. */
export const isDataError = (error: unknown): boolean =>
  isMysqlError(error) && error.sqlState !== undefined && DATA_ERROR.test(error.sqlState)

/** Returns the code of a data error, such as ER_DATA_TOO_LONG. Its message may quote the data and is not used. */
export const dataErrorCode = (error: unknown): string => (isMysqlError(error) && error.code) || "unknown"

/** Returns whether the user, password or database was refused. */
const isLoginRefused = (error: unknown): boolean => isMysqlError(error) && LOGIN_REFUSED.has(error.code ?? "")

/** Returns whether the transaction was a deadlock's victim and may be run again. */
export const isDeadlock = (error: unknown): boolean => isMysqlError(error) && error.code === "ER_LOCK_DEADLOCK"

/**
 * Runs `query`. Throws DependencyAway if it fails other than for its data or SQL, or is not answered in time; it may
 * then still be executed.
 */
export async function reachMysql<T>(query: () => Promise<T>, timeoutMs = ANSWER_TIMEOUT_MS): Promise<T> {
  try {
    return await withDeadline(timeoutMs, query(), () => new DependencyAway("mysql", new Error("no answer in time")))
  } catch (error) {
    throw asAway(error)
  }
}

/** Returns the error itself if it lies in the data or the SQL text, else a DependencyAway. */
export const asAway = (error: unknown): unknown =>
  error instanceof DependencyAway || isFault(error) ? error : new DependencyAway("mysql", error)

/** Runs a request's read as reachMysql does, with a shorter time-out. */
export const readMysql = <T>(query: () => Promise<T>): Promise<T> => reachMysql(query, READ_TIMEOUT_MS)

/** Returns whether an error is our bug. An unknown table or database, also of class 42, is an unprepared store. */
function isFault(error: unknown): boolean {
  if (!isMysqlError(error)) return !(error instanceof Error && CLOSED.test(error.message))
  if (isDataError(error)) return true
  const unprepared = error.code === "ER_NO_SUCH_TABLE" || error.code === "ER_BAD_DB_ERROR"
  return !unprepared && (error.sqlState?.startsWith("42") ?? false)
}
