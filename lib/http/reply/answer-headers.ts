export const ANSWER_HEADERS: Readonly<Record<string, string>> = {
  "cache-control": "no-store",
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "referrer-policy": "no-referrer",
  "strict-transport-security": "max-age=63072000; includeSubDomains",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
}

/** Matches request ids that are short and cannot break a header, a log line or a shell. */
const SANE_REQUEST_ID = /^[A-Za-z0-9._-]{1,128}$/

/** Returns the caller's `x-request-id` if it sent exactly one and it is sane. */
export function ownRequestId(headers: Readonly<Record<string, string | undefined>>): string | undefined {
  const given = headers["x-request-id"]
  return given !== undefined && SANE_REQUEST_ID.test(given) ? given : undefined
}
