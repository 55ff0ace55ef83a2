/** The catalogue of faults: what a campaign can do to a target, and how that is undone. New faults are added here. */
import { setTimeout as sleep } from "node:timers/promises"
import { Redis } from "ioredis"
import type { LinkName, Server, ServerKind, Target } from "../targets/target.ts"
import type { Fault } from "./fault.ts"
import { keepUp } from "./keep-up.ts"
import { nodeFaults } from "./node-faults.ts"
import { emptyQueues, shuffleQueues } from "./queue-faults.ts"

const SERVER_KINDS: readonly ServerKind[] = ["redis", "mysql", "elasticmq", "elasticsearch", "api"]
const LINK_NAMES: readonly LinkName[] = ["client", "redis", "mysql", "elasticmq", "elasticsearch"]
/** From a delay that a client hardly notices to one beyond the time-out of a send to the queue. */
const DELAY_MS_MIN = 50
const DELAY_MS_MAX = 800
/** Longer than the minute between scheduled runs, and than any time-out of the API. */
const CLOCK_STEP_MS_MAX = 90_000
const CLOCK_STEP_MS_MIN = 1_000
/** Redis may still be restarting after an earlier fault. */
const WIPE_LIMIT_MS = 30_000
const WIPE_RETRY_MS = 100
const COMMAND_LIMIT_MS = 2_000

/** Returns numbers from 0 up to, but not including, 1. */
type Random = () => number

const between = (random: Random, min: number, max: number) => Math.round(min + random() * (max - min))

/** Deletes all data of Redis, the append-only file included. */
const wipeRedis = async ({ env }: Target) => {
  const limit = performance.now() + WIPE_LIMIT_MS
  for (;;) {
    const redis = new Redis(env.REDIS_URL ?? "", {
      lazyConnect: true,
      retryStrategy: null,
      commandTimeout: COMMAND_LIMIT_MS,
    })
    redis.on("error", () => undefined)
    try {
      await redis.connect()
      await redis.flushall("SYNC")
      return
    } catch (error) {
      if (performance.now() > limit) throw error
      await sleep(WIPE_RETRY_MS)
    } finally {
      redis.disconnect()
    }
  }
}

/** Returns a server of a kind, a random one of several. */
const oneOf = (target: Target, kind: ServerKind, random: Random): Server => {
  const servers = target.servers.filter((server) => server.kind === kind)
  const server = servers[Math.floor(random() * servers.length)]
  if (!server) throw new Error(`the target has no ${kind}`)
  return server
}

const serverFaults = (random: Random, kinds: readonly ServerKind[]): Fault[] =>
  kinds.flatMap((kind): Fault[] => [
    // It is restarted at once, so it stays away for as long as its start takes.
    { name: `kill ${kind}`, harms: kind, run: (target) => oneOf(target, kind, random).kill() },
    {
      name: `freeze ${kind}`,
      harms: kind,
      freezes: true,
      run: (target, ms) => {
        const server = oneOf(target, kind, random)
        return keepUp(ms, server.freeze, server.thaw)
      },
    },
  ])

const linkFaults = (random: Random): Fault[] =>
  LINK_NAMES.flatMap((name): Fault[] => [
    {
      name: `cut ${name}`,
      harms: name,
      run: ({ links }, ms) => keepUp(ms, links[name].cut, links[name].restore),
    },
    {
      name: `delay ${name}`,
      harms: name,
      run: ({ links }, ms) => {
        const delayMs = between(random, DELAY_MS_MIN, DELAY_MS_MAX)
        return keepUp(ms, () => links[name].delay(delayMs), links[name].restore)
      },
    },
  ])

const clockFault = (name: string, sign: 1 | -1, random: Random): Fault => ({
  name,
  harms: "api",
  run: ({ setClock }, ms) => {
    const stepMs = sign * between(random, CLOCK_STEP_MS_MIN, CLOCK_STEP_MS_MAX)
    return keepUp(
      ms,
      () => setClock(stepMs),
      () => setClock(0),
    )
  },
})

/** The faults of a single Redis that no other server has. */
const redisFaults: readonly Fault[] = [
  { name: "wipe redis", harms: "redis", losesData: true, run: wipeRedis },
  { name: "roll redis back", harms: "redis", losesData: true, run: ({ rollRedisBack }) => rollRedisBack() },
]

/** Returns all faults that a target supports. `random` is drawn from at each run. */
export const faultsFor = (target: Target, random: Random): Fault[] => [
  ...serverFaults(
    random,
    SERVER_KINDS.filter((kind) => !target.cluster || kind !== "redis"),
  ),
  ...linkFaults(random),
  { name: "empty queues", harms: "elasticmq", run: ({ env }, ms) => emptyQueues(env, ms) },
  { name: "shuffle queues", harms: "elasticmq", run: ({ env }, ms) => shuffleQueues(env, ms, random) },
  ...(target.cluster ? nodeFaults(target.cluster.nodes, random) : redisFaults),
  ...target.disks.map(
    ({ kind, fill, free }): Fault => ({
      name: `fill ${kind}`,
      harms: kind,
      run: (_target, ms) => keepUp(ms, fill, free),
    }),
  ),
  clockFault("clock back", -1, random),
  clockFault("clock forward", 1, random),
]
