// Measures creations where Redis' syncs to disk take longer, as on slower devices.
import { cpus } from "node:os"
import { awaitQuiet } from "../../campaign/verdict/settle.ts"
import { progressOn } from "../../local/progress.ts"
import { stackFolder } from "../../local/services/settings.ts"
import type { Bench, Bound, Figure, LoneRun, Versions } from "../report/bench-run.ts"
import { ask, createChats, creationIn, percentile } from "../stack/load.ts"
import { type SlowRedis, startSlowRedis } from "../stack/slow-redis.ts"
import { type BenchStack, startBenchStack } from "../stack/stack.ts"
import { versionsOf } from "../stack/versions.ts"
import { warmUp } from "../stack/warm-up.ts"

const ADDED_MS = [0, 2, 5, 10]
const CONNECTIONS = [16, 64, 256]
const CHATS = 32
const SECONDS = 10
const QUIET_LIMIT_MS = 120_000
/** A creation waits for the sync under way, and for its own: with one more for whatever else, all that is due. */
const SYNCS_MAX = 3
/** Or else the processors are what is short: of two, as good as all. */
const BUSY_MIN = 1.9

/** Returns the seconds for which all processors together have worked since the machine started. */
const busySeconds = (): number =>
  cpus().reduce((sum, { times }) => sum + times.user + times.nice + times.sys + times.irq, 0) / 1_000

type Servers = { stack: BenchStack; redis: SlowRedis }

async function measure(
  { stack, redis }: Servers,
  chats: string[],
  addedMs: number,
  connections: number,
  scale: number,
) {
  await redis.slow(addedMs)
  const [started, busy, synced] = [performance.now(), busySeconds(), await redis.synced()]
  const seconds = Math.max(2, SECONDS * scale)
  const { created, failed, perSecond, latencies } = await ask(stack.apiUrl, chats.map(creationIn), {
    connections,
    seconds,
  })
  const took = (performance.now() - started) / 1_000
  const busyProcessors = (busySeconds() - busy) / took
  const after = await redis.synced()
  const syncs = after.syncs - synced.syncs
  const syncMs = (after.microseconds - synced.microseconds) / syncs / 1_000
  await redis.slow(0)
  await awaitQuiet(stack.direct, QUIET_LIMIT_MS)
  const p99 = percentile(latencies, 99)
  const figure: Figure = {
    name: `${connections} connections, syncs ${addedMs} ms longer`,
    ...{ perSecond, p50: percentile(latencies, 50), p99, syncMs, p99InSyncs: p99 / syncMs, perSync: created / syncs },
    busyProcessors,
    /** At least 1 if the processors are busy, or nobody waits for more syncs than are due. */
    ofTarget: Math.max(busyProcessors / BUSY_MIN, SYNCS_MAX / (p99 / syncMs)),
    failed,
  }
  return figure
}

async function turns(servers: Servers, { rounds, scale, say }: LoneRun): Promise<Figure[]> {
  const chats = await createChats(servers.stack.apiUrl, CHATS)
  const figures: Figure[] = []
  for (let round = 0; round < rounds; round++)
    for (const addedMs of ADDED_MS)
      for (const connections of CONNECTIONS) {
        const figure = await measure(servers, chats, addedMs, connections, scale)
        figures.push(figure)
        const { name, perSecond, p99InSyncs, busyProcessors } = figure
        const [rate, waits, busy] = [perSecond, p99InSyncs, busyProcessors].map(Number) as [number, number, number]
        say(`${name}: ${Math.round(rate)}/s, p99 ${waits.toFixed(1)} syncs, ${busy.toFixed(2)} processors busy`)
      }
  return figures
}

export const slowDisk: Bench = {
  name: "slow-disk",
  about: `POST message into ${CHATS} chats on ${CONNECTIONS.join(", ")} connections for ${SECONDS} s, each write synced by a Redis whose syncs take ${ADDED_MS.join(", ")} ms longer than this machine's (a preloaded library; needs a C compiler); syncMs: what a sync takes; p99InSyncs: p99 as a multiple of it; perSync: creations that share one; ofTarget: at least 1 if ${BUSY_MIN} processors are busy, or p99 is at most ${SYNCS_MAX} syncs`,
  async runAlone(run) {
    const redis = await startSlowRedis(`${stackFolder("bench")}-slow-redis`)
    const progress = progressOn(process.stdout)
    let versions: Versions = {}
    try {
      const own = { url: redis.url, nodeUrls: [redis.url] }
      const stack = await startBenchStack({ progress, signal: run.signal, hurry: run.signal, redis: own })
      try {
        versions = await versionsOf(stack.direct.stores)
        run.say("warm-up of the servers")
        await warmUp(stack, run.scale)
        const figures = await turns({ stack, redis }, run)
        const names = [...new Set(figures.map(({ name }) => name))]
        const bounds = names.flatMap((name): Bound[] => [
          { of: "ofTarget", name, min: 1 },
          { of: "failed", name, max: 0 },
        ])
        return { figures, bounds, versions }
      } finally {
        await stack.stop()
        progress.end()
      }
    } finally {
      await redis.stop()
    }
  },
}
