/**
 * DESIGN. Before the relay sends index events it asks whether the index takes writes. Elasticsearch gives up on a shard
 * after five failed allocations, after a full disk or a crash, until it is asked to retry; the relay asks. It lifts a
 * block for lack of disk space by itself.
 */
import { isIndexRed } from "../clients/elasticsearch.ts"
import { DependencyAway } from "../errors.ts"
import { log } from "../log.ts"
import type { SearchStores } from "../stores.ts"

/** As long as a health check. */
const ASK_TIMEOUT_MS = 1_000
/** Retrying sooner would only fail again. */
const RETRY_ALLOCATION_EVERY_MS = 30_000

const askedAt = new WeakMap<SearchStores["elasticsearch"], number>()

/** Throws DependencyAway, or the client's error, unless the whole index takes writes. */
export async function requireIndex({ elasticsearch, config }: SearchStores): Promise<void> {
  const index = config.ELASTICSEARCH_INDEX
  if (await isIndexRed(elasticsearch, index)) {
    await retryAllocation(elasticsearch)
    throw new DependencyAway("elasticsearch", new Error("the index is red"))
  }
  const settings = await elasticsearch.indices.getSettings(
    { index, name: "index.blocks.*", flat_settings: true },
    { requestTimeout: ASK_TIMEOUT_MS },
  )
  const blocks = Object.values(settings).flatMap((one) => Object.entries(one.settings ?? {}))
  const on = blocks.find(([name, value]) => name !== "index.blocks.read" && String(value) === "true")
  if (on) throw new DependencyAway("elasticsearch", new Error(`${on[0]} is set`))
}

async function retryAllocation(elasticsearch: SearchStores["elasticsearch"]): Promise<void> {
  if (performance.now() - (askedAt.get(elasticsearch) ?? Number.NEGATIVE_INFINITY) < RETRY_ALLOCATION_EVERY_MS) return
  askedAt.set(elasticsearch, performance.now())
  log.warn("the index is red: its allocation is tried again")
  await elasticsearch.cluster.reroute({ retry_failed: true, metric: "none" }, { requestTimeout: ASK_TIMEOUT_MS })
}
