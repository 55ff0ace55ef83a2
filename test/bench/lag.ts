// How long after its answer a creation can be found.
import { setTimeout as sleep } from "node:timers/promises"
import type { BenchRun, Figure } from "./bench-run.ts"
import { createChats, createSteadily, percentile } from "./load.ts"

const LAG_RATE = 300
const LAG_SECONDS = 40
/** Some twenty searches a second beside the load, each lag exact to a tenth of a second. */
const PROBE_EVERY_MS = 400
const PROBE_POLL_MS = 100

/** From the answer of a creation to the first search that finds it, while messages come at a steady rate. */
export async function measureLag({ stack, say }: BenchRun): Promise<Figure> {
  const { apiUrl } = stack
  const chats = await createChats(apiUrl, 16)
  const [probed = ""] = chats
  const loading = createSteadily({ apiUrl, chats, rate: LAG_RATE, seconds: LAG_SECONDS })
  const lags: Promise<number>[] = []
  const probe = async (word: string): Promise<number> => {
    const headers = { "content-type": "application/json" }
    await fetch(`${apiUrl}${probed}/messages`, { method: "POST", headers, body: JSON.stringify({ body: word }) })
    const accepted = performance.now()
    for (;;) {
      const answer = await fetch(`${apiUrl}${probed}/messages/search?query=${word}&limit=1`)
      if (((await answer.json()) as { total?: number }).total === 1) return performance.now() - accepted
      await sleep(PROBE_POLL_MS)
    }
  }
  const end = performance.now() + (LAG_SECONDS - 5) * 1000
  for (let count = 0; performance.now() < end; count++) {
    lags.push(probe(`probe-${count}-${crypto.randomUUID()}`))
    await sleep(PROBE_EVERY_MS)
  }
  const sorted = (await Promise.all(lags)).toSorted((a, b) => a - b)
  const { failed, perSecond } = await loading
  const [p50, p99] = [percentile(sorted, 50), percentile(sorted, 99)]
  say(`accepted → searchable at ${Math.round(perSecond)}/s: p50 ${Math.round(p50)} ms, p99 ${Math.round(p99)} ms`)
  return { name: "accepted → searchable", p50, p99, perSecond, failed }
}
