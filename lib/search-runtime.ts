/** The stores with Elasticsearch, kept apart since its client would double the loading time of other functions. */
import { createBreaker } from "./clients/breaker.ts"
import { connectElasticsearch } from "./clients/elasticsearch.ts"
import type { Config } from "./config.ts"
import { connectStores, forRequest, type RequestScope, runtime, watch } from "./runtime.ts"
import type { SearchStores, Stores } from "./stores.ts"

const connectSearch = (config: Config) => ({
  elasticsearch: connectElasticsearch(config.ELASTICSEARCH_URL, config.ELASTICSEARCH_API_KEY, watch),
  searchBreaker: createBreaker("elasticsearch", watch),
})

const isWhole = (stores: Stores): stores is SearchStores => "elasticsearch" in stores

/** Returns the stores as `runtime` does, with a client of Elasticsearch connected on first use. */
export async function searchRuntime(scope?: RequestScope): Promise<SearchStores> {
  const shared = await runtime()
  const stores = isWhole(shared) ? shared : Object.assign(shared, connectSearch(shared.config))
  return scope === undefined ? stores : forRequest(stores, scope)
}

/** Connects clients for a command that ends, which must call `close`. */
export function buildStores(config: Config): { stores: SearchStores; close: () => Promise<void> } {
  const { stores, close } = connectStores(config)
  return { stores: Object.assign(stores, connectSearch(config)), close }
}
