/**
 * DESIGN. A Redis Cluster of processes of this machine, with the settings that the product asks of its Redis, for tests,
 * campaigns and benchmarks, which kill, freeze and move as they like. Nodes find each other by commands alone; no other
 * program is needed. Each node leads a process group and has a record in the folder, so the next cluster in the same
 * folder stops what a killed launcher has left. Nothing restarts a node by itself.
 */
import { mkdir, rm } from "node:fs/promises"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { LaunchFailure } from "../failure.ts"
import { stopLeftovers } from "../processes.ts"
import type { ProgramEnd } from "../supervisor.ts"
import { makeCertificates } from "./certificates.ts"
import { type ClusterNode, clusterNode, type NodePorts, type NodeProgram, type NodeServer } from "./cluster-node.ts"
import { type MoveOptions, moveSlot, moveSlotsAtOnce } from "./cluster-slots.ts"
import { isRunning, owners, SLOTS, untilHealthy, viewOf } from "./cluster-view.ts"
import { freePorts, releasePorts } from "./free-ports.ts"
import { findRedis } from "./install.ts"
import { installValkey } from "./valkey.ts"

/** Long enough for a busy machine, short enough for a test to see a replica take over. */
const NODE_TIMEOUT_MS = 1_000
/**
 * A replica of Redis 7.0 (https://github.com/redis/redis/issues/8752) that stood for election within this many of the
 * cluster's time-outs counts the votes of then, makes itself master at once without any new ones, and drops what it has
 * taken as soon as the others object.
 */
const ELECTION_TIMEOUTS = 4
/** The least time-out that elections go by. */
const ELECTION_TIMEOUT_MS_MIN = 1_000
/** Redis itself gives a manual failover up after five seconds; by then it can be asked for again. */
const FAILOVER_GIVEN_UP_MS = 6_000
const FAILOVER_LIMIT_MS = 30_000
const FAILOVER_POLL_MS = 20

export type ClusterOptions = {
  masters: number
  /** The replicas of each master. */
  replicas?: 0 | 1
  /** Belongs to the cluster alone: it is emptied at the start and removed at the end. */
  folder: string
  /** Valkey 9 is downloaded when it is first asked for. */
  server?: "redis" | "valkey"
  /** Serves TLS only, clients and the cluster's bus alike, with an authority of its own. */
  tls?: boolean
  /** What the certificate is for, as openssl writes it, such as "DNS:localhost"; absent: any way to this machine. */
  certificateFor?: string
  /** After this long without an answer, a node is taken for failed. */
  nodeTimeoutMs?: number
  /** Refuses every slot while any has no owner that runs. */
  fullCoverage?: boolean
  /**
   * Called with the port of each node before it starts. Returns the port on which clients are told to reach it, such as
   * that of a link that can be cut. Replicas copy their master that way, too; the cluster's bus goes directly.
   */
  link?: (port: number) => Promise<number>
  /** More settings of each node, or other ones. */
  settings?: Record<string, string>
  /** Called when a node has ended that was not killed through the cluster. */
  onEnd?: (end: ProgramEnd) => void
}

export type RedisCluster = Awaited<ReturnType<typeof startRedisCluster>>

const programOf = async (options: ClusterOptions): Promise<NodeProgram> => {
  const { folder, server = "redis", tls, nodeTimeoutMs = NODE_TIMEOUT_MS, fullCoverage, settings, onEnd } = options
  const isValkey = server === "valkey"
  if (isValkey && tls) throw new LaunchFailure("The Valkey that can be downloaded is built without TLS: use Redis.")
  return {
    command: isValkey ? await installValkey(join(folder, "logs", "install.log")) : (findRedis() ?? "redis-server"),
    argv0: isValkey ? "valkey-server" : "redis-server",
    folder,
    settings: {
      "cluster-node-timeout": `${nodeTimeoutMs}`,
      "cluster-require-full-coverage": fullCoverage ? "yes" : "no",
      ...settings,
    },
    certificates: tls ? await makeCertificates(join(folder, "certificates"), options.certificateFor) : undefined,
    ...(onEnd && { onEnd }),
  }
}

const nodesFrom = async (first: number, count: number, program: NodeProgram, { link }: ClusterOptions) => {
  const nodes: NodeServer[] = []
  for (let number = first; number < first + count; number++) {
    const [port, busPort] = (await freePorts(2)) as [number, number]
    const announced = (await link?.(port)) ?? port
    nodes.push(clusterNode(`node-${number}`, { port, busPort, announced }, program))
  }
  return nodes
}

