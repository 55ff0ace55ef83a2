/** What the nodes of a Redis Cluster say of each other, and the wait until they agree. */
import { setTimeout as sleep } from "node:timers/promises"
import type { NodeServer } from "./cluster-node.ts"

export const SLOTS = 16_384
/** A node that has failed is known to be back after a few of the cluster's time-outs; more on a busy machine. */
const HEALTHY_LIMIT_MS = 45_000
const HEALTHY_POLL_MS = 50
/** Nodes tell each other of a claim at once; more on a busy machine. */
const CLAIMS_LIMIT_MS = 10_000
const CLAIMS_POLL_MS = 5
/** Flags of a node that is not, or not yet, taken for a member that answers. */
const UNSOUND = ["fail", "fail?", "handshake", "noaddr"]

/** One node as another sees it. */
type Seen = {
  id: string
  flags: string[]
  /** The id of its master; "-" for a master. */
  masterId: string
  epoch: number
  isConnected: boolean
  /** Its ranges of slots, first and last. */
  ranges: [number, number][]
}

/** Returns the lines of CLUSTER NODES. Slots that are on their way, which it shows in brackets, stay with their owner. */
const parseNodes = (text: string): Seen[] =>
  text
    .split("\n")
    .filter(Boolean)
    .map((line) => {
      const [id = "", , flags = "", masterId = "-", , , epoch, link, ...slots] = line.split(" ")
      const ranges = slots
        .filter((range) => !range.startsWith("["))
        .map((range): [number, number] => {
          const [first = "", last = first] = range.split("-")
          return [Number(first), Number(last)]
        })
      return { id, flags: flags.split(","), masterId, epoch: Number(epoch), isConnected: link === "connected", ranges }
    })

/** Returns the nodes as one of them sees them. */
export const viewOf = (node: NodeServer): Promise<Seen[]> =>
  node.use(async (redis) => parseNodes(`${await redis.call("CLUSTER", "NODES")}`))

export const isRunning = (node: NodeServer): boolean => node.pid !== undefined && !node.isFrozen

const sizeOf = (ranges: Seen["ranges"]) => ranges.reduce((sum, [first, last]) => sum + last - first + 1, 0)

/** Returns what a node lacks to be healthy in its own eyes. */
const lackOf = async (node: NodeServer): Promise<string | undefined> =>
  node.use(async (redis) => {
    const info = `${await redis.call("CLUSTER", "INFO")}`
    if (!info.includes("cluster_state:ok")) return "cluster_state is not ok"
    const replication = await redis.info("replication")
    if (replication.includes("role:slave") && !replication.includes("master_link_status:up"))
      return "it has no copy of its master's data yet"
    return undefined
  })

/** Returns what one running node knows otherwise than it should; what it takes for true is compared afterwards. */
const faultIn = (view: Seen[], running: readonly NodeServer[]): string | undefined => {
  for (const { id, name } of running) {
    const seen = view.find((one) => one.id === id)
    if (!seen) return `it does not know ${name}`
    const unsound = seen.flags.find((flag) => UNSOUND.includes(flag))
    if (unsound) return `it takes ${name} for ${unsound}`
    if (!seen.isConnected) return `it has no link to ${name}`
  }
  const owned = view.filter(({ id }) => running.some((node) => node.id === id))
  const slots = owned.reduce((sum, { ranges }) => sum + sizeOf(ranges), 0)
  return slots === SLOTS ? undefined : `only ${slots} slots have an owner that runs`
}

/** Returns who is a master of which slots and who copies whom, as a text to compare. */
const orderOf = (view: Seen[], running: readonly NodeServer[]): string =>
  view
    .filter(({ id }) => running.some((node) => node.id === id))
    .map(({ id, flags, masterId, ranges }) =>
      [id, flags.includes("master") ? "master" : masterId, ...ranges.map((range) => range.join("-"))].join(" "),
    )
    .sort()
    .join("\n")

/** Returns why the cluster is not healthy; undefined if it is, and then the nodes have their roles. */
const complaint = async (nodes: readonly NodeServer[]): Promise<string | undefined> => {
  const running = nodes.filter(isRunning)
  const views = new Map<NodeServer, Seen[]>()
  for (const node of running) {
    const view = await viewOf(node)
    const fault = (await lackOf(node)) ?? faultIn(view, running)
    if (fault) return `${node.name}: ${fault}`
    views.set(node, view)
  }
  const orders = new Set([...views.values()].map((view) => orderOf(view, running)))
  if (orders.size !== 1) return "the nodes do not agree on masters, replicas and slots"
  for (const [node, view] of views) {
    const own = view.find(({ id }) => id === node.id)
    const role = own?.flags.includes("master") ? "master" : "replica"
    if (role === "master" && node.role === "replica") node.promotedAt = performance.now()
    node.role = role
  }
  return undefined
}

/**
 * Waits until every slot has an owner that runs, all running nodes agree, and every running replica has its copy. Nodes
 * that are down or frozen may be missed, if others have replaced them.
 */
export const untilHealthy = async (nodes: readonly NodeServer[], limitMs: number = HEALTHY_LIMIT_MS): Promise<void> => {
  const limit = performance.now() + limitMs
  for (;;) {
    const why = await complaint(nodes).catch((error: Error) => error.message)
    if (!why) return
    if (performance.now() > limit) throw new Error(`the cluster is not healthy after ${limitMs} ms: ${why}`)
    await sleep(HEALTHY_POLL_MS)
  }
}

/** What all running nodes know of each other's latest claims, as a text to compare. */
const claimsOf = (view: Seen[], running: readonly NodeServer[]): string =>
  view
    .filter(({ id }) => running.some((node) => node.id === id))
    .map(({ id, epoch }) => `${id} ${epoch}`)
    .sort()
    .join()

/**
 * Waits until all running nodes know each other's latest claims. Moved before that, a slot can be left without any owner:
 * its new master makes a claim as late as one of the old master's that it has not heard of, hears of it, and gives way.
 */
export const untilClaimsKnown = async (nodes: readonly NodeServer[]): Promise<void> => {
  const limit = performance.now() + CLAIMS_LIMIT_MS
  for (;;) {
    const running = nodes.filter(isRunning)
    const views = await Promise.all(running.map(viewOf))
    if (new Set(views.map((view) => claimsOf(view, running))).size <= 1) return
    if (performance.now() > limit) throw new Error(`the nodes do not agree on their claims after ${CLAIMS_LIMIT_MS} ms`)
    await sleep(CLAIMS_POLL_MS)
  }
}

/** Returns a function that tells who owns a slot in the eyes of the nodes that run; the latest claim counts. */
export const owners = async (nodes: readonly NodeServer[]): Promise<(slot: number) => NodeServer> => {
  const views = await Promise.all(nodes.filter(isRunning).map(viewOf))
  const latestFirst = views.flat().sort((one, other) => other.epoch - one.epoch)
  return (slot) => {
    const claim = latestFirst.find(({ ranges }) => ranges.some(([first, last]) => first <= slot && slot <= last))
    const owner = nodes.find(({ id }) => id === claim?.id)
    if (!owner) throw new Error(`slot ${slot} has no owner`)
    return owner
  }
}
