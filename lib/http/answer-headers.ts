/** The headers of every answer. The API has no cookies, so any origin may read it. */
export const ANSWER_HEADERS: Readonly<Record<string, string>> = {
  "cache-control": "no-store",
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "referrer-policy": "no-referrer",
  "strict-transport-security": "max-age=63072000; includeSubDomains",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "access-control-allow-origin": "*",
}

/**
 * What scripts of other origins may read beside the body. The gateway says so (`httpApi.cors` in serverless.yml; a test
 * compares them): API Gateway drops a function's own list, and serverless-offline would send both.
 */
export const EXPOSED_HEADERS: readonly string[] = [
  "allow",
  "idempotency-replayed",
  "link",
  "location",
  "ratelimit",
  "ratelimit-policy",
  "retry-after",
  "x-request-id",
]
