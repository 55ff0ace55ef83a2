// Every minute: sends again what has waited too long, purges rows below tombstones, and reports what waits.

import { reportBacklog } from "../lib/operate/metrics.ts"
import { job } from "../lib/queue/job.ts"
import { relay } from "../lib/relay/relay.ts"
import { searchRuntime } from "../lib/search-runtime.ts"

/** Just under the minute to the next run, so that a long backlog is sent without pause. */
const BUDGET_MS = 50_000

export const handler = job({
  run: async () => {
    const stores = await searchRuntime()
    const [relayed] = await Promise.all([relay(stores, BUDGET_MS), reportBacklog(stores)])
    return relayed
  },
})
