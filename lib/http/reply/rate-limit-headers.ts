import type { Standing } from "../../outbox/rates.ts"

/** All quotas are of a minute. */
const WINDOW_SECONDS = 60

/**
 * The headers of draft-ietf-httpapi-ratelimit-headers, as structured fields: the policies, and how each stands. `t` is the
 * seconds until the whole quota is there again; a part of it is there before.
 */
export const rateLimitHeaders = (standings: Standing[]): Record<string, string> => ({
  "ratelimit-policy": standings.map(({ name, perMinute }) => `"${name}";q=${perMinute};w=${WINDOW_SECONDS}`).join(", "),
  ratelimit: standings
    .map(({ name, remaining, resetSeconds }) => `"${name}";r=${remaining};t=${resetSeconds}`)
    .join(", "),
})
