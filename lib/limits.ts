/** Limits of the API. Lengths count Unicode code points. */
export const LIMITS = {
  /** Fits a line of a user interface, and 255 code points of utf8mb4 fit an indexed VARCHAR. */
  nameMax: 255,
  /** About four pages of text; 40,000 bytes of UTF-8 at most, which a MySQL TEXT (65,535) holds. */
  bodyMax: 10_000,
  /** 10,000 code points, each escaped as a surrogate pair (12 bytes), and room for the rest of the document. */
  requestBytesMax: 128 * 1024,
  /** No body has more than one level; a parser or a schema that recursed would not get far at this depth. */
  jsonDepthMax: 32,
  pageLimitDefault: 20,
  pageLimitMax: 100,
  /** An offset page costs as much as all pages before it, so page × limit ends here; cursors do not end. */
  offsetMax: 10_000,
  queryMax: 256,
  idempotencyKeyMax: 255,
  /** Applications have no parent that would scope a key, so a short, guessable one would collide between tenants. */
  applicationIdempotencyKeyMin: 16,
  /** Long enough for a client that retries after a day's outage. */
  idempotencyHours: 24,
  /** Above this a search's `total` is a lower bound: counting on would make a search cost grow with the chat. */
  searchTotalMax: 10_000,
  /** INT UNSIGNED in MySQL. */
  numberMax: 4_294_967_295,
  /** Headers and the cursor stay well below what a proxy lets through. */
  cursorMax: 512,
} as const
