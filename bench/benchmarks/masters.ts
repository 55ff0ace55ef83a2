// Measures creations with the shards on one, two and three masters of a Redis Cluster, in turns.
import { setTimeout as sleep } from "node:timers/promises"
import { slotOfShard } from "../../campaign/targets/cluster.ts"
import { processorMsOf } from "../../campaign/targets/process-group.ts"
import { awaitQuiet } from "../../campaign/verdict/settle.ts"
import type { DirectStores } from "../../campaign/verdict/stores.ts"
import { SHARDS } from "../../lib/outbox/keys.ts"
import { progressOn } from "../../local/progress.ts"
import type { ClusterNode } from "../../local/services/cluster-node.ts"
import { type RedisCluster, startRedisCluster } from "../../local/services/redis-cluster.ts"
import { stackFolder } from "../../local/services/settings.ts"
import type { Bench, Bound, Figure, LoneRun, Versions } from "../report/bench-run.ts"
import { plotMedians } from "../report/plots.ts"
import { ask, createChats, creationIn, percentile } from "../stack/load.ts"
import { kept } from "../stack/rows.ts"
import { type BenchStack, startBenchStack } from "../stack/stack.ts"
import { versionsOf } from "../stack/versions.ts"
import { warmUp } from "../stack/warm-up.ts"

const MASTERS = [1, 2, 3]
const CONNECTIONS = 64
const APPLICATIONS = 64
const SECONDS = 15
const QUIET_LIMIT_MS = 120_000
/** Until the API knows where the shards are, and each of them takes writes again. */
const MOVED_SECONDS = 5
/** By then nearly all creations are stored and indexed; checking that would cost processor time. */
const AFTERWARDS_MS = 1_500
/** What three masters must give of the rate of one, since on one machine their syncs share a disk and its processors. */
const SHARE_MIN = 0.9

type Servers = { cluster: RedisCluster; stack: BenchStack }

const nameOf = (masters: number) => (masters === 1 ? "1 master" : `${masters} masters`)

/** Gives each of the first masters an equal part of the shards; the others have no keys then. */
async function spread(cluster: RedisCluster, masters: number): Promise<void> {
  for (const [index, shard] of SHARDS.entries()) {
    await cluster.moveSlot(slotOfShard(shard), cluster.nodes[index % masters] as ClusterNode)
  }
}

/** Returns the milliseconds of processor time that all masters have used, and the time and number of their scripts. */
async function spent({ nodes, ask: send }: RedisCluster) {
  const processorMs = processorMsOf(nodes.flatMap(({ pid }) => pid ?? []))
  let [scripts, scriptUs] = [0, 0]
  for (const node of nodes) {
    const stats = `${await send(node, "INFO", "commandstats")}`
    for (const [, calls, us] of stats.matchAll(/^cmdstat_eval(?:sha)?:calls=(\d+),usec=(\d+)/gm)) {
      scripts += Number(calls)
      scriptUs += Number(us)
    }
  }
  return { processorMs, scripts, scriptUs }
}

/** Waits until everything is stored and indexed. Throws if it takes too long, since that must not pass unseen. */
async function untilQuiet(direct: DirectStores): Promise<void> {
  const { left } = await awaitQuiet(direct, QUIET_LIMIT_MS)
  const { outboxBytes: _bytes, ...waiting } = left
  const isQuiet = Object.values(waiting).every((count) => count === 0)
  if (!isQuiet) throw new Error(`after ${QUIET_LIMIT_MS} ms there is still something left: ${JSON.stringify(left)}`)
}

