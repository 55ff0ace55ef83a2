/**
 * The stores with Elasticsearch. Apart, since its client takes as long to load as all else together: a function that does
 * not search, a creation above all, has none in its bundle.
 */
import { createBreaker } from "./clients/breaker.ts"
import { connectElasticsearch } from "./clients/elasticsearch.ts"
import type { Config } from "./config.ts"
import { limitRequest, type RateScope } from "./outbox/rates.ts"
import { connectStores, runtime, watch } from "./runtime.ts"
import type { SearchStores, Stores } from "./stores.ts"

const connectSearch = (config: Config) => ({
  elasticsearch: connectElasticsearch(config.ELASTICSEARCH_URL, config.ELASTICSEARCH_API_KEY),
  searchBreaker: createBreaker("elasticsearch", watch),
})

const isWhole = (stores: Stores): stores is SearchStores => "elasticsearch" in stores

/** As `runtime`: the shared stores get their client of Elasticsearch when it is first asked for. */
export function searchRuntime(scope?: RateScope): SearchStores {
  const shared = runtime()
  const stores = isWhole(shared) ? shared : Object.assign(shared, connectSearch(shared.config))
  return scope === undefined ? stores : limitRequest(stores, scope)
}

/** Builds clients of their own, for a command that ends: `close` when done. */
export function buildStores(config: Config): { stores: SearchStores; close: () => Promise<void> } {
  const { stores, close } = connectStores(config)
  const whole = { ...stores, ...connectSearch(config) }
  return {
    stores: whole,
    close: async () => void (await Promise.allSettled([close(), whole.elasticsearch.close()])),
  }
}
