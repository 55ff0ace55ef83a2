// Every minute: what waited too long goes to its queue again; what lies below a tombstone is removed

import { job } from "../lib/queue/job.ts"
import { relay } from "../lib/relay/relay.ts"
import { searchRuntime } from "../lib/search-runtime.ts"

/** Just below the minute until the next run, so that a long backlog is sent without pause. */
const BUDGET_MS = 50_000

export const handler = job({ run: () => relay(searchRuntime(), BUDGET_MS) })
