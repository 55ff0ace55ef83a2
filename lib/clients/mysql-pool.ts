/**
 * DESIGN. Guards mysql2's pool against a MySQL that hangs. There a statement never ends, its connection would return to
 * the pool with the statement still running, and callers would wait for a connection forever. Here a statement not
 * answered in time destroys its connection, a wait for a connection is bounded, and a breaker then fails calls at once.
 * Connections from before the breaker opened are not reused: they may be dead without showing it.
 */
import type { MysqlPool, MysqlPoolConnection } from "kysely"
import type { Pool, PoolConnection } from "mysql2"
import type { Breaker, Call } from "./breaker.ts"

export type PoolLimits = { connectionsMax: number; waitingMax: number; waitMaxMs: number; statementTimeoutMs: number }

/** Reports that no connection is available. Like a driver's error it has a `code`, unlike a bug of ours. */
class NoConnection extends Error {
  readonly code = "POOL_NO_CONNECTION"

  constructor(reason: string) {
    super(reason)
    this.name = "NoConnection"
  }
}

type Waiting = { settle: (error?: Error) => void }
type Callback = (error: unknown, result?: unknown) => void
type Query = (sql: string, parameters: readonly unknown[], callback?: Callback) => unknown

type PoolOptions = PoolLimits & { onConnectError: (error: unknown) => void }

/** Returns a pool for kysely over `pool`, which must allow `limits.connectionsMax` connections. */
export function guardPool(pool: Pool, breaker: Breaker, limits: PoolOptions): MysqlPool {
  const slots = createSlots(limits)
  let epoch = 0
  let wasOpen = false
  const epochs = new WeakMap<PoolConnection, number>()

  /** Refuses the callers that wait for a connection once the breaker is open. */
  function noteFailure(failed: (error: unknown) => void, error: unknown): void {
    failed(error)
    if (breaker.isOpen() && !wasOpen) epoch++
    wasOpen = breaker.isOpen()
    if (wasOpen) slots.refuseWaiting()
  }

  function beginStatement(): Call {
    const { succeeded, failed } = breaker.begin()
    return {
      succeeded() {
        succeeded()
        wasOpen = false
      },
      failed: (error) => noteFailure(failed, error),
    }
  }

  async function connect(): Promise<PoolConnection> {
    for (;;) {
      const connection = await new Promise<PoolConnection>((resolve, reject) => {
        pool.getConnection((error, one) => (error ? reject(error) : resolve(one)))
      })
      const born = epochs.get(connection) ?? epoch
      epochs.set(connection, born)
      if (born === epoch) return connection
      connection.destroy()
    }
  }

  async function acquire(): Promise<MysqlPoolConnection> {
    breaker.check()
    const { failed } = breaker.begin()
    await slots.take().catch((error: unknown) => {
      // A long queue does not mean that MySQL has failed, unless this call is the probe.
      if (breaker.isOpen()) failed(error)
      throw error
    })
    try {
      return lease(await connect(), limits.statementTimeoutMs, beginStatement, slots.give)
    } catch (error) {
      slots.give()
      noteFailure(failed, error)
      limits.onConnectError(error)
      throw error
    }
  }

  return {
    getConnection: (callback) => {
      acquire().then(
        (connection) => callback(null, connection),
        (error: unknown) => callback(error, undefined as unknown as MysqlPoolConnection),
      )
    },
    end: (callback) => pool.end(callback),
  }
}

/** Creates slots, each the right to one connection; a call that finds none free waits in line. */
function createSlots({ connectionsMax, waitingMax, waitMaxMs }: PoolLimits) {
  const waiting: Waiting[] = []
  let taken = 0
  return {
    async take(): Promise<void> {
      if (taken < connectionsMax) {
        taken++
        return
      }
      if (waiting.length >= waitingMax) throw new NoConnection("too many are waiting for a connection")
      await new Promise<void>((resolve, reject) => {
        const one: Waiting = {
          settle(error) {
            clearTimeout(timer)
            if (error) reject(error)
            else resolve()
          },
        }
        const timer = setTimeout(() => {
          waiting.splice(waiting.indexOf(one), 1)
          reject(new NoConnection("no connection was free in time"))
        }, waitMaxMs)
        waiting.push(one)
      })
    },
    give(): void {
      const next = waiting.shift()
      if (next) next.settle()
      else taken--
    },
    refuseWaiting(): void {
      for (const one of waiting.splice(0)) one.settle(new NoConnection("failed just before"))
    },
  }
}

/** Wraps a connection for kysely. A statement not answered in `timeoutMs` destroys it. */
function lease(
  connection: PoolConnection,
  timeoutMs: number,
  beginStatement: () => Call,
  giveSlot: () => void,
): MysqlPoolConnection {
  let given = false
  let lost: Error | undefined
  const run: Query = (sql, parameters, callback) => {
    // A rollback after a statement that was not answered fails for the same reason.
    if (lost) return callback?.(lost)
    const { succeeded, failed } = beginStatement()
    let done = false
    const finish: Callback = (error, result) => {
      if (done) return
      done = true
      clearTimeout(timer)
      if (isUnanswered(error)) failed(error)
      else succeeded()
      callback?.(error, result)
    }
    const timer = setTimeout(() => {
      connection.destroy()
      lost = Object.assign(new Error("no answer in time"), { code: "ETIMEDOUT" })
      finish(lost)
    }, timeoutMs)
    return connection.query(sql, parameters as unknown[], finish)
  }
  return {
    threadId: connection.threadId,
    config: connection.config,
    connect: (callback) => callback?.(null),
    query: run as MysqlPoolConnection["query"],
    release() {
      if (given) return
      given = true
      connection.release()
      giveSlot()
    },
    destroy: () => connection.destroy(),
  }
}

/** Errors that MySQL itself answered have an SQLSTATE. */
const isUnanswered = (error: unknown): boolean =>
  typeof error === "object" && error !== null && (error as { sqlState?: unknown }).sqlState === undefined
