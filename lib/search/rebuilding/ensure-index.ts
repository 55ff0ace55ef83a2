import { setTimeout as sleep } from "node:timers/promises"
import { reachMysql } from "../../clients/mysql.ts"
import type { SearchStores } from "../../stores.ts"
import { MAPPING_VERSION } from "../indexing/index-mapping.ts"
import { parseIndexName, readTargets } from "../indexing/targets.ts"
import { type ReindexOptions, reindex, searchedIndex, tidy } from "./reindex.ts"
import { ReindexRunning, withReindexLock } from "./reindex-lock.ts"

/** Interval of looking whether another process has finished building. */
const LOOK_AGAIN_MS = 500
/** The index is usually there at once; a start-up should not hang on a sick cluster. */
const HEALTH_TIMEOUT_MS = 20_000

/**
 * Ensures that an index of this code's mapping version or a newer one holds all messages and gets their changes: builds
 * it (see reindex.ts) unless it exists. If several processes call this, one builds and the others wait. Returns the
 * index's name. Throws the stores' errors.
 */
export async function ensureIndex(stores: SearchStores, options: ReindexOptions = {}): Promise<string> {
  const alias = stores.config.ELASTICSEARCH_INDEX
  for (;;) {
    options.signal?.throwIfAborted()
    const live = await searchedIndex(stores.elasticsearch, alias)
    const known = await reachMysql(() => readTargets(stores.mysql, alias))
    const version = live === null ? 0 : (parseIndexName(alias, live)?.version ?? 0)
    try {
      if (version < MAPPING_VERSION) return await isSearchable(stores, (await reindex(stores, options)).index)
      if (known.live === live) return await isSearchable(stores, live as string)
      await withReindexLock(stores.mysql, alias, () => tidy(stores, alias))
    } catch (error) {
      if (!(error instanceof ReindexRunning)) throw error
      await sleep(LOOK_AGAIN_MS, undefined, options.signal ? { signal: options.signal } : {})
    }
  }
}

async function isSearchable({ elasticsearch }: SearchStores, index: string): Promise<string> {
  await elasticsearch.cluster.health(
    { index, wait_for_status: "yellow", timeout: `${HEALTH_TIMEOUT_MS / 2}ms` },
    { requestTimeout: HEALTH_TIMEOUT_MS },
  )
  return index
}
