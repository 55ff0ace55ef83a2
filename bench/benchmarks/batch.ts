// Measures messages in batches beside single ones: as many as possible, and at a rate that storing must keep up with.
import { awaitQuiet } from "../../campaign/verdict/settle.ts"
import type { Bench, BenchRun, Bound, Figure } from "../report/bench-run.ts"
import { askSteadily, batchIn, createChats, creationIn, percentile } from "../stack/load.ts"
import { measure, shortened, storedAfter } from "./throughput.ts"

const BATCH = 100
const CONNECTIONS = 16
const SECONDS = 15
const APPLICATIONS = 32
/** How many times as many messages a second batches must bring, and the rate that must not make the backlog grow. */
const TIMES = 3
/** Single messages, whose backlog does not grow, take two thirds of a second. */
const STORED_AFTER_MAX = 2
const QUIET_LIMIT_MS = 300_000

const SINGLE = "single messages"
const BATCHES = `batches of ${BATCH}`
const STEADY = `batches at ${TIMES} × the rate of single messages`

/** A turn as fast as possible: of single messages, or of batches. */
async function measureGreatest(run: BenchRun, chats: string[], name: typeof SINGLE | typeof BATCHES): Promise<Figure> {
  const messages = name === BATCHES ? BATCH : 1
  const asked = chats.map((chat) => (name === BATCHES ? batchIn(chat, BATCH) : creationIn(chat)))
  const size = shortened({ connections: CONNECTIONS, seconds: SECONDS }, run.scale)
  const { figure, created } = await measure(run, name, asked, size)
  const { perSecond, p50, p99, storedAfter: waited, failed } = figure
  const storedPerSecond = (created * messages) / (created / Number(perSecond) + Number(waited))
  const times = { p50: Number(p50), p99: Number(p99), storedAfter: Number(waited) }
  return { name, messagesPerSecond: Number(perSecond) * messages, storedPerSecond, ...times, failed: Number(failed) }
}

/** A turn of batches that bring this many messages a second. */
async function measureSteady(run: BenchRun, chats: string[], rate: number): Promise<Figure> {
  const { stack, say, scale } = run
  const seconds = Math.max(2, SECONDS * scale)
  const asked = chats.map((chat) => batchIn(chat, BATCH))
  const { perSecond, latencies, failed } = await askSteadily(stack.apiUrl, asked, { rate: rate / BATCH, seconds })
  const waited = await storedAfter(run)
  await awaitQuiet(stack.direct, QUIET_LIMIT_MS)
  const messagesPerSecond = perSecond * BATCH
  const storedPerSecond = (messagesPerSecond * seconds) / (seconds + waited)
  say(`${STEADY}: ${Math.round(messagesPerSecond)} messages/s, stored after ${waited.toFixed(2)} s`)
  const times = { p50: percentile(latencies, 50), p99: percentile(latencies, 99), storedAfter: waited }
  return { name: STEADY, messagesPerSecond, storedPerSecond, ...times, failed }
}

export const batch: Bench = {
  name: "batch",
  about: `POST of single messages and of batches of ${BATCH} into ${APPLICATIONS} chats on ${CONNECTIONS} connections for ${SECONDS} s, all consumers running, and of batches at ${TIMES} times the rate of the single messages; storedPerSecond: until the last one is stored`,
  async run(run) {
    const chats = await createChats(run.stack.apiUrl, APPLICATIONS)
    const figures: Figure[] = []
    for (let turn = 0; turn < run.rounds; turn++) {
      const single = await measureGreatest(run, chats, SINGLE)
      figures.push(single)
      figures.push(await measureGreatest(run, chats, BATCHES))
      figures.push(await measureSteady(run, chats, TIMES * Number(single.messagesPerSecond)))
    }
    const bounds: Bound[] = [
      { of: "messagesPerSecond", name: BATCHES, to: SINGLE, min: TIMES },
      { of: "storedPerSecond", name: BATCHES, to: SINGLE, min: TIMES },
      { of: "storedAfter", name: STEADY, max: STORED_AFTER_MAX },
      ...[SINGLE, BATCHES, STEADY].map((name) => ({ of: "failed", name, max: 0 })),
    ]
    return { figures, bounds }
  },
}
