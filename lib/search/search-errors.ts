/** The alias points to no index yet (or no longer): ensureIndex makes one. Until then search is unavailable. */
export class SearchIndexMissing extends Error {
  constructor(alias: string, cause?: unknown) {
    super(`there is no search index behind the alias ${alias}`, { cause })
    this.name = "SearchIndexMissing"
  }
}

/** Elasticsearch answered, but not for all of the index or not within the time given: worse than no answer. */
export class SearchIncomplete extends Error {
  constructor(reason: string) {
    super(`the search was not completed: ${reason}`)
    this.name = "SearchIncomplete"
  }
}

/** What the client throws when no node answered in time or a connection broke (@elastic/transport, errors.ts). */
const TRANSPORT_ERRORS = new Set(["ConnectionError", "TimeoutError", "NoLivingConnectionsError", "RequestAbortedError"])

/**
 * HTTP statuses that say "not now": throttled, overloaded, no primary shard, a proxy without a backend; and a key that is
 * wrong or not yet allowed, which no other request could mend.
 */
const AWAY_STATUSES = new Set([401, 403, 408, 429, 502, 503, 504])

/** Status and error type of an answer that the client turned into an error; undefined for any other error. */
export function answeredError(error: unknown): { status: number; type: string } | undefined {
  if (!(error instanceof Error) || error.name !== "ResponseError") return undefined
  const { statusCode, body } = error as Error & { statusCode?: number; body?: { error?: { type?: string } } }
  return { status: statusCode ?? 0, type: body?.error?.type ?? "" }
}

/** Whether Elasticsearch did not answer at all: it is gone, or hangs. */
export const isUnanswered = (error: unknown): boolean => error instanceof Error && TRANSPORT_ERRORS.has(error.name)

/**
 * Whether an error thrown by this folder's functions means that Elasticsearch is away, overloaded or not set up yet, so
 * that the same call may succeed later. Anything else is a fault of ours.
 */
export function isSearchAway(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  if (error instanceof SearchIndexMissing || error instanceof SearchIncomplete) return true
  if (TRANSPORT_ERRORS.has(error.name)) return true
  const answered = answeredError(error)
  return answered !== undefined && AWAY_STATUSES.has(answered.status)
}
