import { Client } from "@elastic/elasticsearch"
import type { Watch } from "./breaker.ts"

/** Applies to calls that set no time-out of their own. */
const REQUEST_TIMEOUT_MS = 5_000
/** Time-out of health checks, which a healthy server answers in milliseconds. */
const HEALTH_TIMEOUT_MS = 1_000

const HTTP_UNAUTHORIZED = 401

/** Connects a client that never retries: callers' events come again, and a search answers 503. */
export function connectElasticsearch(node: string, apiKey: string | undefined, watch: Watch): Client {
  const client = new Client({
    node,
    requestTimeout: REQUEST_TIMEOUT_MS,
    maxRetries: 0,
    ...(apiKey === undefined ? {} : { auth: { apiKey } }),
  })
  client.diagnostic.on("response", (error, result) => {
    if (result?.statusCode === HTTP_UNAUTHORIZED) watch("refused", "elasticsearch", error)
  })
  return client
}

/** Returns whether a primary shard of `index` is unassigned: it takes no reads or writes. Throws the client's error. */
export async function isIndexRed(elasticsearch: Client, index: string): Promise<boolean> {
  const options = { requestTimeout: HEALTH_TIMEOUT_MS }
  const { status } = await elasticsearch.cluster.health({ index, timeout: "500ms" }, options)
  // Some versions write it in capitals.
  return status.toLowerCase() === "red"
}
