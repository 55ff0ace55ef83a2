import { createHash } from "node:crypto"
import { Redis } from "ioredis"
import { DependencyAway } from "../errors.ts"
import type { Watch } from "./breaker.ts"

/** A script takes well under a millisecond: a write that waits longer had better answer 503. */
const WRITE_TIMEOUT_MS = 800
/** A read waits longer: once Redis counts as away it is answered by MySQL alone, which may be older. */
const READ_TIMEOUT_MS = 1_500
const CONNECT_TIMEOUT_MS = 1_000
/** A connection that is to end and does not is dropped after this, so that a process that is done ends. */
const DISCONNECT_TIMEOUT_MS = 100
/** A connection that says nothing for this long while commands wait is dropped: it hangs, or is dead without saying so. */
const SILENCE_MAX_MS = 1_400
/** Back within this of Redis being back; no faster, so as not to hammer one that is loading. */
const RECONNECT_MAX_MS = 1_000
const RECONNECT_STEP_MS = 50
/** So many commands go out in one write: Redis, which syncs its disk after each, begins while more are still to come. */
const WRITE_COMMANDS_MAX = 8

export type ScriptValue = string | number | null | ScriptValue[]
export type Argument = string | number

export type Script<Keys, Args, Reply> = {
  lua: string
  /** It is worth waiting for, since nothing else tells what it does. */
  reads: boolean
  /** Keys and arguments have names; the Lua takes them in this order. */
  keysOf(keys: Keys): string[]
  argsOf(args: Args): Argument[]
  decode(reply: ScriptValue[]): Reply
}

/** What the outbox needs of Redis. Every failure is a DependencyAway, except an error that the script itself raised. */
export type RedisClient = {
  /** Runs a script in one round trip (two when the server does not know it yet). Never repeats one that may have run. */
  run<Keys, Args, Reply>(script: Script<Keys, Args, Reply>, keys: NoInfer<Keys>, args: NoInfer<Args>): Promise<Reply>
  ping(): Promise<void>
  /** What the server says of itself: the fields of INFO, and of CONFIG GET those of `settings` that it tells. */
  describe(settings: string[]): Promise<{ info: Map<string, string>; settings: Map<string, string> }>
  close(): Promise<void>
}

const sha1 = (text: string): string => createHash("sha1").update(text).digest("hex")

/**
 * Connects to Redis and keeps connecting for as long as it is away. Commands fail at once meanwhile: nothing is queued
 * offline and nothing unanswered is sent again, since a script that ran and was not answered would run twice. So this is
 * its own breaker: a Redis that hangs loses the one connection at the first silence, and connecting is the probe.
 */
export function connectRedis(url: string, watch: Watch): RedisClient {
  const redis = new Redis(url, {
    autoResendUnfulfilledCommands: false,
    enableOfflineQueue: false,
    connectTimeout: CONNECT_TIMEOUT_MS,
    disconnectTimeout: DISCONNECT_TIMEOUT_MS,
    maxRetriesPerRequest: 0,
    retryStrategy: (attempt) => Math.min(attempt * RECONNECT_STEP_MS, RECONNECT_MAX_MS),
  })
  const { firstReady, inTime, expectClose } = watchConnection(redis, watch)
  const gather = gathering(redis)
  const digests = new Map<string, string>()

  async function run<Keys, Args, Reply>(script: Script<Keys, Args, Reply>, keys: Keys, args: Args): Promise<Reply> {
    if (redis.status !== "ready") await firstReady
    const call = evaluate(script.lua, script.keysOf(keys), script.argsOf(args))
    return script.decode(await inTime(call, script.reads ? READ_TIMEOUT_MS : WRITE_TIMEOUT_MS))
  }

  async function evaluate(lua: string, keys: string[], args: Argument[]): Promise<ScriptValue[]> {
    const digest = digests.get(lua) ?? sha1(lua)
    digests.set(lua, digest)
    if (redis.status === "ready") gather()
    try {
      return asArray(await redis.evalsha(digest, keys.length, ...keys, ...args))
    } catch (error) {
      // The server refused before running anything, so this is not a repetition.
      if (!isNoScript(error)) throw asAway(error)
    }
    try {
      return asArray(await redis.eval(lua, keys.length, ...keys, ...args))
    } catch (error) {
      throw asAway(error)
    }
  }

  async function ask<T>(command: () => Promise<T>, timeoutMs: number): Promise<T> {
    if (redis.status !== "ready") await firstReady
    const answer = command().catch((error: unknown) => Promise.reject(asAway(error)))
    return inTime(answer, timeoutMs)
  }

  return {
    run,
    async ping() {
      await ask(() => redis.ping(), WRITE_TIMEOUT_MS)
    },
    async describe(names) {
      const text = await ask(() => redis.info(), READ_TIMEOUT_MS)
      // Managed servers refuse CONFIG: what they do not tell is absent.
      const pairs = ((await redis.call("CONFIG", "GET", ...names).catch(() => [])) ?? []) as string[]
      return { info: readInfo(text), settings: readSettings(names, pairs) }
    },
    async close() {
      expectClose()
      if (redis.status === "ready") await redis.quit().catch(() => undefined)
      redis.disconnect()
    },
  }
}

