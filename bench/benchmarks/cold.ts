// Measures the first call of a fresh process: importing a function's bundle, as deployed, and calling it once; and the
// size of the zip that it comes in.
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { awaitQuiet } from "../../campaign/verdict/settle.ts"
import type { Bench, BenchRun, Bound, Figure } from "../report/bench-run.ts"
import { plotMedians } from "../report/plots.ts"
import { type Bundle, eventsFor, firstCall, unpackOwnBundles } from "../stack/bundles.ts"
import { ask, createChats, creationIn } from "../stack/load.ts"

const CREATION_MS_MAX = 150
const ANY_MS_MAX = 400
/** As test/project/bundles.test.ts has it. */
const CREATION_ZIP_KB_MAX = 300
const BYTES_PER_KB = 1000
const QUIET_LIMIT_MS = 60_000

export const cold: Bench = {
  name: "cold",
  about: "each function as deployed, in a fresh process: importing its bundle, its first call, and the size of its zip",
  async run({ stack, rounds, say }: BenchRun) {
    const folder = await mkdtemp(join(tmpdir(), "chat-backend-bundles-"))
    const figures: Figure[] = []
    try {
      const bundles = await unpackOwnBundles(folder)
      for (let round = 0; round < rounds; round++) {
        const [chat = ""] = await createChats(stack.apiUrl, 1)
        await ask(stack.apiUrl, [creationIn(chat)], { connections: 1, amount: 10 })
        await awaitQuiet(stack.direct, QUIET_LIMIT_MS)
        const eventFor = eventsFor(chat)
        for (const bundle of bundles) {
          const { importMs, callMs, statusCode } = await firstCall(bundle, eventFor(bundle.name), stack.env)
          const times = { importMs, callMs, coldMs: importMs + callMs }
          figures.push({ name: bundle.name, ...times, zipKB: bundle.zipBytes / BYTES_PER_KB, status: `${statusCode}` })
        }
        say(`round ${round + 1} of ${rounds}`)
      }
      const creates = ({ name }: Bundle) => name.startsWith("create-")
      const bounds: Bound[] = [
        ...bundles.map((one) => ({ of: "coldMs", name: one.name, max: creates(one) ? CREATION_MS_MAX : ANY_MS_MAX })),
        ...bundles.filter(creates).map(({ name }) => ({ of: "zipKB", name, max: CREATION_ZIP_KB_MAX })),
      ]
      const plot = plotMedians(figures, {
        file: "cold",
        title: "A function in a new process, as deployed",
        unit: "milliseconds",
        series: { importMs: "importing its bundle", callMs: "its first call" },
      })
      return { figures, bounds, plots: [plot] }
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  },
}
