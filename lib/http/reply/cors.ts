/*
 * DESIGN: cross-origin requests (the Fetch standard's CORS protocol) are answered here and neither by API Gateway nor by
 * the emulator, since both know one rule for all routes and ours has two: pages of any origin may read the answers to calls
 * that need an application's token only; of calls that administer applications, pages of CORS_ORIGINS alone. Where no admin key is set,
 * a page that somebody visits could otherwise read the tokens of all applications. There are no cookies, so nothing is
 * ever allowed with credentials.
 */
import { corsOriginsOf } from "../../origins.ts"
import type { Method } from "../operation.ts"

type Headers = Readonly<Record<string, string | undefined>>

/** Beside our own headers those by which browsers' tracing and conditional requests work. */
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

/** All of them for every path, so that a script can read the 405 of one that its path does not take. */
const ALLOWED_METHODS: readonly (Method | "HEAD")[] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]

/** What scripts of other origins may read beside the body. */
const EXPOSED_HEADERS = [
  "allow",
  "idempotency-replayed",
  "link",
  "location",
  "ratelimit",
  "ratelimit-policy",
  "retry-after",
  "x-request-id",
].join(", ")

/** A day, which is the most that Firefox takes; Chromium takes two hours. */
const PREFLIGHT_MAX_AGE_SECONDS = 86_400

/** The header that lets `origin` read an answer; none where it may not. */
function allowedOrigin(origin: string | undefined, administers: boolean): Record<string, string> {
  if (!administers) return { "access-control-allow-origin": "*" }
  const isAllowed = origin !== undefined && corsOriginsOf(process.env.CORS_ORIGINS).includes(origin)
  // Caches must not give one origin what another one got.
  return { vary: "origin", ...(isAllowed && { "access-control-allow-origin": origin }) }
}

/** Returns the headers by which a script of another origin may read the answer to a request with these headers. */
export function corsHeaders({ origin }: Headers, administers: boolean): Record<string, string> {
  const allowed = allowedOrigin(origin, administers)
  return origin === undefined ? allowed : { ...allowed, "access-control-expose-headers": EXPOSED_HEADERS }
}

/** Returns the method that a preflight request asks for, undefined for any other request. */
export const preflightMethod = (headers: Headers): string | undefined =>
  headers.origin === undefined ? undefined : headers["access-control-request-method"]

/** Returns the headers that answer a preflight request, whose answer must be a success. */
export const preflightHeaders = ({ origin }: Headers, administers: boolean): Record<string, string> => ({
  ...allowedOrigin(origin, administers),
  "access-control-allow-headers": ALLOWED_HEADERS,
  "access-control-allow-methods": ALLOWED_METHODS.join(", "),
  "access-control-max-age": String(PREFLIGHT_MAX_AGE_SECONDS),
})
