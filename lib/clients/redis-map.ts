/** Which server has which slot, as the servers themselves say: asked every second, and at once when one refuses. */
import type { ScriptValue } from "./redis.ts"
import type { RedisNode } from "./redis-node.ts"
import { hostOf, type RedisServers } from "./redis-servers.ts"
import { createWitness, readShards, routesOf, slotOf, type View } from "./redis-topology.ts"

/** How old the knowledge of a cluster may be, so that a new master is known before it gets slots. */
const LOOK_EVERY_MS = 1_000
/** The same while a master is away, so that its successor is found soon, and after a new one was found. */
const LOOK_AGAIN_MS = 200

export function createClusterMap(servers: RedisServers, isTls: boolean) {
  const witness = createWitness()
  /** The address of each slot's master; undefined for a server that is no cluster, or has not been asked. */
  let routes: (string | undefined)[] | undefined
  let views: View[] = []
  let isAlone = false
  let foundNew = false
  const looks = createLooks(lookOnce, () => (isAlone ? undefined : isWhole() ? LOOK_EVERY_MS : LOOK_AGAIN_MS))

  const isWhole = (): boolean => !foundNew && (routes?.every((address) => servers.find(address)?.isReady()) ?? false)

  async function lookOnce(): Promise<void> {
    const answers = await Promise.all(servers.all().map(([address, node]) => viewOf(address, node, isTls)))
    isAlone ||= routes === undefined && answers.includes("no cluster")
    if (isAlone || looks.isOver()) return
    views = answers.filter((one) => typeof one === "object")
    foundNew = views.filter((one) => witness.note(one)).length > 0
    if (views.length === 0) {
      // All that are known are gone; the URL may lead to others.
      servers.at(servers.seed)
      return
    }
    routes = routesOf(views)
    const masters = views.flatMap(({ members }) => members.filter(({ isMaster }) => isMaster))
    servers.keep(new Set(masters.map(({ address }) => address)))
  }

  return {
    addressOf: (key: string): string | undefined => (routes === undefined ? servers.seed : routes[slotOf(key)]),
    masters: () => [...new Set(routes ?? [servers.seed])],
    /** To be called after each answer: the first makes it ask whether this is a cluster. */
    noteAnswer(): void {
      if (routes === undefined && !isAlone) looks.soon()
    },
    /** To be called after a failed call; with a redirection, if the server has named another one. */
    noteFailure(key: string, redirection?: { movedTo: string | undefined }): void {
      if (redirection) isAlone = false
      if (routes !== undefined || redirection) looks.soon()
      if (redirection?.movedTo !== undefined && routes) routes[slotOf(key)] = redirection.movedTo
    },
    /** Asks every server now, not in a round that has begun before. */
    async lookAnew() {
      await looks.anew()
      return { views, sawBoth: witness.sawBoth }
    },
    close: looks.end,
  }
}

/** Repeats `look`, one at a time, each time after `delayMs`; for as long as that is given. */
function createLooks(look: () => Promise<void>, delayMs: () => number | undefined) {
  let timer: NodeJS.Timeout | undefined
  let looking: Promise<void> | undefined
  let lookedAt = Number.NEGATIVE_INFINITY
  let isOver = false

  function now(): Promise<void> {
    looking ??= look().finally(() => {
      looking = undefined
      lookedAt = performance.now()
      schedule(delayMs())
    })
    return looking
  }

  function schedule(afterMs: number | undefined): void {
    clearTimeout(timer)
    if (afterMs === undefined || isOver) return
    timer = setTimeout(() => void now(), afterMs)
    timer.unref()
  }

  return {
    soon(): void {
      if (!looking && performance.now() - lookedAt >= LOOK_AGAIN_MS) void now()
      else schedule(LOOK_AGAIN_MS)
    },
    /** Looks once more, even if a look is under way. */
    async anew(): Promise<void> {
      await looking
      await now()
    },
    isOver: () => isOver,
    end(): void {
      isOver = true
      clearTimeout(timer)
    },
  }
}

/** Returns what a server says; undefined if it does not answer. */
async function viewOf(address: string, node: RedisNode, isTls: boolean): Promise<View | "no cluster" | undefined> {
  if (!node.isReady()) return undefined
  const askedAt = performance.now()
  try {
    const asked = [node.call("INFO", "replication"), node.call("CLUSTER", "MYID"), node.call("CLUSTER", "SHARDS")]
    const [info, id, shards] = await Promise.all(asked)
    const life = /master_replid:(\w+)/.exec(String(info))?.[1] ?? ""
    const members = readShards(shards as ScriptValue[], hostOf(address), isTls)
    return { life, id: String(id), members, askedAt, answeredAt: performance.now() }
  } catch (error) {
    return isNoCluster(error) ? "no cluster" : undefined
  }
}

/** Returns whether a server is no part of a cluster, or does not let this user ask; a redirection would still tell. */
const isNoCluster = (error: unknown): boolean =>
  error instanceof Error &&
  /cluster support disabled|NOPERM|unknown command/i.test(
    `${error.message} ${(error.cause as Error | undefined)?.message}`,
  )
