import { Client } from "@elastic/elasticsearch"

/** Callers set their own; this bounds what they forget. */
const REQUEST_TIMEOUT_MS = 5_000

/** A client that does not try again by itself: the callers' events come again, and a search answers 503 instead. */
export function connectElasticsearch(node: string, apiKey?: string): Client {
  return new Client({
    node,
    requestTimeout: REQUEST_TIMEOUT_MS,
    maxRetries: 0,
    ...(apiKey === undefined ? {} : { auth: { apiKey } }),
  })
}
