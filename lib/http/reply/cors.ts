/*
 * DESIGN. CORS (the Fetch standard) is handled here, not by API Gateway or the emulator, since those have one rule for
 * all routes and this API needs two: pages of any origin may read the answers to calls that need only an application's
 * token, but only pages of CORS_ORIGINS may read those to calls that administer applications. Otherwise, without an
 * admin key, any page that an operator visits could read the tokens of all applications. There are no cookies, so
 * credentials are never allowed.
 */
import { corsOriginsOf } from "../../origins.ts"
import type { Method } from "../operation.ts"

type Headers = Readonly<Record<string, string | undefined>>

/** Our own headers, and those that browsers' tracing and conditional requests need. */
const ALLOWED_HEADERS = [
  "authorization",
  "baggage",
  "content-type",
  "idempotency-key",
  "if-match",
  "if-none-match",
  "prefer",
  "traceparent",
  "tracestate",
  "x-api-key",
  "x-request-id",
].join(", ")

/** The same for every path, so that a script can read a 405. */
const ALLOWED_METHODS: readonly (Method | "HEAD")[] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]

/** The headers that scripts of other origins may read. */
const EXPOSED_HEADERS = [
  "allow",
  "etag",
  "idempotency-replayed",
  "link",
  "location",
  "ratelimit",
  "ratelimit-policy",
  "retry-after",
  "x-request-id",
].join(", ")

/** A day, Firefox's maximum; Chromium's is two hours. */
const PREFLIGHT_MAX_AGE_SECONDS = 86_400

/** Returns the headers that let `origin` read an answer, if it may. */
function allowedOrigin(origin: string | undefined, administers: boolean): Record<string, string> {
  if (!administers) return { "access-control-allow-origin": "*" }
  const isAllowed = origin !== undefined && corsOriginsOf(process.env.CORS_ORIGINS).includes(origin)
  // Caches must not serve one origin's answer to another.
  return { vary: "origin", ...(isAllowed && { "access-control-allow-origin": origin }) }
}

/** Returns the headers that let another origin's script read the answer to a request with these headers. */
export function corsHeaders({ origin }: Headers, administers: boolean): Record<string, string> {
  const allowed = allowedOrigin(origin, administers)
  return origin === undefined ? allowed : { ...allowed, "access-control-expose-headers": EXPOSED_HEADERS }
}

/** Returns the method that a preflight request asks for; undefined for other requests. */
export const preflightMethod = (headers: Headers): string | undefined =>
  headers.origin === undefined ? undefined : headers["access-control-request-method"]

/** Returns the headers of the answer to a preflight request, which must be a success. */
export const preflightHeaders = ({ origin }: Headers, administers: boolean): Record<string, string> => ({
  ...allowedOrigin(origin, administers),
  "access-control-allow-headers": ALLOWED_HEADERS,
  "access-control-allow-methods": ALLOWED_METHODS.join(", "),
  "access-control-max-age": String(PREFLIGHT_MAX_AGE_SECONDS),
})
