/** Says that the alias points to no index; ensureIndex makes one. Until then search is unavailable. */
export class SearchIndexMissing extends Error {
  constructor(alias: string, cause?: unknown) {
    super(`there is no search index behind the alias ${alias}`, { cause })
    this.name = "SearchIndexMissing"
  }
}

/** Says that Elasticsearch answered incompletely, or not within the time given. */
export class SearchIncomplete extends Error {
  constructor(reason: string) {
    super(`the search was not completed: ${reason}`)
    this.name = "SearchIncomplete"
  }
}

/** The client's errors when no node answered in time or a connection broke (@elastic/transport, errors.ts). */
const TRANSPORT_ERRORS = new Set(["ConnectionError", "TimeoutError", "NoLivingConnectionsError", "RequestAbortedError"])

/**
 * HTTP statuses that mean "not now": throttled, overloaded, no primary shard, a proxy without a backend; a shard that a
 * restarted node does not have yet (404); also a key that is wrong or not allowed yet, which no other request could fix.
 */
const AWAY_STATUSES = new Set([401, 403, 404, 408, 429, 502, 503, 504])
/** The one 400 that is not the request's fault: an operator has closed the index. */
const INDEX_CLOSED = "index_closed_exception"
const HTTP_BAD_REQUEST = 400

type Answer = { status: number; type: string }

/** Returns whether such a refusal is for good: only a 400 judges the document, any other status the cluster's state. */
export const isRefusedForGood = ({ status, type }: Answer): boolean =>
  status === HTTP_BAD_REQUEST && type !== INDEX_CLOSED

/** Returns the status and error type of an error answer; undefined for any other error. */
export function answeredError(error: unknown): Answer | undefined {
  if (!(error instanceof Error) || error.name !== "ResponseError") return undefined
  const { statusCode, body } = error as Error & { statusCode?: number; body?: { error?: { type?: string } } }
  return { status: statusCode ?? 0, type: body?.error?.type ?? "" }
}

/** Returns whether Elasticsearch did not answer: it is gone, or hangs. */
export const isUnanswered = (error: unknown): boolean => error instanceof Error && TRANSPORT_ERRORS.has(error.name)

/** Returns whether a retry may succeed: Elasticsearch is away, overloaded or not set up yet. Other errors are bugs. */
export function isSearchAway(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  if (error instanceof SearchIndexMissing || error instanceof SearchIncomplete) return true
  if (TRANSPORT_ERRORS.has(error.name)) return true
  const answered = answeredError(error)
  return answered !== undefined && (AWAY_STATUSES.has(answered.status) || answered.type === INDEX_CLOSED)
}
