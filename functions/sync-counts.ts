// Every minute: counters → chats_count and messages_count
import { syncCounts } from "../lib/counts/sync-counts.ts"
import { job } from "../lib/queue/job.ts"
import { runtime } from "../lib/runtime.ts"

/** Well below the function's time-out; the next run continues. */
const BUDGET_MS = 30_000

export const handler = job({ run: async () => ({ synced: await syncCounts(await runtime(), BUDGET_MS) }) })