async function measure({ cluster, stack }: Servers, masters: number, chats: string[], seconds: number) {
  const { apiUrl, direct } = stack
  await spread(cluster, masters)
  const asked = chats.map(creationIn)
  const first = await ask(apiUrl, asked, { connections: CONNECTIONS, seconds: MOVED_SECONDS })
  await untilQuiet(direct)
  const before = await spent(cluster)
  const { created, failed, perSecond, latencies } = await ask(apiUrl, asked, { connections: CONNECTIONS, seconds })
  await sleep(AFTERWARDS_MS)
  const after = await spent(cluster)
  await untilQuiet(direct)
  const scripts = after.scripts - before.scripts
  const figure: Figure = {
    name: nameOf(masters),
    perSecond,
    p50: percentile(latencies, 50),
    p99: percentile(latencies, 99),
    redisUs: ((after.processorMs - before.processorMs) * 1_000) / created,
    scriptUs: (after.scriptUs - before.scriptUs) / scripts,
    scriptsEach: scripts / created,
    failed,
  }
  return { figure, created: created + first.created }
}

async function turns(servers: Servers, { rounds, scale, say }: LoneRun): Promise<Figure[]> {
  const chats = await createChats(servers.stack.apiUrl, APPLICATIONS)
  const figures: Figure[] = []
  let created = 0
  for (let round = 0; round < rounds; round++) {
    for (const masters of round % 2 === 0 ? MASTERS : MASTERS.toReversed()) {
      const one = await measure(servers, masters, chats, Math.max(2, SECONDS * scale))
      created += one.created
      figures.push(one.figure)
      const { name, perSecond, redisUs } = one.figure
      say(`${name}: ${Math.round(Number(perSecond))}/s, ${Math.round(Number(redisUs))} µs of Redis each`)
    }
  }
  const { rows, documents } = await kept(servers.stack.direct, chats)
  // Requests that were cut off at the end of a turn may have been accepted: there may be more rows than answers.
  const missing = { missingRows: Math.max(0, created - rows), missingDocuments: rows - documents }
  return [...figures, { name: "all rounds on masters", created, ...missing }]
}

async function onCluster<Result>(run: LoneRun, act: (servers: Servers) => Promise<Result>): Promise<Result> {
  const cluster = await startRedisCluster({
    masters: Math.max(...MASTERS),
    // Beside the folder of the services, which clear theirs.
    folder: `${stackFolder("bench")}-cluster`,
  })
  try {
    const redis = { url: cluster.url, nodeUrls: cluster.urls }
    const progress = progressOn(process.stdout)
    const stack = await startBenchStack({ progress, signal: run.signal, hurry: run.signal, redis })
    try {
      return await act({ cluster, stack })
    } finally {
      await stack.stop()
      progress.end()
    }
  } finally {
    await cluster.remove()
  }
}

export const masters: Bench = {
  name: "masters",
  about: `POST message into ${APPLICATIONS} chats of as many applications on ${CONNECTIONS} connections for ${SECONDS} s, with the 64 shards on ${MASTERS.join(", ")} of three masters of a Redis Cluster, each syncing every write; redisUs: their processor time per creation; scriptUs: what a script takes in Redis`,
  async runAlone(run) {
    let versions: Versions = {}
    const figures = await onCluster(run, async (servers) => {
      versions = await versionsOf(servers.stack.direct.stores)
      run.say("warm-up of the servers")
      await warmUp(servers.stack, run.scale)
      return turns(servers, run)
    })
    const [one = "", ...more] = MASTERS.map(nameOf)
    const bounds: Bound[] = [
      ...more.map((name): Bound => ({ of: "perSecond", name, to: one, min: SHARE_MIN })),
      ...[one, ...more].map((name): Bound => ({ of: "failed", name, max: 0 })),
      { of: "missingRows", name: "all rounds on masters", max: 0 },
      { of: "missingDocuments", name: "all rounds on masters", max: 0 },
    ]
    const plots = [
      plotMedians(figures.slice(0, -1), {
        file: "masters",
        title: "Creations by number of masters of Redis",
        unit: "per second",
        series: { perSecond: `POST message, ${CONNECTIONS} connections` },
      }),
    ]
    return { figures, bounds, versions, plots }
  },
}
