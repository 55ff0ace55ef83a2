import * as z from "zod"
import { parseRfc3339 } from "./rfc3339.ts"

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

/**
 * Something that is not white space, as `String.prototype.trim` sees it. Spelt out, since `\S` means another set in
 * other languages, and clients read this pattern in the OpenAPI document.
 */
const NOT_BLANK = "[^\\t\\n\\x0b\\f\\r \\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000\\ufeff]"

/** What the refinements below check, in JSON Schema's words, where a length counts code points as ours do. */
const textSchema = (maxLength: number) => ({ minLength: 1, maxLength, pattern: NOT_BLANK })

const codePoints = (text: string): number => {
  let count = 0
  for (const _ of text) count++
  return count
}

const WELL_FORMED = "must be well-formed Unicode (it has a lone surrogate)"

const text = z.string().refine((value) => value.isWellFormed(), WELL_FORMED)

/** Trimmed, 1–255 code points, not blank. */
const Name = text
  .transform((value) => value.trim())
  .refine((value) => value !== "", "must not be blank")
  .refine((value) => codePoints(value) <= LIMITS.nameMax, `must have at most ${LIMITS.nameMax} characters`)
  .meta({ description: "1–255 characters after trimming, not blank.", ...textSchema(LIMITS.nameMax) })

/** Kept as it came: 1–10,000 code points, not only white space. */
const MessageBody = text
  .refine((value) => value.trim() !== "", "must not be blank")
  .refine((value) => codePoints(value) <= LIMITS.bodyMax, `must have at most ${LIMITS.bodyMax} characters`)
  .meta({
    description: "1–10,000 characters, kept as they are, not only white space.",
    ...textSchema(LIMITS.bodyMax),
  })

/** Searched as it is, white space included: 1–256 code points, not blank. */
export const SearchQuery = text
  .refine((value) => value.trim() !== "", "must not be blank")
  .refine((value) => codePoints(value) <= LIMITS.queryMax, `must have at most ${LIMITS.queryMax} characters`)
  .meta({ description: "1–256 characters; white space counts.", ...textSchema(LIMITS.queryMax) })

export const NewApplication = z.object({ name: Name })
export const ApplicationChanges = z.object({ name: Name })
export const NewChat = z.object({ name: Name.nullish().transform((name) => name ?? null) })
export const ChatChanges = z.object({ name: Name.nullable() })
export const NewMessage = z.object({ body: MessageBody })
export const MessageChanges = z.object({ body: MessageBody })

const isTime = (value: string): boolean => !Number.isNaN(parseRfc3339(value, "down"))
const searchTime = (description: string) =>
  z
    .string()
    .refine(isTime, "must be a possible RFC 3339 time with its offset; a + in a URL is written %2B")
    .meta({ description, format: "date-time" })

/** Bounds of created_at, both of them inside. */
export const SearchFrom = searchTime("Only messages created then or later (RFC 3339).")
export const SearchTo = searchTime("Only messages created then or earlier (RFC 3339).")

/** Path parameters. One that cannot exist is 404, so a failure here is never 422. */
export const TOKEN_PATTERN = /^[A-Za-z0-9_-]{24}$/
const Token = z.string().regex(TOKEN_PATTERN).meta({ description: "The application's token." })
const PathNumber = z
  .string()
  .regex(/^[1-9][0-9]{0,9}$/)
  .transform(Number)
  .pipe(z.int().min(1).max(LIMITS.numberMax))
const ChatNumber = PathNumber.meta({ description: "The chat's number." })
const MessageNumber = PathNumber.meta({ description: "The message's number." })

export const ApplicationPath = z.object({ token: Token })
export const ChatPath = z.object({ token: Token, number: ChatNumber })
/** `/applications/{token}/chats/{chat_number}/messages` */
export const MessagesPath = z.object({ token: Token, chat_number: ChatNumber })
export const MessagePath = z.object({ token: Token, chat_number: ChatNumber, number: MessageNumber })

