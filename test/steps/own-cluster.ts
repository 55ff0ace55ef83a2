// A Redis Cluster of a test's own, which it may freeze, kill and reshard.
import { mkdir, mkdtemp } from "node:fs/promises"
import { join } from "node:path"
import { afterAll, beforeAll } from "@jest/globals"
import { type ClusterOptions, type RedisCluster, startRedisCluster } from "../../local/services/redis-cluster.ts"
import { stackFolder } from "../../local/services/settings.ts"

/** The nodes find each other within seconds, which become tens of them on a busy machine. */
const START_LIMIT_MS = 60_000

/** Starts a cluster in a folder of its own, which `npm test` clears. The test removes it. */
export async function startCluster(options: Omit<ClusterOptions, "folder">): Promise<RedisCluster> {
  const clusters = join(stackFolder("test"), "clusters")
  await mkdir(clusters, { recursive: true })
  return startRedisCluster({ ...options, folder: await mkdtemp(join(clusters, "cluster-")) })
}

/** Runs one cluster for all tests of a file. */
export function useCluster(options: Omit<ClusterOptions, "folder">): () => RedisCluster {
  let cluster: RedisCluster | undefined
  beforeAll(async () => {
    cluster = await startCluster(options)
  }, START_LIMIT_MS)
  afterAll(() => cluster?.remove())
  return () => {
    if (!cluster) throw new Error("the cluster exists only in tests and after beforeAll")
    return cluster
  }
}
