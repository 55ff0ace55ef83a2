import type { Standing } from "../../outbox/rates.ts"

/** Every quota is per minute. */
const WINDOW_SECONDS = 60

/**
 * Returns the headers of draft-ietf-httpapi-ratelimit-headers: each policy and its standing. `t` is the seconds until
 * the whole quota is available; part of it is sooner.
 */
export const rateLimitHeaders = (standings: Standing[]): Record<string, string> => ({
  "ratelimit-policy": standings.map(({ name, perMinute }) => `"${name}";q=${perMinute};w=${WINDOW_SECONDS}`).join(", "),
  ratelimit: standings
    .map(({ name, remaining, resetSeconds }) => `"${name}";r=${remaining};t=${resetSeconds}`)
    .join(", "),
})
