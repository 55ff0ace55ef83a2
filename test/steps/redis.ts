// Direct access to the tests' Redis, one server or a cluster, for tests that read its state or prepare it.
import { Cluster, Redis, type RedisCommander } from "ioredis"
import { formerName, lifeKey, SHARDS } from "../../lib/outbox/keys.ts"

const CONNECT_TIMEOUT_MS = 3_000

/** Returns whether the tests run on a cluster: see local/test.ts. */
export const isOnCluster = (): boolean => (process.env.CHAT_TEST_REDIS ?? "single") !== "single"

/** Connects to Redis by the URL of the only server, or of one of a cluster. Throws if none answers. */
async function connect(url: string): Promise<Redis | Cluster> {
  const limits = { maxRetriesPerRequest: 0, connectTimeout: CONNECT_TIMEOUT_MS }
  const redis = isOnCluster()
    ? new Cluster([url], { lazyConnect: true, clusterRetryStrategy: () => null, redisOptions: limits })
    : new Redis(url, { lazyConnect: true, ...limits })
  redis.on("error", () => undefined)
  await redis.connect()
  return redis
}

const LIVES = new Set(SHARDS.map(lifeKey))
const FORMER_LIVES = new Set([...LIVES].map(formerName))

const ownUrl = () => process.env.REDIS_URL as string

/** Calls `act` with a separate connection to the tests' Redis, which sends each command where its key is. */
export async function withRedis<T>(act: (redis: RedisCommander) => Promise<T>, url = ownUrl()): Promise<T> {
  const redis = await connect(url)
  try {
    return await act(redis as RedisCommander)
  } finally {
    redis.disconnect()
  }
}

/** Calls `act` with a separate connection to each server that has keys, for commands that concern a whole server. */
export async function onEachServer<T>(act: (redis: Redis) => Promise<T>, url = ownUrl()): Promise<T[]> {
  const redis = await connect(url)
  try {
    return await Promise.all((redis instanceof Cluster ? redis.nodes("master") : [redis]).map(act))
  } finally {
    redis.disconnect()
  }
}

/** Removes everything but the marks of the shards' lives, and of former tags that are closed, without which every file would wait for a recovery. */
export async function emptyRedis(url: string): Promise<void> {
  await onEachServer(async (redis) => {
    const keys = await redis.keys("*")
    const lives = keys.filter((key) => LIVES.has(key))
    const closed = await Promise.all(
      keys.map(async (key) => FORMER_LIVES.has(key) && (await redis.type(key)) === "string"),
    )
    // Each by itself, since a cluster takes the keys of one slot only.
    const others = keys.filter((key, index) => !LIVES.has(key) && !closed[index]).map((key) => redis.unlink(key))
    // A test may have left a revision in the future.
    await Promise.all([...others, ...lives.map((key) => redis.hset(key, "bytes", "0", "revision", "0", "taken", "0"))])
  }, url)
}
