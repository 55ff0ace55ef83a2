/** The API's limits; lengths count Unicode code points. */
export const LIMITS = {
  /** Fits a line of a user interface, and 255 code points of utf8mb4 fit an indexed VARCHAR. */
  nameMax: 255,
  /** About four pages of text; 40,000 bytes of UTF-8 at most, which a MySQL TEXT (65,535) holds. */
  bodyMax: 10_000,
  /** 10,000 code points, each escaped as a surrogate pair (12 bytes), and the rest of the document. */
  requestBytesMax: 128 * 1024,
  /** No valid body has more than one level; at this depth even a recursive parser is safe. */
  jsonDepthMax: 32,
  pageLimitDefault: 20,
  pageLimitMax: 100,
  /** An offset page costs as much as all pages before it, so page × limit is bounded; cursors are not. */
  offsetMax: 10_000,
  queryMax: 256,
  idempotencyKeyMax: 255,
  /** Applications have no parent to scope a key, so a short, guessable one could collide between tenants. */
  applicationIdempotencyKeyMin: 16,
  /** Long enough for a client that retries after a day's outage. */
  idempotencyHours: 24,
  /** Above this a search's `total` is a lower bound, since counting costs more the larger the chat is. */
  searchTotalMax: 10_000,
  /** INT UNSIGNED in MySQL. */
  numberMax: 4_294_967_295,
  /** Keeps the URL and headers well below what proxies accept. */
  cursorMax: 512,
} as const
