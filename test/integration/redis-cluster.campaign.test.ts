// The cluster that campaigns harm: which writes it takes, where clients get in, and how its shards are counted.
import { mkdir, mkdtemp } from "node:fs/promises"
import { join } from "node:path"
import { afterAll, beforeAll, expect, jest, test } from "@jest/globals"
import { Redis } from "ioredis"
import { type FaultyCluster, slotOfShard, startFaultyCluster } from "../../campaign/targets/cluster.ts"
import { createRedisReader, type RedisReader } from "../../campaign/verdict/redis-reader.ts"
import { outboxKey, SHARDS } from "../../lib/outbox/keys.ts"
import type { ClusterNode } from "../../local/services/cluster-node.ts"
import { stackFolder } from "../../local/services/settings.ts"
import { eventually } from "../steps/eventually.ts"

const TEST_LIMIT_MS = 60_000
const SOON_MS = 10_000
const ANSWER_MS = 2_000

jest.setTimeout(TEST_LIMIT_MS)
let cluster: FaultyCluster
let reader: RedisReader

beforeAll(async () => {
  const clusters = join(stackFolder("test"), "clusters")
  await mkdir(clusters, { recursive: true })
  cluster = await startFaultyCluster({ folder: await mkdtemp(join(clusters, "campaign-")), server: "redis" })
  reader = createRedisReader(cluster.directUrls, ANSWER_MS)
})
afterAll(async () => {
  reader?.close()
  await cluster?.stop()
})

/** Sends a command to a node directly. Returns the reply, or the error. */
async function ask(node: ClusterNode, command: string, ...args: (string | number)[]): Promise<unknown> {
  const redis = new Redis(node.port, "127.0.0.1", { lazyConnect: true, retryStrategy: null })
  redis.on("error", () => undefined)
  try {
    await redis.connect()
    return await redis.call(command, ...args)
  } catch (error) {
    return (error as Error).message
  } finally {
    redis.disconnect()
  }
}

const sizes = async (): Promise<number[]> =>
  ((await reader.ofEachShard((pipeline, shard) => pipeline.hlen(outboxKey(shard)))) as number[]).map(Number)
const fill = async (shard: string) => ask(await cluster.nodes.ownerOf(shard), "HSET", outboxKey(shard), "f", "event")

test("the master with a replica: takes writes only while it has its copy; the others take them always", async () => {
  const { nodes } = cluster
  const [master, other] = nodes.nodes as [ClusterNode, ClusterNode]
  const replica = nodes.nodes[3] as ClusterNode
  expect([master, other, replica].map(nodes.isCopied)).toEqual([true, false, true])
  const [own = ""] = await nodes.shardsOf(master)
  const [elsewhere = ""] = await nodes.shardsOf(other)
  expect(await fill(own)).toBe(1)
  await nodes.kill(replica)
  await eventually(async () => expect(await fill(own)).toContain("NOREPLICAS"), SOON_MS)
  expect(await fill(elsewhere)).toBe(1)
  await nodes.restart(replica)
  await eventually(async () => expect(await fill(own)).toBe(0), SOON_MS)
  await nodes.waitUntilHealthy()
})

test("the entrance: leads to a node that is up and not cut off", async () => {
  const { nodes, url } = cluster
  const portBehind = async () => {
    const redis = new Redis(url, { maxRetriesPerRequest: 0, retryStrategy: null })
    try {
      return Number(/tcp_port:(\d+)/.exec(await redis.info("server"))?.[1])
    } finally {
      redis.disconnect()
    }
  }
  const [first, second, third] = nodes.nodes as [ClusterNode, ClusterNode, ClusterNode]
  expect(await portBehind()).toBe(first.port)
  await nodes.linkTo(first).cut()
  expect(await portBehind()).toBe(second.port)
  await nodes.kill(second)
  expect(await portBehind()).toBe(third.port)
  await nodes.linkTo(first).restore()
  await nodes.restart(second)
  await nodes.waitUntilHealthy()
})

test("the reader of all shards: finds each wherever it is, on an added node too, and none that is away", async () => {
  const { nodes } = cluster
  for (const shard of SHARDS) await fill(shard)
  await eventually(async () => expect(await sizes()).toEqual(SHARDS.map(() => 1)), SOON_MS)
  const [shard = ""] = await nodes.busyShards()
  const from = await nodes.ownerOf(shard)
  const added = await nodes.addMaster()
  await nodes.moveSlot(slotOfShard(shard), added)
  expect((await nodes.ownerOf(shard)).id).toBe(added.id)
  await eventually(async () => expect(await sizes()).toEqual(SHARDS.map(() => 1)), SOON_MS)
  await nodes.moveSlot(slotOfShard(shard), from)
  await nodes.removeMaster(added)
  expect(nodes.nodes).toHaveLength(4)
  await eventually(async () => expect(await sizes()).toEqual(SHARDS.map(() => 1)), SOON_MS)
  expect(await reader.memoryBytes()).toBeGreaterThan(0)
  await nodes.kill(from)
  await expect(sizes()).rejects.toThrow("no server has the shard")
  await nodes.restart(from)
  await nodes.waitUntilHealthy()
})
