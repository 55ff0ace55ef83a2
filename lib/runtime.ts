import type { Watch } from "./clients/breaker.ts"
import { connectMysql } from "./clients/mysql.ts"
import { connectRedis } from "./clients/redis.ts"
import { openSecret, type Secret, type SecretValues } from "./clients/secret.ts"
import { connectSqs } from "./clients/sqs.ts"
import { adminKeysOf, type Config, readConfig } from "./config.ts"
import { describeError, log } from "./log.ts"
import { createOutbox } from "./outbox/outbox.ts"
import { limitRequest, type RateScope } from "./outbox/rates.ts"
import { createQueues } from "./queue/queue.ts"
import type { SearchStores, Stores } from "./stores.ts"
import type { Origin } from "./trace.ts"

/** What was connected with `values` of the secret, if there is one. */
type Connected = { stores: Stores; close: () => Promise<void>; values?: SecretValues }
/** `refused`: values that are wrong and were not taken. */
type Shared = { secret?: Secret; connected?: Connected; refused?: SecretValues }

/** Bundled functions have modules of their own, but share one process in the emulator. */
const SHARED = Symbol.for("chat-backend.runtime")
const ofProcess = globalThis as { [SHARED]?: Shared }

/** Longer than any request or batch may use the clients of a secret's former values; a job has a process of its own. */
export const CLOSE_AFTER_MS = 15_000

const shared = (): Shared => {
  const { STORES_SECRET } = process.env
  ofProcess[SHARED] ??= STORES_SECRET ? { secret: openSecret(STORES_SECRET) } : {}
  return ofProcess[SHARED]
}

export type RequestScope = RateScope & { origin: Origin }

/** Returns the stores for one request, which counts for rate limits and is the origin of what it writes. */
export const forRequest = <S extends Stores>(stores: S, scope: RequestScope): S => ({
  ...limitRequest(stores, scope),
  origin: scope.origin,
})

/**
 * Returns the process's clients, with `scope` for that request; new ones after the secret was rotated. Throws as
 * readConfig does, and DependencyAway while the secret has never been read.
 */
export async function runtime(scope?: RequestScope): Promise<Stores> {
  const { stores } = await connected()
  return scope === undefined ? stores : forRequest(stores, scope)
}

/** Returns the accepted keys, read again if one was `refused`: undefined if nothing needs a key. */
export async function adminKeys(refused = false): Promise<readonly string[] | undefined> {
  if (refused) shared().secret?.doubt()
  return (await runtime()).adminKeys
}

async function connected(): Promise<Connected> {
  const state = shared()
  if (state.secret === undefined) {
    state.connected ??= connectStores(readConfig(process.env))
    return state.connected
  }
  const values = await state.secret.read()
  const former = state.connected
  if (former !== undefined && (former.values === values || state.refused === values)) return former
  try {
    state.connected = { ...connectStores(readConfig({ ...process.env, ...values })), values }
    if (former !== undefined) setTimeout(() => void former.close(), CLOSE_AFTER_MS).unref()
    return state.connected
  } catch (error) {
    if (former === undefined) throw error
    log.error("the secret is wrong: its former values stay", { error: describeError(error) })
    state.refused = values
    return former
  }
}

/** Logs one line when a breaker opens, one when it closes, and one for a refused login, which may have been rotated. */
export const watch: Watch = (state, dependency, error, server) => report(state, { dependency, server }, error)

const watchReader: Watch = (state, _dependency, error) => report(state, { dependency: "mysql-reader" }, error)

function report(state: Parameters<Watch>[0], of: { dependency: string; server?: string | undefined }, error: unknown) {
  const details = { ...of, error: describeError(error, 1) }
  if (state === "closed") log.info("circuit closed", of)
  else if (state === "opened") log.warn("circuit opened", details)
  else {
    log.warn("login refused", details)
    shared().secret?.doubt()
  }
}

/** Connects clients of the caller's own, which must call `close`. */
export function connectStores(config: Config): { stores: Stores; close: () => Promise<void> } {
  const mysql = connectMysql(config.MYSQL_URL, { watch })
  const { MYSQL_READER_URL: readerUrl } = config
  const reader = readerUrl === undefined ? undefined : connectMysql(readerUrl, { watch: watchReader, isReader: true })
  const redis = connectRedis(config.REDIS_URL, watch)
  const sqs = connectSqs({ region: config.AWS_REGION, endpoint: config.SQS_ENDPOINT }, watch)
  const limits = { eventsMax: config.OUTBOX_EVENTS_MAX, bytesMax: config.OUTBOX_BYTES_MAX }
  const built: Stores & Partial<SearchStores> = {
    config,
    ...(config.ADMIN_API_KEY !== undefined && { adminKeys: adminKeysOf(config.ADMIN_API_KEY) }),
    mysql: mysql.db,
    ...(reader && { mysqlReader: reader.db }),
    redis,
    outbox: createOutbox(redis, limits),
    sqs,
    queues: createQueues(sqs, config),
  }
  const close = async () => {
    sqs.close()
    await Promise.allSettled([mysql.close(), reader?.close(), redis.close(), built.elasticsearch?.close()])
  }
  return { stores: built, close }
}

// Starts reading the secret while the function is loaded. If this fails, the first request reads again and reports it.
void shared()
  .secret?.read()
  .catch(() => undefined)
