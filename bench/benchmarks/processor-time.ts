// Measures the processor time that a request costs each server. It explains the rates of the other benchmarks, since
// processors are the scarcest resource. Linux only.
import { setTimeout as sleep } from "node:timers/promises"
import type { ServerKind } from "../../campaign/targets/target.ts"
import { awaitQuiet } from "../../campaign/verdict/settle.ts"
import type { Bench, BenchRun, Bound, Figure } from "../report/bench-run.ts"
import { plotMedians } from "../report/plots.ts"
import {
  type Answered,
  type Asked,
  ask,
  createChats,
  createMessages,
  createSteadily,
  creationIn,
} from "../stack/load.ts"
import { NO_OP_PATH } from "../stack/no-op.ts"

const SERVERS: ServerKind[] = ["api", "mysql", "redis", "elasticmq", "elasticsearch"]
const CONNECTIONS = 64
/** With each higher rate, the API handles more creations in one turn of its event loop. */
const RATES = [100, 300, 600, 1_200, 1_800]
const SECONDS = 8
const CHATS = 16
const MESSAGES = 4_000
const QUIET_LIMIT_MS = 180_000
/** By then nearly all creations are stored and indexed; checking that would cost processor time. */
const AFTERWARDS_MS = 1_500

/** Returns the cost of a turn: microseconds of processor time per successful request. */
async function measure({ stack, say }: BenchRun, name: string, turn: () => Promise<Answered>): Promise<Figure> {
  const ownMs = () => {
    const { user, system } = process.cpuUsage()
    return (user + system) / 1000
  }
  const now = () => [...SERVERS.map(stack.processorMs), ownMs()]
  await awaitQuiet(stack.direct, QUIET_LIMIT_MS)
  const before = now()
  const { created, failed, perSecond } = await turn()
  await sleep(AFTERWARDS_MS)
  const spent = now().map((ms, index) => ((ms - (before[index] ?? Number.NaN)) * 1000) / created)
  const all = spent.reduce((sum, each) => sum + each, 0)
  say(
    `${name}: ${Math.round(perSecond)}/s, ${Math.round(all)} µs each, ${Math.round(spent[0] ?? Number.NaN)} of them the API's`,
  )
  const byServer = Object.fromEntries([...SERVERS, "load"].map((server, index) => [server, spent[index] ?? Number.NaN]))
  return { name, perSecond, ...byServer, all, failed }
}

export const processorTime: Bench = {
  name: "processor-time",
  about: `microseconds of processor time that a request costs each server, with the batches that follow: as many as are answered on ${CONNECTIONS} connections, and POST message at a steady rate; ${SECONDS} s each`,
  async run(run) {
    const { apiUrl, direct } = run.stack
    const seconds = Math.max(2, SECONDS * run.scale)
    const chats = await createChats(apiUrl, CHATS)
    await createMessages({ apiUrl, chats, connections: CONNECTIONS, amount: MESSAGES })
    await awaitQuiet(direct, QUIET_LIMIT_MS)
    const kinds: Record<string, Asked[]> = {
      "no-op": [{ path: NO_OP_PATH }],
      "GET message": chats.map((chat) => ({ path: `${chat}/messages/7` })),
      "GET list of 20": chats.map((chat) => ({ path: `${chat}/messages?order=desc` })),
      "POST message": chats.map(creationIn),
    }
    const figures: Figure[] = []
    for (let round = 0; round < run.rounds; round++) {
      for (const [name, asked] of Object.entries(kinds))
        figures.push(await measure(run, name, () => ask(apiUrl, asked, { connections: CONNECTIONS, seconds })))
      for (const rate of RATES)
        figures.push(
          await measure(run, `POST message at ${rate}/s`, () => createSteadily({ apiUrl, chats, rate, seconds })),
        )
    }
    const names = [...new Set(figures.map(({ name }) => name))]
    const bounds = names.map((name): Bound => ({ of: "failed", name, max: 0 }))
    const plot = plotMedians(figures, {
      file: "processor-time",
      title: "Processor time of one request",
      unit: "microseconds",
      series: Object.fromEntries([...SERVERS, "load"].map((server) => [server, server])),
    })
    return { figures, bounds, plots: [plot] }
  },
}
