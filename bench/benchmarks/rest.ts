// Measures the native stack at rest: the time until it is ready, and its memory.
import { setTimeout as sleep } from "node:timers/promises"
import { silentProgress } from "../../local/progress.ts"
import type { Bench, Figure, Versions } from "../report/bench-run.ts"
import { startBenchStack } from "../stack/stack.ts"
import { versionsOf } from "../stack/versions.ts"

const KINDS = ["api", "mysql", "redis", "elasticmq", "elasticsearch"] as const
/** By then the servers have finished their background set-up, and each scheduled function has run. */
const REST_SECONDS = 75
const MEGABYTE = 1024 * 1024
const MEGABYTES_MAX = 2_048
const READY_SECONDS_MAX = 15

export const rest: Bench = {
  name: "rest",
  about: `all servers and the API started natively with an empty database, everything installed: seconds until the API is ready, and resident memory of each after ${REST_SECONDS} s without a request`,
  async runAlone({ rounds, scale, say, signal }) {
    const figures: Figure[] = []
    let versions: Versions = {}
    for (let round = 0; round < rounds; round++) {
      const started = performance.now()
      const stack = await startBenchStack({ progress: silentProgress, signal, hurry: signal })
      try {
        const readySeconds = (performance.now() - started) / 1000
        versions = await versionsOf(stack.direct.stores)
        await sleep(REST_SECONDS * 1000 * scale, undefined, { signal })
        let all = 0
        for (const kind of KINDS) {
          const megabytes = ((await stack.server(kind).rssBytes()) ?? Number.NaN) / MEGABYTE
          figures.push({ name: kind, megabytes })
          all += megabytes
        }
        figures.push({ name: "all", megabytes: all, readySeconds })
        say(`ready after ${readySeconds.toFixed(1)} s, ${Math.round(all)} MB at rest`)
      } finally {
        await stack.stop()
      }
    }
    const bounds = [
      { of: "megabytes", name: "all", max: MEGABYTES_MAX },
      { of: "readySeconds", name: "all", max: READY_SECONDS_MAX },
    ]
    return { figures, bounds, versions }
  },
}
