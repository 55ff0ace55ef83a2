/**
 * DESIGN. A call is sent again if it got no answer, or one that says "not now": 409 (a request with the same
 * Idempotency-Key is in flight), 429, and 5xx. This is safe for each call: creations carry a key, by which the API knows
 * them, and the others have the same effect however often they come. Other answers are final.
 */
import type { ChatError } from "./errors.ts"

/** Together with the waits below some half a minute: enough for a server to be started anew. */
export const RETRIES_DEFAULT = 8

/** The first wait, which doubles each time: short, since most failures are over at once. */
export const BACK_OFF_FIRST_MS = 200

/** The longest wait: an outage that lasts costs each client six requests a minute. */
export const BACK_OFF_MAX_MS = 10_000

/** The longest Retry-After that is waited for: twice what the API's limits, which are per minute, can say. */
export const RETRY_AFTER_MAX_MS = 120_000

/** By how much, at most, a wait is longer than Retry-After, so that those who were told the same do not come together. */
const RETRY_AFTER_SPREAD = 0.2

const CONFLICT = 409
const TOO_MANY_REQUESTS = 429
const SERVER_ERRORS = 500

/** Returns whether a call that failed like this may succeed later. */
export const isPassing = ({ status }: Pick<ChatError, "status">): boolean =>
  status === 0 || status === CONFLICT || status === TOO_MANY_REQUESTS || status >= SERVER_ERRORS

/** Returns whether a call that failed like this may have taken effect all the same. */
export const isUnclear = ({ status }: Pick<ChatError, "status">): boolean => status === 0 || status >= SERVER_ERRORS

/** Returns a wait between half and the whole of what doubling gives, so that clients do not come in step. */
export function backOffMs(attempt: number, random: () => number = Math.random): number {
  const full = Math.min(BACK_OFF_MAX_MS, BACK_OFF_FIRST_MS * 2 ** attempt)
  return full * (0.5 + random() / 2)
}

/** Returns how long to wait after attempt `attempt` (from 0) has failed, at least as long as Retry-After says. */
export function waitMs(attempt: number, retryAfterMs = 0, random: () => number = Math.random): number {
  return Math.max(backOffMs(attempt, random), retryAfterMs * (1 + random() * RETRY_AFTER_SPREAD))
}

/**
 * Returns the milliseconds that a Retry-After header (RFC 9110, section 10.2.3) asks for, in seconds or as a date;
 * undefined if it is neither. A date is compared with the answer's own, since clocks differ.
 */
export function readRetryAfter(header: string | null, date: string | null = null): number | undefined {
  const text = header?.trim() ?? ""
  if (/^\d+$/.test(text)) return Number(text) * 1000
  const until = readDate(text)
  return until === undefined ? undefined : Math.max(0, until - (readDate(date ?? "") ?? Date.now()))
}

/** Returns the time of an HTTP date. Without GMT at the end it is none, and Date.parse would take it as local. */
function readDate(text: string): number | undefined {
  const time = text.endsWith("GMT") ? Date.parse(text) : Number.NaN
  return Number.isNaN(time) ? undefined : time
}
