/** The Redis of `npm test`: the stack's own server, or a cluster beside it. */
import { join } from "node:path"
import { LaunchFailure } from "../failure.ts"
import { type RedisCluster, startRedisCluster } from "./redis-cluster.ts"
import { stackFolder } from "./settings.ts"

const TEST_REDIS = ["single", "cluster", "valkey-cluster"] as const
type TestRedis = (typeof TEST_REDIS)[number]

/** The least that elects a successor, and more than the two between which a slot can be moved. */
const MASTERS = 3

/**
 * Returns which Redis the tests run on.
 * @throws LaunchFailure when CHAT_TEST_REDIS is unknown, or asks for a cluster where REDIS_URL gives another server.
 */
export const chooseTestRedis = (env: NodeJS.ProcessEnv): TestRedis => {
  const asked = TEST_REDIS.find((candidate) => candidate === (env.CHAT_TEST_REDIS || "single"))
  if (!asked)
    throw new LaunchFailure(`CHAT_TEST_REDIS=${env.CHAT_TEST_REDIS} is unknown: give ${TEST_REDIS.join(", ")}.`)
  if (asked !== "single" && env.REDIS_URL)
    throw new LaunchFailure(`CHAT_TEST_REDIS=${asked} starts a cluster of its own: unset REDIS_URL.`)
  return asked
}

/** Starts a cluster for one run of the tests, in the stack's folder. */
export const startTestCluster = (asked: Exclude<TestRedis, "single">): Promise<RedisCluster> =>
  startRedisCluster({
    masters: MASTERS,
    folder: join(stackFolder("test"), "redis-cluster"),
    server: asked === "cluster" ? "redis" : "valkey",
  })
