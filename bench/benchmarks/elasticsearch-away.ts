// Measures creations at a steady rate while Elasticsearch answers and while it hangs, in turns.

import { awaitQuiet } from "../../campaign/verdict/settle.ts"
import { relay } from "../../lib/relay/relay.ts"
import type { Bench, Figure } from "../report/bench-run.ts"
import { createChats, createSteadily, percentile } from "../stack/load.ts"

/** A third of what two cores can take with all servers on them, so that latency has another cause than load. */
const RATE = 300
const SECONDS = 15
const CHATS = 32
const RATIO_MAX = 1.2
const RELAY_BUDGET_MS = 50_000
const QUIET_LIMIT_MS = 120_000

/** Compares the p99 of creations while Elasticsearch is away with that while it answers. */
export const elasticsearchAway: Bench = {
  name: "elasticsearch-away",
  about: `POST message at ${RATE}/s for ${SECONDS} s, all consumers running; away: Elasticsearch is frozen (SIGSTOP)`,
  async run({ stack, rounds, say }) {
    const { apiUrl, direct } = stack
    const chats = await createChats(apiUrl, CHATS)
    const load = (seconds: number) => createSteadily({ apiUrl, chats, rate: RATE, seconds })
    const figures: Figure[] = []
    const measure = async (name: string, away: boolean) => {
      const server = stack.server("elasticsearch")
      if (away) await server.freeze()
      try {
        // The first calls without an answer open the breakers.
        await load(3)
        const { latencies, failed, failures, perSecond } = await load(SECONDS)
        if (failed > 0) say(`not created: ${JSON.stringify(failures)}`)
        say(`${name}: p50 ${percentile(latencies, 50).toFixed(1)} ms, p99 ${percentile(latencies, 99).toFixed(1)} ms`)
        const p = (rank: number) => percentile(latencies, rank)
        figures.push({ name, p50: p(50), p99: p(99), max: p(100), perSecond, failed })
      } finally {
        await server.thaw()
      }
      // Makes postponed events due now, so that they do not burden the next turn.
      await direct.stores.mysql.updateTable("pending_index").set({ due_at: new Date() }).execute()
      await relay(direct.stores, RELAY_BUDGET_MS)
      await awaitQuiet(direct, QUIET_LIMIT_MS)
    }
    await load(5)
    for (let round = 0; round < rounds; round++) {
      const turns = round % 2 === 0 ? [false, true] : [true, false]
      for (const away of turns) await measure(away ? "away" : "normal", away)
    }
    return { figures, bounds: [{ of: "p99", name: "away", to: "normal", max: RATIO_MAX }] }
  },
}
