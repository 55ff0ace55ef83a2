/**
 * A Redis Cluster for a campaign: three masters, of which the first has a replica, and a link before each node. Clients
 * are told the links; they begin at an entrance that leads to any node that is up, as those of managed clusters do.
 */

import { slotOf } from "../../lib/clients/redis-topology.ts"
import { lifeKey, SHARDS } from "../../lib/outbox/keys.ts"
import type { ClusterNode } from "../../local/services/cluster-node.ts"
import { type ClusterOptions, type RedisCluster, startRedisCluster } from "../../local/services/redis-cluster.ts"
import { type RunningLink, startLink } from "./link.ts"
import type { Link } from "./target.ts"

const MASTERS = 3
/**
 * Longer than the API waits for an answer (1.5 s), so that a master that hung cannot have a write acknowledged once its
 * replica has been promoted without it.
 */
const NODE_TIMEOUT_MS = 2_000
/** The shards that a fault chooses from: those with the most keys. */
const BUSY_MAX = 16

/** The cluster as faults see it. */
export type Nodes = Pick<
  RedisCluster,
  "nodes" | "kill" | "freeze" | "thaw" | "wipe" | "removeMaster" | "moveSlot" | "moveSlotsAtOnce" | "waitUntilHealthy"
> & {
  /** Whether slots can be moved at once, as in Valkey 9. */
  movesAtOnce: boolean
  /** Starts a node again, and resolves once it answers. */
  restart(node: ClusterNode): Promise<void>
  addMaster(): Promise<ClusterNode>
  /** Returns the link from the API, and from other nodes' replicas, to a node. */
  linkTo(node: ClusterNode): Link
  /** Returns whether the node is one of the two that copy each other. */
  isCopied(node: ClusterNode): boolean
  /** Returns the shards that a master has. */
  shardsOf(node: ClusterNode): Promise<string[]>
  /** Returns the owner of a shard. */
  ownerOf(shard: string): Promise<ClusterNode>
  /** Returns the shards in use, those of most keys first. */
  busyShards(): Promise<string[]>
}

export type FaultyCluster = {
  nodes: Nodes
  /** The URL for clients. */
  url: string
  /** Returns the URLs of the running nodes, past their links. */
  directUrls(): string[]
  stop(): Promise<void>
}

/** Returns the slot that holds all keys of a shard. */
export const slotOfShard = (shard: string): number => slotOf(lifeKey(shard))

/** Refuses writes while its copy is away: only then is a write that was answered in two places when its master dies. */
const protect = (cluster: RedisCluster, node: ClusterNode) =>
  cluster.ask(node, "CONFIG", "SET", "min-replicas-to-write", 1)

const busyShards = async (cluster: RedisCluster): Promise<string[]> => {
  const ownerOf = await cluster.owners()
  const counted = await Promise.all(
    SHARDS.map(async (shard) => {
      const slot = slotOfShard(shard)
      return { shard, keys: Number(await cluster.ask(ownerOf(slot), "CLUSTER", "COUNTKEYSINSLOT", slot)) }
    }),
  )
  const used = counted.filter(({ keys }) => keys > 0).sort((one, other) => other.keys - one.keys)
  return used.slice(0, BUSY_MAX).map(({ shard }) => shard)
}

/** Starts the cluster in an empty folder of its own. */
export const startFaultyCluster = async (
  options: Pick<ClusterOptions, "folder" | "onEnd"> & { server: "redis" | "valkey" },
): Promise<FaultyCluster> => {
  const links = new Map<number, RunningLink>()
  const link = async (port: number) => {
    const started = links.get(port) ?? (await startLink({ host: "127.0.0.1", port }))
    links.set(port, started)
    return started.port
  }
  const cluster = await startRedisCluster({ ...options, masters: MASTERS, nodeTimeoutMs: NODE_TIMEOUT_MS, link })
  const running = () => cluster.nodes.filter(({ pid, isFrozen }) => pid !== undefined && !isFrozen)
  const [first] = cluster.nodes as [ClusterNode]
  const copied = new Set([first, await cluster.addReplica(first)])
  for (const node of copied) await protect(cluster, node)
  const linkTo = (node: ClusterNode) => links.get(node.port) as RunningLink
  const entrance = await startLink(() => {
    const open = running().find((node) => linkTo(node).isOpen())
    return open && { host: "127.0.0.1", port: linkTo(open).port }
  })
  return {
    url: `redis://127.0.0.1:${entrance.port}`,
    directUrls: () => running().map(({ port }) => `redis://127.0.0.1:${port}`),
    nodes: {
      ...cluster,
      nodes: cluster.nodes,
      movesAtOnce: options.server === "valkey",
      linkTo,
      isCopied: (node) => copied.has(node),
      async restart(node) {
        await cluster.restart(node)
        if (copied.has(node)) await protect(cluster, node)
      },
      async shardsOf(node) {
        const ownerOf = await cluster.owners()
        return SHARDS.filter((shard) => ownerOf(slotOfShard(shard)).id === node.id)
      },
      ownerOf: (shard) => cluster.ownerOf(slotOfShard(shard)),
      busyShards: () => busyShards(cluster),
    },
    async stop() {
      await cluster.remove()
      await Promise.all([entrance, ...links.values()].map((one) => one.stop()))
    },
  }
}
