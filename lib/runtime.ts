import type { Watch } from "./clients/breaker.ts"
import { connectMysql } from "./clients/mysql.ts"
import { connectRedis } from "./clients/redis.ts"
import { connectSqs } from "./clients/sqs.ts"
import { adminKeysOf, type Config, readConfig } from "./config.ts"
import { describeError, log } from "./log.ts"
import { createOutbox } from "./outbox/outbox.ts"
import { limitRequest, type RateScope } from "./outbox/rates.ts"
import { createQueues } from "./queue/queue.ts"
import type { Stores } from "./stores.ts"

/** Bundled functions have modules of their own, but share one process in the emulator. */
const SHARED = Symbol.for("chat-backend.stores")
const shared = globalThis as { [SHARED]?: Stores }

/** Returns the process's clients, which with `scope` count the request for rate limits. Throws as readConfig does. */
export function runtime(scope?: RateScope): Stores {
  shared[SHARED] ??= connectStores(readConfig(process.env)).stores
  return scope === undefined ? shared[SHARED] : limitRequest(shared[SHARED], scope)
}

/** Logs one line when a breaker opens, and one when it closes. */
export const watch: Watch = (state, dependency, error) => {
  if (state === "closed") log.info("circuit closed", { dependency })
  else log.warn("circuit opened", { dependency, error: describeError(error, 1) })
}

/** Connects clients of the caller's own, which must call `close`. */
export function connectStores(config: Config): { stores: Stores; close: () => Promise<void> } {
  const mysql = connectMysql(config.MYSQL_URL, { watch })
  const redis = connectRedis(config.REDIS_URL, watch)
  const sqs = connectSqs({ region: config.AWS_REGION, endpoint: config.SQS_ENDPOINT }, watch)
  const limits = { eventsMax: config.OUTBOX_EVENTS_MAX, bytesMax: config.OUTBOX_BYTES_MAX }
  const built: Stores = {
    config,
    ...(config.ADMIN_API_KEY !== undefined && { adminKeys: adminKeysOf(config.ADMIN_API_KEY) }),
    mysql: mysql.db,
    redis,
    outbox: createOutbox(redis, limits),
    sqs,
    queues: createQueues(sqs, config),
  }
  const close = async () => {
    sqs.close()
    await Promise.allSettled([mysql.close(), redis.close()])
  }
  return { stores: built, close }
}
