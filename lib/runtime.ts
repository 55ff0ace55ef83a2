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

/** Each function is a bundle with modules of its own, but in the emulator all of them run in one process. */
const SHARED = Symbol.for("chat-backend.stores")
const shared = globalThis as { [SHARED]?: Stores }

/**
 * The clients of this process, built on first use, kept for its life and shared by all its functions; given the scope of
 * a request, such as count that request towards its rate limits. Throws when the configuration is wrong.
 */
export function runtime(scope?: RateScope): Stores {
  shared[SHARED] ??= connectStores(readConfig(process.env)).stores
  return scope === undefined ? shared[SHARED] : limitRequest(shared[SHARED], scope)
}

/** One line when a dependency is given up for a while, and one when it answers again. */
export const watch: Watch = (state, dependency, error) => {
  if (state === "closed") log.info("circuit closed", { dependency })
  else log.warn("circuit opened", { dependency, error: describeError(error, 1) })
}

/** Clients of their own: `close` when done. */
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
