/**
 * The faults of a cluster of Redis: of one node, or of the slots of a few shards. Each waits until the cluster is whole,
 * and leaves it whole, unless that takes longer than the cluster needs to recover.
 */
import { setTimeout as sleep } from "node:timers/promises"
import type { ClusterNode } from "../../local/services/cluster-node.ts"
import { below, pick, type Random, shuffled } from "../load/random.ts"
import { type Nodes, slotOfShard } from "../targets/cluster.ts"
import type { Target } from "../targets/target.ts"
import type { Fault } from "./fault.ts"
import { keepUp } from "./keep-up.ts"

/** The shards that are moved by one fault, at most. */
const MOVED_MAX = 3
/** A slot that is moved under load takes a second or so. */
const KEYS_PER_BATCH = 100
/** A move that failed half-way is made again: its slot would stay open for ever. */
const MOVE_ATTEMPTS = 3
/** From a delay that the API hardly notices to one at which a call takes longer than it waits. */
const DELAY_MS_MIN = 50
const DELAY_MS_MAX = 800

type Hits = (shards: readonly string[]) => void
type Act = (nodes: Nodes, ms: number, hits: Hits) => Promise<void>

const nodesOf = ({ cluster }: Target): Nodes => {
  if (!cluster) throw new Error("the target has no cluster of Redis")
  return cluster.nodes
}

const fault = (name: string, act: Act, more: Partial<Fault> = {}): Fault => ({
  name,
  harms: "redis",
  atNode: true,
  ...more,
  async run(target, ms, hits = () => undefined) {
    const nodes = nodesOf(target)
    await nodes.waitUntilHealthy()
    await act(nodes, ms, hits)
  },
})

const masters = (nodes: Nodes): ClusterNode[] => nodes.nodes.filter(({ role }) => role === "master")

const oneOf = <T>(random: Random, items: readonly T[]): T => {
  const item = pick(random, items)
  if (item === undefined) throw new Error("the cluster has none to choose from")
  return item
}

/** Chooses a master, and tells its shards. */
const hitMaster = async (nodes: Nodes, random: Random, hits: Hits, among = masters(nodes)): Promise<ClusterNode> => {
  const node = oneOf(random, among)
  hits(await nodes.shardsOf(node))
  return node
}

/** Kills a master, waits until it has been replaced, and starts it again as a replica. */
const failOver: Act = async (nodes, ms, hits) => {
  const master = masters(nodes).find(nodes.isCopied) as ClusterNode
  hits(await nodes.shardsOf(master))
  const since = performance.now()
  await nodes.kill(master)
  try {
    await nodes.waitUntilHealthy()
    await sleep(Math.max(0, ms - (performance.now() - since)))
  } finally {
    await nodes.restart(master)
  }
  await nodes.waitUntilHealthy()
}

const killMaster =
  (random: Random): Act =>
  async (nodes, ms, hits) => {
    const alone = masters(nodes).filter((node) => !nodes.isCopied(node))
    const node = await hitMaster(nodes, random, hits, alone)
    await keepUp(
      ms,
      () => nodes.kill(node),
      () => nodes.restart(node),
    )
  }

const freezeNode =
  (random: Random): Act =>
  async (nodes, ms, hits) => {
    const node = await hitMaster(nodes, random, hits)
    await keepUp(
      ms,
      () => nodes.freeze(node),
      () => nodes.thaw(node),
    )
  }

const cutNode =
  (random: Random): Act =>
  async (nodes, ms, hits) => {
    const link = nodes.linkTo(await hitMaster(nodes, random, hits))
    await keepUp(ms, link.cut, link.restore)
  }

const delayNode =
  (random: Random): Act =>
  async (nodes, ms, hits) => {
    const link = nodes.linkTo(await hitMaster(nodes, random, hits))
    const delayMs = Math.round(DELAY_MS_MIN + random() * (DELAY_MS_MAX - DELAY_MS_MIN))
    await keepUp(ms, () => link.delay(delayMs), link.restore)
  }

const wipeNode =
  (random: Random): Act =>
  async (nodes, _ms, hits) =>
    nodes.wipe(await hitMaster(nodes, random, hits))

/** Moves a shard key by key. `pause` is called once, when some of its keys have been moved. */
const move = async (nodes: Nodes, shard: string, to: ClusterNode, pause?: () => Promise<unknown>) => {
  let mayPause = pause !== undefined
  const pauseBetween = async (moved: number) => {
    if (!mayPause || moved === 0) return
    mayPause = false
    await pause?.()
  }
  for (let attempt = 1; ; attempt++) {
    try {
      return await nodes.moveSlot(slotOfShard(shard), to, { keysPerBatch: KEYS_PER_BATCH, pauseBetween })
    } catch (error) {
      if (attempt === MOVE_ATTEMPTS) throw error
    }
  }
}

/** Chooses up to `most` shards in use, and tells them. */
const hitShards = async (nodes: Nodes, random: Random, hits: Hits, most: number): Promise<string[]> => {
  const shards = shuffled(random, await nodes.busyShards()).slice(0, 1 + below(random, most))
  hits(shards)
  return shards
}

const otherMaster = async (nodes: Nodes, shard: string, random: Random): Promise<ClusterNode> => {
  const owner = await nodes.ownerOf(shard)
  return oneOf(
    random,
    masters(nodes).filter(({ id }) => id !== owner.id),
  )
}

const moveSlots =
  (random: Random): Act =>
  async (nodes, _ms, hits) => {
    for (const shard of await hitShards(nodes, random, hits, MOVED_MAX)) {
      await move(nodes, shard, await otherMaster(nodes, shard, random))
    }
  }

const halfMoveSlot =
  (random: Random): Act =>
  async (nodes, ms, hits) => {
    for (const shard of await hitShards(nodes, random, hits, 1)) {
      await move(nodes, shard, await otherMaster(nodes, shard, random), () => sleep(ms))
    }
  }

const moveSlotsAtOnce =
  (random: Random): Act =>
  async (nodes, _ms, hits) => {
    const shards = await hitShards(nodes, random, hits, MOVED_MAX)
    const to = await otherMaster(nodes, shards[0] as string, random)
    await nodes.moveSlotsAtOnce(shards.map(slotOfShard), to)
  }

/** Gives a new node some shards for a while. */
const addNode =
  (random: Random): Act =>
  async (nodes, ms, hits) => {
    const shards = await hitShards(nodes, random, hits, MOVED_MAX)
    const others = masters(nodes)
    const added = await nodes.addMaster()
    const moveAll = async (to: () => ClusterNode) => {
      for (const shard of shards) await move(nodes, shard, to())
    }
    await keepUp(
      ms,
      () => moveAll(() => added),
      () => moveAll(() => oneOf(random, others)),
    )
    await nodes.removeMaster(added)
  }

/** Returns the faults of a cluster. `random` is drawn from at each run. */
export const nodeFaults = ({ movesAtOnce }: Pick<Nodes, "movesAtOnce">, random: Random): Fault[] => [
  fault("fail over", failOver),
  fault("kill master", killMaster(random)),
  fault("freeze node", freezeNode(random), { freezes: true }),
  fault("cut node", cutNode(random)),
  fault("delay node", delayNode(random)),
  fault("move slots", moveSlots(random)),
  fault("half move slot", halfMoveSlot(random)),
  ...(movesAtOnce ? [fault("move at once", moveSlotsAtOnce(random))] : []),
  fault("add node", addNode(random)),
  fault("wipe node", wipeNode(random), { losesData: true }),
]
