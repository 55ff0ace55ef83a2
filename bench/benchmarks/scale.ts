// Measures several copies of the API behind compose's proxy: they must not answer fewer requests or consume twice.
import { setTimeout as sleep } from "node:timers/promises"
import { awaitQuiet } from "../../campaign/verdict/settle.ts"
import type { Bench, Bound, Figure, Versions } from "../report/bench-run.ts"
import { plotMedians } from "../report/plots.ts"
import { type ComposeStack, startComposeStack } from "../stack/compose-stack.ts"
import { ask, createChats, creationIn, percentile } from "../stack/load.ts"
import { missingNumbers } from "../stack/rows.ts"
import { noteOnVersions, unlikeCompose, versionsOf } from "../stack/versions.ts"
import { warmUp } from "../stack/warm-up.ts"

const REPLICAS = [1, 2, 3]
const CONNECTIONS = 64
const SECONDS = 15
const WARM_UP_SECONDS = 30
const QUIET_LIMIT_MS = 300_000
/** Rounds differ by some per cent; only more counts as a loss. */
const SHARE_MIN = 0.95
/** The engine delivers the output of containers with a delay. */
const LOG_WAIT_MS = 2_000

const nameOf = (replicas: number) => (replicas === 1 ? "1 copy" : `${replicas} copies`)

/** Returns how many queue messages the consumers took, and how many of those had been delivered before. */
async function consumed(stack: ComposeStack, since: Date) {
  await sleep(LOG_WAIT_MS)
  let [records, redelivered] = [0, 0]
  await stack.readApiLog(since, (line) => {
    if (!line.includes('"message":"batch"')) return
    const batch = JSON.parse(line) as { records: number; redelivered: number }
    records += batch.records
    redelivered += batch.redelivered
  })
  if (records === 0) throw new Error("the copies of the API have logged no batch")
  return { records, redelivered }
}

async function measure(stack: ComposeStack, replicas: number, seconds: number): Promise<Figure> {
  const { apiUrl, direct } = stack
  await stack.scaleTo(replicas)
  const [chat = ""] = await createChats(apiUrl, 1)
  const asked = [creationIn(chat)]
  const since = new Date()
  // New copies have not compiled their code yet.
  const before = await ask(apiUrl, asked, { connections: CONNECTIONS, seconds: WARM_UP_SECONDS })
  await awaitQuiet(direct, QUIET_LIMIT_MS)
  const { perSecond, latencies, failed } = await ask(apiUrl, asked, { connections: CONNECTIONS, seconds })
  await awaitQuiet(direct, QUIET_LIMIT_MS)
  return {
    name: nameOf(replicas),
    perSecond,
    p50: percentile(latencies, 50),
    p99: percentile(latencies, 99),
    failed: failed + before.failed,
    missingNumbers: await missingNumbers(direct, chat),
    ...(await consumed(stack, since)),
  }
}

export const replicas: Bench = {
  name: "scale",
  about: `POST message into one chat on ${CONNECTIONS} connections for ${SECONDS} s through the proxy of docker-compose.yml, with ${REPLICAS.join(", ")} copies of the API; records: queue messages consumed, redelivered: those of them that had been handed out before`,
  async runAlone({ rounds, scale: share, say, signal }) {
    const stack = await startComposeStack({ signal })
    const figures: Figure[] = []
    let versions: Versions
    try {
      versions = await versionsOf(stack.direct.stores)
      say("warm-up of the servers")
      await warmUp(stack, share)
      for (let round = 0; round < rounds; round++) {
        for (const replicas of round % 2 === 0 ? REPLICAS : REPLICAS.toReversed()) {
          const figure = await measure(stack, replicas, Math.max(2, SECONDS * share))
          figures.push(figure)
          say(`${figure.name}: ${Math.round(Number(figure.perSecond))}/s`)
        }
      }
    } finally {
      await stack.stop()
    }
    const [one = "", ...more] = REPLICAS.map(nameOf)
    const bounds: Bound[] = [
      ...more.map((name): Bound => ({ of: "perSecond", name, to: one, min: SHARE_MIN })),
      ...[one, ...more].flatMap((name): Bound[] =>
        ["failed", "missingNumbers", "redelivered"].map((of) => ({ of, name, max: 0 })),
      ),
    ]
    const plot = plotMedians(figures, {
      file: "scale",
      title: "Creations with more copies of the API",
      unit: "per second",
      series: { perSecond: `POST message, ${CONNECTIONS} connections` },
    })
    const notes = noteOnVersions(await unlikeCompose(versions))
    return { figures, bounds, versions, notes, plots: [plot] }
  },
}
