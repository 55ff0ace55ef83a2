/** The API's limits; lengths count Unicode code points. */
export const LIMITS = {
  /** Fits a line of a user interface, and 255 code points of utf8mb4 fit an indexed VARCHAR. */
  nameMax: 255,
  /** About four pages of text; 40,000 bytes of UTF-8 at most, which a MySQL TEXT (65,535) holds. */
  bodyMax: 10_000,
  /** Fits the names and ids of users in other systems; 1,020 bytes of UTF-8 at most. */
  senderMax: 255,
  /** Of compact JSON in UTF-8: some dozens of members. A page of a hundred messages stays well below a megabyte. */
  metadataBytesMax: 4_096,
  /** Deeper than what people write by hand; recursion over it is safe. */
  metadataDepthMax: 8,
  /** How far a `sent_at` may lie ahead: no clock of a sender is wrong by more than its time zone. */
  sentAheadMaxMs: 86_400_000,
  /** 10,000 code points, each escaped as a surrogate pair (12 bytes), and the rest of the document. */
  requestBytesMax: 128 * 1024,
  /** A batch spares a client round trips, and a hundred messages hold Redis for less than a millisecond. */
  batchMax: 100,
  /** A hundred messages of 10,000 ASCII characters, or 26 of 10,000 characters of four bytes. */
  batchBytesMax: 1024 * 1024,
  /** What a step of an erasure deletes at most: each is an event, as in a batch. */
  erasureMax: 100,
  /** No valid body has more than one level; at this depth even a recursive parser is safe. */
  jsonDepthMax: 32,
  pageLimitDefault: 20,
  pageLimitMax: 100,
  /** Changes are small, and a reader that follows them asks again at once while there are more. */
  changesLimitDefault: 50,
  /** A message's tombstone is kept a day longer, so that clocks may differ and a page has time to be read. */
  changesCursorDays: 14,
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
