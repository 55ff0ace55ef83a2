// Every minute: counters → chats_count and messages_count
import { syncCounts } from "../lib/counts/sync-counts.ts"
import { job } from "../lib/queue/job.ts"
import { runtime } from "../lib/runtime.ts"

/** Well below the function's time-out; what is left is done a minute later. */
const BUDGET_MS = 30_000

export const handler = job({ run: async () => ({ synced: await syncCounts(runtime(), BUDGET_MS) }) })
