// Measures the first call of a fresh process: importing a function's bundle, as deployed, and calling it once.
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { awaitQuiet } from "../../campaign/verdict/settle.ts"
import { copyProject } from "../../test/steps/project-copy.ts"
import type { Bench, BenchRun, Bound, Figure } from "../report/bench-run.ts"
import { plotMedians } from "../report/plots.ts"
import { type Bundle, eventsFor, firstCall, unpackBundles } from "../stack/bundles.ts"
import { ask, createChats, creationIn } from "../stack/load.ts"

const CREATION_MS_MAX = 150
const ANY_MS_MAX = 400
const QUIET_LIMIT_MS = 60_000

async function unpackOwnBundles(folder: string): Promise<Bundle[]> {
  const project = await copyProject()
  try {
    const bundles = await unpackBundles(project.folder, folder)
    // A deployment calls it, and no request waits for it.
    return bundles.filter(({ name }) => name !== "prepare-stores")
  } finally {
    await project.remove()
  }
}

export const cold: Bench = {
  name: "cold",
  about: "each function as deployed, in a fresh process: importing its bundle, and its first call",
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
          figures.push({ name: bundle.name, importMs, callMs, coldMs: importMs + callMs, status: String(statusCode) })
        }
        say(`round ${round + 1} of ${rounds}`)
      }
      const bounds = bundles.map(({ name }): Bound => {
        return { of: "coldMs", name, max: name.startsWith("create-") ? CREATION_MS_MAX : ANY_MS_MAX }
      })
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