const meet = (node: NodeServer, { port, busPort }: NodePorts) =>
  node.use((redis) => redis.call("CLUSTER", "MEET", "127.0.0.1", port, busPort))

/** Gives the first nodes equal ranges of slots, and makes each other node the replica of one of them. */
const form = async (nodes: readonly NodeServer[], masters: number) => {
  for (const [index, node] of nodes.entries()) {
    await node.use(async (redis) => {
      // Masters with the same epoch would first have to settle which of them has the later claim.
      await redis.call("CLUSTER", "SET-CONFIG-EPOCH", index + 1)
      if (index >= masters) return
      const [first, next] = [index, index + 1].map((share) => Math.floor((share * SLOTS) / masters)) as [number, number]
      await redis.call("CLUSTER", "ADDSLOTSRANGE", first, next - 1)
    })
  }
  const [first, ...others] = nodes as [NodeServer, ...NodeServer[]]
  for (const { ports } of others) await meet(first, ports)
  await untilHealthy(nodes)
  for (const [index, node] of nodes.entries()) {
    const master = nodes[index - masters]
    if (master) await node.use((redis) => redis.call("CLUSTER", "REPLICATE", master.id))
  }
  await untilHealthy(nodes)
}

type FailoverOptions = {
  /** Does not ask the master, whose last writes the replica may not have. */
  isForced?: boolean
}

const isMaster = async (node: NodeServer) =>
  (await viewOf(node)).some(({ id, flags }) => id === node.id && flags.includes("master"))

/** Makes a replica the master, and waits until every node knows. */
const failover = async (
  replica: NodeServer,
  nodes: readonly NodeServer[],
  nodeTimeoutMs: number,
  { isForced }: FailoverOptions = {},
) => {
  const votesOldAfterMs = Math.max(nodeTimeoutMs, ELECTION_TIMEOUT_MS_MIN) * ELECTION_TIMEOUTS
  await sleep(Math.max(0, replica.promotedAt + votesOldAfterMs - performance.now()))
  const limit = performance.now() + FAILOVER_LIMIT_MS
  let askAgainAt = 0
  while (!(await isMaster(replica))) {
    const now = performance.now()
    if (now > limit) throw new Error(`${replica.name} has not become the master`)
    if (now >= askAgainAt) {
      askAgainAt = now + FAILOVER_GIVEN_UP_MS
      await replica.use((redis) => redis.call("CLUSTER", "FAILOVER", ...(isForced ? ["FORCE"] : [])))
    }
    await sleep(FAILOVER_POLL_MS)
  }
  await untilHealthy(nodes)
  if (replica.role !== "master") throw new Error(`${replica.name} has not stayed the master`)
}

const remove = async (nodes: readonly NodeServer[], folder: string) => {
  await Promise.all(nodes.map((node) => node.kill()))
  releasePorts(nodes.flatMap(({ ports: { port, busPort } }) => [port, busPort]))
  await rm(folder, { recursive: true, force: true })
}

/** Starts and joins the nodes; kills them again if that fails. */
const bringUp = async (nodes: readonly NodeServer[], { folder, masters }: ClusterOptions) => {
  try {
    await Promise.all(nodes.map((node) => node.start()))
    await form(nodes, masters)
  } catch (error) {
    await remove(nodes, folder)
    throw error
  }
}

/** Starts a master without slots, and returns it once all nodes know it. */
const addMaster = async (nodes: NodeServer[], program: NodeProgram, options: ClusterOptions): Promise<NodeServer> => {
  const last = Math.max(...nodes.map(({ name }) => Number(name.split("-")[1])))
  const [added] = (await nodesFrom(last + 1, 1, program, options)) as [NodeServer]
  const known = nodes.find(isRunning) as NodeServer
  nodes.push(added)
  await added.start()
  await meet(known, added.ports)
  await untilHealthy(nodes)
  return added
}

/** Removes a master without slots for good: every other node forgets it, before any of them could tell another of it. */
const removeMaster = async (removed: NodeServer, nodes: NodeServer[], folder: string) => {
  await removed.kill()
  nodes.splice(nodes.indexOf(removed), 1)
  const others = nodes.filter(isRunning)
  await Promise.all(others.map((node) => node.use((redis) => redis.call("CLUSTER", "FORGET", removed.id))))
  releasePorts([removed.ports.port, removed.ports.busPort])
  // A later node may get its name.
  await rm(join(folder, removed.name), { recursive: true, force: true })
  await untilHealthy(nodes)
}

