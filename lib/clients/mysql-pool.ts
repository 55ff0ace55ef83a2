/**
 * DESIGN. What mysql2's pool lacks where MySQL hangs. There a statement has no end, its connection would go back to the
 * pool with the statement still under way, and whoever waits for a connection waits for good. Here a statement that is
 * not answered in time takes its connection with it, a wait for a connection has an end, and a breaker lets calls fail
 * at once after that. Connections from before the breaker opened are not used again: they may be dead without saying so.
 */
import type { MysqlPool, MysqlPoolConnection } from "kysely"
import type { Pool, PoolConnection } from "mysql2"
import type { Breaker, Call } from "./breaker.ts"

export type PoolLimits = { connectionsMax: number; waitingMax: number; waitMaxMs: number; statementTimeoutMs: number }

/** No connection can be had. As with an error of the driver, its `code` tells it from a fault of ours. */
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

/** A pool for kysely over `pool`, which must be able to hold as many connections. */
export function guardPool(pool: Pool, breaker: Breaker, limits: PoolLimits): MysqlPool {
  const slots = createSlots(limits)
  let epoch = 0
  let wasOpen = false
  const epochs = new WeakMap<PoolConnection, number>()

  /** Nobody need wait on for a MySQL that hangs. */
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
      // That many wait is no failure of MySQL's, unless this is the call that was let through to find out.
      if (breaker.isOpen()) failed(error)
      throw error
    })
    try {
      return lease(await connect(), limits.statementTimeoutMs, beginStatement, slots.give)
    } catch (error) {
      slots.give()
      noteFailure(failed, error)
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

/** Each slot is the right to one connection; a call that finds none free waits in line for a while. */
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

/** The connection as kysely sees it. A statement that is not answered in `timeoutMs` takes it along. */
function lease(
  connection: PoolConnection,
  timeoutMs: number,
  beginStatement: () => Call,
  giveSlot: () => void,
): MysqlPoolConnection {
  let given = false
  let lost: Error | undefined
  const run: Query = (sql, parameters, callback) => {
    // A transaction whose statement was not answered in time rolls back: that fails for the same reason.
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

/** An error that MySQL itself answered has its SQLSTATE. */
const isUnanswered = (error: unknown): boolean =>
  typeof error === "object" && error !== null && (error as { sqlState?: unknown }).sqlState === undefined
