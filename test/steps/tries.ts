/** A way to call a route; `status` where it differs from the route's usual success. */
export type Try = { query?: string; json?: unknown; headers?: Record<string, string>; status?: number }

/** Returns a call with an Idempotency-Key. */
export const withKey = (key: string, json: unknown, status?: number): Try => ({
  headers: { "idempotency-key": key },
  json,
  ...(status !== undefined && { status }),
})

export const PAGES: Try[] = [1, 2, 3, 4].map((page) => ({ query: `limit=1&page=${page}` }))
/** A list above and below a number. */
export const RANGES: Try[] = [{ query: "after=1" }, { query: "order=desc&before=4" }]

/** Erasures of messages that nobody has sent, also with a cursor of something else. */
export const tryErasures = (foreign?: string): Try[] => [
  { query: "sender=nobody" },
  ...(foreign === undefined ? [] : [{ query: `sender=nobody&cursor=${foreign}`, status: 422 }]),
]
