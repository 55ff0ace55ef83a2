/** One connection to one Redis server, which is reconnected for as long as the server is away. */
import { createHash } from "node:crypto"
import { Redis, ReplyError } from "ioredis"
import { DependencyAway } from "../errors.ts"
import type { Watch } from "./breaker.ts"
import type { Argument, ScriptValue } from "./redis.ts"

/**
 * Scripts take well under a millisecond, but a busy disk holds a sync of Redis up for a second. A write given up in
 * between would be refused and stored all the same, and a read would fall back to MySQL alone, which may be stale.
 */
export const CALL_TIMEOUT_MS = 1_500
/** A busy machine that has just begun a process can take seconds to make a connection. */
const CONNECT_TIMEOUT_MS = 3_000
/** A connection that does not end within this is dropped, so that a finished process can end. */
const DISCONNECT_TIMEOUT_MS = 100
/** A connection silent for this long while commands wait is dropped: it hangs, or is dead without showing it. */
const SILENCE_MAX_MS = 1_400
/** Maximum delay of a reconnection: soon after Redis' return, without flooding one that is loading. */
const RECONNECT_MAX_MS = 1_000
const RECONNECT_STEP_MS = 50
/** Commands per socket write: few, so that Redis, which syncs its disk after each, begins while more arrive. */
const WRITE_COMMANDS_MAX = 8

export type RedisNode = {
  isReady(): boolean
  /**
   * Waits until the first connection is made or has failed, CONNECT_TIMEOUT_MS at most. Until then nothing is known of
   * the server: a call that failed would have a read show what MySQL has, though Redis is there.
   */
  firstConnection(): Promise<void>
  /**
   * Runs a script in one round trip (two if the server lacks it). Never repeats one that may have run. `asking`: the
   * server is importing the slot of its keys.
   */
  evaluate(lua: string, keys: string[], args: Argument[], asking?: boolean): Promise<ScriptValue[]>
  /** Sends another command. */
  call(...command: [string, ...string[]]): Promise<unknown>
  close(): Promise<void>
}

const DIGESTS = new Map<string, string>()

function digestOf(lua: string): string {
  const known = DIGESTS.get(lua)
  if (known !== undefined) return known
  const digest = createHash("sha1").update(lua).digest("hex")
  DIGESTS.set(lua, digest)
  return digest
}

/**
 * Connects to one server. While it is away commands fail at once: none are queued offline or resent, since a script
 * whose answer was lost would run twice. So this needs no breaker: a server that hangs loses its connection at the
 * first silence, and reconnecting is the probe. Every failure is a DependencyAway but an error that a script raised.
 */
export function connectNode(url: string, watch: Watch): RedisNode {
  const redis = new Redis(url, {
    autoResendUnfulfilledCommands: false,
    enableOfflineQueue: false,
    connectTimeout: CONNECT_TIMEOUT_MS,
    disconnectTimeout: DISCONNECT_TIMEOUT_MS,
    maxRetriesPerRequest: 0,
    retryStrategy: (attempt) => Math.min(attempt * RECONNECT_STEP_MS, RECONNECT_MAX_MS),
  })
  // ioredis hears one error of a socket. A second one, as a TLS handshake that is broken off may bring, would end the
  // process. When this runs the socket has been made, and no answer has been read from it.
  redis.on("connecting", () => setImmediate(() => redis.stream?.on("error", () => undefined)))
  const { firstConnection, inTime, expectClose, connectionError } = watchConnection(redis, watch)
  /** Returns a failed call's error; without a connection, with the reason for which there is none. */
  const failed = (error: unknown): unknown => {
    const reason = redis.status === "ready" ? undefined : connectionError()
    return asAway(reason !== undefined && asAway(error) instanceof DependencyAway ? reason : error)
  }
  const gather = gathering(redis)

  async function evaluate(lua: string, keys: string[], args: Argument[], asking = false): Promise<ScriptValue[]> {
    if (redis.status !== "ready") await firstConnection
    return inTime(inOneTrip(lua, keys, args, asking))
  }

  async function inOneTrip(lua: string, keys: string[], args: Argument[], asking: boolean): Promise<ScriptValue[]> {
    if (redis.status === "ready") gather()
    try {
      if (asking) redis.call("ASKING").catch(() => undefined)
      return asArray(await redis.evalsha(digestOf(lua), keys.length, ...keys, ...args))
    } catch (error) {
      // The server refused before it ran anything, so this repeats nothing.
      if (!isNoScript(error)) throw failed(error)
    }
    try {
      if (asking) redis.call("ASKING").catch(() => undefined)
      return asArray(await redis.eval(lua, keys.length, ...keys, ...args))
    } catch (error) {
      throw failed(error)
    }
  }

  return {
    isReady: () => redis.status === "ready",
    firstConnection: () => firstConnection,
    evaluate,
    async call(command, ...args) {
      if (redis.status !== "ready") await firstConnection
      return inTime(redis.call(command, ...args).catch((error: unknown) => Promise.reject(failed(error))))
    },
    async close() {
      expectClose()
      if (redis.status === "ready") await redis.quit().catch(() => undefined)
      redis.disconnect()
    },
  }
}