/** Starts a replica of a master, and resolves once it has its copy. */
const addReplica = async (master: NodeServer, nodes: NodeServer[], program: NodeProgram, options: ClusterOptions) => {
  const added = await addMaster(nodes, program, options)
  await added.use((redis) => redis.call("CLUSTER", "REPLICATE", master.id))
  await untilHealthy(nodes)
  return added
}

/** Returns how to kill, freeze and ask single nodes. */
const nodeActions = (serverOf: (node: ClusterNode) => NodeServer) => ({
  /** Sends a command to a node. */
  ask: (node: ClusterNode, command: string, ...args: (string | number)[]): Promise<unknown> =>
    serverOf(node).use((redis) => redis.call(command, ...args)),
  /** Sends SIGKILL to a node and resolves once it is gone. */
  kill: (node: ClusterNode) => serverOf(node).kill(),
  /** Starts a node again, with its data, and resolves once it answers; the others may not take it in yet. */
  async restart(node: ClusterNode) {
    await serverOf(node).kill()
    await serverOf(node).start()
  },
  freeze: (node: ClusterNode) => serverOf(node).freeze(),
  thaw: (node: ClusterNode) => serverOf(node).thaw(),
  /** Deletes all data of a node. */
  async wipe(node: ClusterNode) {
    await serverOf(node).use((redis) => redis.flushall("SYNC"))
  },
})

/**
 * Starts a cluster on free ports of 127.0.0.1 and resolves once all its nodes agree. Masters come first in `nodes`, with
 * equal ranges of slots in their order, then their replicas in the same order.
 * @throws LaunchFailure or Error when a server is missing or does not come up; it leaves nothing running.
 */
export const startRedisCluster = async (options: ClusterOptions) => {
  const { folder, masters, replicas = 0 } = options
  await stopLeftovers(folder)
  await rm(folder, { recursive: true, force: true })
  await mkdir(folder, { recursive: true })
  const program = await programOf(options)
  const nodes = await nodesFrom(1, masters * (1 + replicas), program, options)
  await bringUp(nodes, options)
  const serverOf = (node: ClusterNode): NodeServer => {
    const server = nodes.find(({ id }) => id === node.id)
    if (!server) throw new Error(`${node.name} is of another cluster`)
    return server
  }
  return {
    /** Holds a folder for each node, named as it is, and their logs in "logs". */
    folder,
    nodes: nodes as readonly ClusterNode[],
    ...nodeActions(serverOf),
    /** The certificate that clients must trust, in PEM; undefined without TLS. */
    authority: program.certificates?.authority,
    /** The file with that certificate. */
    authorityFile: program.certificates?.authorityFile,
    /** The URL of each node. */
    get urls() {
      return nodes.map(({ url }) => url)
    },
    /** The URL of a node that runs. */
    get url() {
      return (nodes.find(isRunning) ?? (nodes[0] as NodeServer)).url
    },
    /** Starts a master without slots, and returns it once all nodes know it. */
    addMaster: (): Promise<ClusterNode> => addMaster(nodes, program, options),
    /** Starts a replica of a master, and returns it once it has its copy. */
    addReplica: (of: ClusterNode): Promise<ClusterNode> => addReplica(serverOf(of), nodes, program, options),
    /** Kills a master that has no slots, and resolves once all nodes have forgotten it. */
    removeMaster: (node: ClusterNode) => removeMaster(serverOf(node), nodes, folder),
    /** Moves a slot key by key; `pauseBetween` is called while it is half moved. */
    moveSlot: (slot: number, to: ClusterNode, how?: MoveOptions) => moveSlot(slot, serverOf(to), nodes, how),
    /** Moves slots at once, which only Valkey 9 can. */
    moveSlotsAtOnce: (slots: readonly number[], to: ClusterNode) => moveSlotsAtOnce(slots, serverOf(to), nodes),
    /** Returns the owner of a slot in the eyes of the nodes that run; it may be down itself. */
    ownerOf: async (slot: number): Promise<ClusterNode> => (await owners(nodes))(slot),
    /** Returns a function that tells the owner of any slot as it is now. */
    owners: (): Promise<(slot: number) => ClusterNode> => owners(nodes),
    /** Makes a replica the master, with its master's consent if not forced, and resolves once every node knows. */
    failover: (replica: ClusterNode, how?: FailoverOptions) =>
      failover(serverOf(replica), nodes, options.nodeTimeoutMs ?? NODE_TIMEOUT_MS, how),
    /** Waits until every slot has an owner that runs, all running nodes agree, and their roles are up to date. */
    waitUntilHealthy: (limitMs?: number) => untilHealthy(nodes, limitMs),
    /** Kills all nodes and removes the folder. */
    remove: () => remove(nodes, folder),
  }
}