/** Tells `watch` when the connection is lost and when it is back, and bounds the calls on it. */
function watchConnection(redis: Redis, watch: Watch) {
  let lastError: unknown
  let away = false
  let closing = false
  /** Set by the first call that drops a silent connection, so that those behind it do not drop its successor. */
  let dropped = false
  let answeredAt = Number.NEGATIVE_INFINITY
  // Without a listener ioredis would print every reconnection attempt.
  redis.on("error", (error: unknown) => {
    lastError = error
  })
  redis.on("close", () => {
    if (!away && !closing) watch("opened", "redis", lastError ?? new Error("the connection was closed"))
    away = true
    dropped = false
  })
  redis.on("ready", () => {
    if (away) watch("closed", "redis")
    away = false
    lastError = undefined
  })
  const firstReady = new Promise<void>((resolve) => {
    redis.once("ready", resolve)
    setTimeout(resolve, CONNECT_TIMEOUT_MS).unref()
  })

  function dropIfSilent(since: number): void {
    if (answeredAt > since || dropped || redis.status !== "ready") return
    dropped = true
    lastError = new Error(`nothing answered for ${SILENCE_MAX_MS} ms`)
    redis.disconnect(true)
  }

  /**
   * As `call`, or DependencyAway after `timeoutMs`. A connection on which nothing has been answered for SILENCE_MAX_MS is
   * dropped. An answer that came while this process had no time to read it counts: timers run before sockets are read,
   * so what is there by then is read first.
   */
  function inTime<T>(call: Promise<T>, timeoutMs: number): Promise<T> {
    const began = performance.now()
    return new Promise((resolve, reject) => {
      const after = (ms: number, act: () => void) => setTimeout(() => setImmediate(() => setImmediate(act)), ms)
      const timers = [
        after(timeoutMs, () => reject(new DependencyAway("redis", new Error("no answer in time")))),
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
  return { firstReady, inTime, expectClose }
}

/** Returns a function to call before each command: those of one turn share their writes, since a write is a system call. */
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

const readInfo = (text: string): Map<string, string> =>
  new Map(
    text.split("\r\n").map((line): [string, string] => {
      const at = line.indexOf(":")
      return [line.slice(0, at), line.slice(at + 1)]
    }),
  )

const readSettings = (names: string[], pairs: string[]): Map<string, string> =>
  new Map(
    names.flatMap((name): [string, string][] => {
      const value = pairs[pairs.indexOf(name) + 1]
      return pairs.includes(name) && value !== undefined ? [[name, value]] : []
    }),
  )

const asArray = (value: unknown): ScriptValue[] =>
  Array.isArray(value) ? (value as ScriptValue[]) : [value as ScriptValue]

const isNoScript = (error: unknown): boolean => error instanceof Error && error.message.startsWith("NOSCRIPT")

/** Errors of our own scripts are faults; all else (refused, timed out, loading, out of memory, read-only) is "away". */
function asAway(error: unknown): unknown {
  const isFault = error instanceof Error && error.name === "ReplyError" && /^(ERR|WRONGTYPE)/.test(error.message)
  return isFault ? error : new DependencyAway("redis", error)
}
