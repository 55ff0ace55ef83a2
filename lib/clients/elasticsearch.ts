import { Client } from "@elastic/elasticsearch"

/** Callers set their own; this bounds what they forget. */
const REQUEST_TIMEOUT_MS = 5_000
/** Of the readiness check and of the relay: a server that is well tells its health in milliseconds. */
const HEALTH_TIMEOUT_MS = 1_000

/** A client that does not try again by itself: the callers' events come again, and a search answers 503 instead. */
export function connectElasticsearch(node: string, apiKey?: string): Client {
  return new Client({
    node,
    requestTimeout: REQUEST_TIMEOUT_MS,
    maxRetries: 0,
    ...(apiKey === undefined ? {} : { auth: { apiKey } }),
  })
}

/** Tells whether a part of `index` is nowhere: then no search is answered, and no document taken. Throws the client's error. */
export async function isIndexRed(elasticsearch: Client, index: string): Promise<boolean> {
  const options = { requestTimeout: HEALTH_TIMEOUT_MS }
  const { status } = await elasticsearch.cluster.health({ index, timeout: "500ms" }, options)
  // In some versions in capitals.
  return status.toLowerCase() === "red"
}