const visibleAscii = (min: number) => new RegExp(`^[\\x21-\\x7e]{${min},${LIMITS.idempotencyKeyMax}}$`)
/** The Idempotency-Key header. */
export const IdempotencyKey = z
  .string()
  .regex(visibleAscii(1), `must be 1–${LIMITS.idempotencyKeyMax} visible ASCII characters`)
export const ApplicationIdempotencyKey = z
  .string()
  .regex(
    visibleAscii(LIMITS.applicationIdempotencyKeyMin),
    `must be ${LIMITS.applicationIdempotencyKeyMin}–${LIMITS.idempotencyKeyMax} visible ASCII characters`,
  )

const Time = z.iso.datetime({ precision: 3 }).meta({ description: "RFC 3339 in UTC with milliseconds." })
const ResourceNumber = z.int().min(1).max(LIMITS.numberMax)
const Count = z.int().min(0)

export const Application = z.object({
  token: Token,
  name: z.string(),
  chats_count: Count.meta({ description: "May lag by the sync period (1 minute by default)." }),
  created_at: Time,
  updated_at: Time,
})
export const Chat = z.object({
  number: ResourceNumber,
  name: z.string().nullable(),
  messages_count: Count.meta({ description: "May lag by the sync period (1 minute by default)." }),
  created_at: Time,
  updated_at: Time,
})
export const Message = z.object({ number: ResourceNumber, body: z.string(), created_at: Time, updated_at: Time })
export const SearchHit = Message.extend({
  highlight: z.string().meta({ description: "The body, HTML-escaped, with each match in <em>…</em>." }),
})

/** A hit of a search through a whole application. */
export const ApplicationSearchHit = z.object({
  chat_number: ResourceNumber.meta({ description: "The chat that the message is in." }),
  ...SearchHit.shape,
})

const NextCursor = z.string().nullable().meta({ description: "Null on the last page." })
export const ApplicationList = z.object({ data: z.array(Application), next_cursor: NextCursor })
export const ChatList = z.object({ data: z.array(Chat), next_cursor: NextCursor })
export const MessageList = z.object({ data: z.array(Message), next_cursor: NextCursor })
export const SearchResults = z.object({
  data: z.array(SearchHit),
  next_cursor: NextCursor,
  total: Count.meta({ description: `Exact up to ${LIMITS.searchTotalMax}.` }),
})

export const ApplicationSearchResults = z.object({ ...SearchResults.shape, data: z.array(ApplicationSearchHit) })

export const Problem = z.object({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  detail: z.string(),
  code: z.string(),
  request_id: z.string(),
  errors: z.array(z.object({ path: z.string(), message: z.string() })).optional(),
})

const DependencyState = z.object({
  state: z.enum(["up", "down"]),
  latency_ms: z.number().min(0).meta({ description: "How long the check took, in milliseconds." }),
})
export const Health = z.object({ status: z.literal("ok") })
export const Readiness = z.object({
  status: z.enum(["ready", "not_ready"]),
  dependencies: z.object({
    mysql: DependencyState,
    redis: DependencyState,
    sqs: DependencyState,
    elasticsearch: DependencyState,
  }),
})

export type Application = z.infer<typeof Application>
export type Chat = z.infer<typeof Chat>
export type Message = z.infer<typeof Message>
export type SearchHit = z.infer<typeof SearchHit>
export type ApplicationSearchHit = z.infer<typeof ApplicationSearchHit>
export type Problem = z.infer<typeof Problem>

export type Order = "asc" | "desc"
/**
 * Where a list goes on: the keyset position behind an opaque cursor. `createdAt` (ms) is there for applications, and with
 * `chat` for hits of a search through an application.
 */
export type Position = { createdAt?: number; chat?: number; key: string | number }
/** A page asked for: by `after` (keyset) or by `offset` (rows to skip). */
export type PageRequest = { limit: number; order: Order; after?: Position; offset?: number }
/** A page answered; `next` is null on the last one. */
export type Page<T> = { data: T[]; next: Position | null }