/** Calls `watch` when the connection is lost and when it is back, and bounds the calls on it. */
function watchConnection(redis: Redis, watch: Watch) {
  const { host, port } = redis.options
  const server = `${host}:${port}`
  let lastError: unknown
  let away = false
  let closing = false
  /** Set by the first call that drops a silent connection, so that later calls do not drop its successor. */
  let dropped = false
  let answeredAt = Number.NEGATIVE_INFINITY
  // Without a listener ioredis would print every reconnection attempt.
  redis.on("error", (error: unknown) => {
    lastError = error
    if (isLoginRefused(error)) watch("refused", "redis", error, server)
  })
  redis.on("close", () => {
    if (!away && !closing) watch("opened", "redis", lastError ?? new Error("the connection was closed"), server)
    away = true
    dropped = false
  })
  redis.on("ready", () => {
    if (away) watch("closed", "redis", undefined, server)
    away = false
    lastError = undefined
  })
  const firstConnection = new Promise<void>((resolve) => {
    redis.once("ready", resolve).once("close", resolve)
    after(CONNECT_TIMEOUT_MS, resolve).unref()
  })

  function dropIfSilent(since: number): void {
    if (answeredAt > since || dropped || redis.status !== "ready") return
    dropped = true
    lastError = new Error(`nothing answered for ${SILENCE_MAX_MS} ms`)
    redis.disconnect(true)
  }

  /**
   * Ends as `call` does, or rejects with DependencyAway after CALL_TIMEOUT_MS. Drops a connection that has answered nothing
   * for SILENCE_MAX_MS.
   */
  function inTime<T>(call: Promise<T>): Promise<T> {
    const began = performance.now()
    return new Promise((resolve, reject) => {
      const timers = [
        after(CALL_TIMEOUT_MS, () => reject(new DependencyAway("redis", new Error("no answer in time")))),
        after(SILENCE_MAX_MS, () => dropIfSilent(began)),
      ]
      const end = () => {
        for (const timer of timers) clearTimeout(timer)
      }
      call.then(
        (answer) => {
          answeredAt = performance.now()
          end()
          resolve(answer)
        },
        (error: unknown) => {
          end()
          reject(error)
        },
      )
    })
  }

  const expectClose = () => {
    closing = true
  }
  return { firstConnection, inTime, expectClose, connectionError: () => lastError }
}

/**
 * Calls `act` after `ms` and two turns of the event loop: timers run before sockets are read, so in a process that was
 * busy the answers that have arrived are read first.
 */
const after = (ms: number, act: () => void): NodeJS.Timeout =>
  setTimeout(() => setImmediate(() => setImmediate(act)), ms)

/** Returns a function to call before each command, so that the commands of one turn share socket writes. */
function gathering(redis: Redis): () => void {
  let corked: Redis["stream"] | undefined
  let gathered = 0
  return () => {
    if (corked === undefined) {
      corked = redis.stream
      corked.cork()
      gathered = 0
      setImmediate(() => {
        corked?.uncork()
        corked = undefined
      })
    } else if (gathered === WRITE_COMMANDS_MAX) {
      corked.uncork()
      corked.cork()
      gathered = 0
    }
    gathered++
  }
}

const asArray = (value: unknown): ScriptValue[] =>
  Array.isArray(value) ? (value as ScriptValue[]) : [value as ScriptValue]

/** Returns whether the user or password was refused, or is missing. */
const isLoginRefused = (error: unknown): boolean => error instanceof Error && /^(WRONGPASS|NOAUTH)/.test(error.message)

const isNoScript = (error: unknown): boolean => error instanceof Error && error.message.startsWith("NOSCRIPT")

/** Returns errors of our scripts as they are, others (refused, timed out, loading, out of memory) as DependencyAway. */
function asAway(error: unknown): unknown {
  const isFault = error instanceof Error && error instanceof ReplyError && /^(ERR|WRONGTYPE)/.test(error.message)
  return isFault ? error : new DependencyAway("redis", error)
}
