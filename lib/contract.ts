import * as z from "zod"
import { ERROR_CODES } from "./errors.ts"
import { LIMITS } from "./limits.ts"
import { parseRfc3339 } from "./rfc3339.ts"

/**
 * Matches text with a character that is not white space, by ECMAScript's `\s`, which is what `trim` drops; clients in
 * other languages may judge some rare characters differently. Anchored at both ends, since some clients search with a
 * pattern, some match from the first character, and some match the whole text.
 */
const NOT_BLANK = "^\\s*\\S[\\s\\S]*$"

/** States the refinements below in JSON Schema, where lengths count code points as ours do. */
const textSchema = (maxLength: number) => ({ minLength: 1, maxLength, pattern: NOT_BLANK })

const codePoints = (text: string): number => {
  let count = 0
  for (const _ of text) count++
  return count
}

const WELL_FORMED = "must be well-formed Unicode (it has a lone surrogate)"

const text = z.string().refine((value) => value.isWellFormed(), WELL_FORMED)

const Name = text
  .transform((value) => value.trim())
  .refine((value) => value !== "", "must not be blank")
  .refine((value) => codePoints(value) <= LIMITS.nameMax, `must have at most ${LIMITS.nameMax} characters`)
  .meta({ description: "1–255 characters after trimming, not blank.", ...textSchema(LIMITS.nameMax) })

/** Text kept as it came: at most `max` code points, not only white space. */
const keptText = (max: number) =>
  text
    .refine((value) => value.trim() !== "", "must not be blank")
    .refine((value) => codePoints(value) <= max, `must have at most ${max} characters`)

const MessageBody = keptText(LIMITS.bodyMax).meta({
  description: "1–10,000 characters, kept as they are, not only white space.",
  ...textSchema(LIMITS.bodyMax),
})

export const SearchQuery = keptText(LIMITS.queryMax).meta({
  description: "1–256 characters; white space counts.",
  examples: ["parcel"],
  ...textSchema(LIMITS.queryMax),
})

/**
 * Defines an object named `id` in the OpenAPI document. No name begins with New or resembles an operation's id: Go
 * generators name constructors `NewX`, and types after operations.
 */
export const named = <Shape extends z.ZodRawShape>(id: string, shape: Shape) => z.object(shape).meta({ id })

export const ApplicationInput = named("ApplicationInput", { name: Name })
export const ApplicationChanges = named("ApplicationChanges", { name: Name })
export const ChatInput = named("ChatInput", { name: Name.nullish().transform((name) => name ?? null) })
export const ChatChanges = named("ChatChanges", { name: Name.nullable() })
export const MessageInput = named("MessageInput", { body: MessageBody })
export const MessageChanges = named("MessageChanges", { body: MessageBody })

const isTime = (value: string): boolean => !Number.isNaN(parseRfc3339(value, "down"))
const searchTime = (description: string, example: string) =>
  z
    .string()
    .refine(isTime, "must be a possible RFC 3339 time with its offset; a + in a URL is written %2B")
    .meta({ description, format: "date-time", examples: [example] })

/** Inclusive bounds of created_at. */
const SearchFrom = searchTime("Only messages created then or later (RFC 3339).", "2026-11-01T00:00:00Z")
const SearchTo = searchTime("Only messages created then or earlier (RFC 3339).", "2026-11-30T23:59:59.999Z")

/** The filters of a search besides its query: times, then document members that must match exactly. */
export const searchFilters = { from: SearchFrom.optional(), to: SearchTo.optional() }
export type SearchFilters = { [Name in keyof typeof searchFilters]?: string | undefined }

/** Path parameters: an impossible one is 404, never 422. */
export const TOKEN_PATTERN = /^[A-Za-z0-9_-]{24}$/
const Token = z
  .string()
  .regex(TOKEN_PATTERN)
  .meta({ description: "The application's token.", examples: ["Vq3xJ8mZ-tR5wK1yB7nC_dHf"] })

/** The format of numbers and counts, which exceed int32, the type that generators otherwise give an integer. */
const WIDE = "int64"
const CHAT_NUMBER_EXAMPLE = 7
const MESSAGE_NUMBER_EXAMPLE = 42
const PathNumber = z
  .string()
  .regex(/^[1-9][0-9]{0,9}$/)
  .transform(Number)
  .pipe(z.int().min(1).max(LIMITS.numberMax))
const ChatNumber = PathNumber.meta({
  description: "The chat's number.",
  format: WIDE,
  examples: [CHAT_NUMBER_EXAMPLE],
})
const MessageNumber = PathNumber.meta({
  description: "The message's number.",
  format: WIDE,
  examples: [MESSAGE_NUMBER_EXAMPLE],
})

export const ApplicationPath = z.object({ token: Token })
export const ChatPath = z.object({ token: Token, number: ChatNumber })
/** `/applications/{token}/chats/{chat_number}/messages` */
export const MessagesPath = z.object({ token: Token, chat_number: ChatNumber })
export const MessagePath = z.object({ token: Token, chat_number: ChatNumber, number: MessageNumber })

const visibleAscii = (min: number) => new RegExp(`^[!-~]{${min},${LIMITS.idempotencyKeyMax}}$`)
const idempotencyKeyMeta = {
  description: "Makes sending the request again safe: the same key and body create once in 24 hours.",
  examples: ["0b7fd1c4-5a83-4f0e-9c26-6f1d2e3a4b5c"],
}
export const IdempotencyKey = z
  .string()
  .regex(visibleAscii(1), `must be 1–${LIMITS.idempotencyKeyMax} visible ASCII characters`)
  .meta(idempotencyKeyMeta)
export const ApplicationIdempotencyKey = z
  .string()
  .regex(
    visibleAscii(LIMITS.applicationIdempotencyKeyMin),
    `must be ${LIMITS.applicationIdempotencyKeyMin}–${LIMITS.idempotencyKeyMax} visible ASCII characters`,
  )
  .meta(idempotencyKeyMeta)

const Time = z.iso
  .datetime({ precision: 3 })
  .meta({ description: "RFC 3339 in UTC with milliseconds.", examples: ["2026-11-28T09:30:00.000Z"] })
const resourceNumber = (description: string, example: number) =>
  z
    .int()
    .min(1)
    .max(LIMITS.numberMax)
    .meta({ description, format: WIDE, examples: [example] })
const count = (description: string, example: number) =>
  z
    .int()
    .min(0)
    .meta({ description, format: WIDE, examples: [example] })
const COUNT_NOTE = "May lag by the sync period (1 minute by default)."

export const Application = named("Application", {
  token: Token,
  name: z.string().meta({ examples: ["Support"] }),
  chats_count: count(COUNT_NOTE, 3),
  created_at: Time,
  updated_at: Time,
})
export const Chat = named("Chat", {
  number: resourceNumber("Counts from 1 in the application.", CHAT_NUMBER_EXAMPLE),
  name: z
    .string()
    .nullable()
    .meta({ examples: ["Order 1001"] }),
  messages_count: count(COUNT_NOTE, 42),
  created_at: Time,
  updated_at: Time,
})

const Highlight = z.string().meta({
  description: "The body, HTML-escaped, with each match in <em>…</em>.",
  examples: ["Hello, where is my <em>parcel</em>?"],
})
/** One type for reads and lists, so that clients treat them alike; only a list with `query` has highlights. */
export const Message = named("Message", {
  number: resourceNumber("Counts from 1 in the chat.", MESSAGE_NUMBER_EXAMPLE),
  body: z.string().meta({ examples: ["Hello, where is my parcel?"] }),
  created_at: Time,
  updated_at: Time,
  highlight: Highlight.optional().meta({
    description: "Only in a list asked with `query`: the body, HTML-escaped, with each match in <em>…</em>.",
  }),
})
export const SearchHit = named("SearchHit", { ...Message.shape, highlight: Highlight })

export const ApplicationSearchHit = named("ApplicationSearchHit", {
  chat_number: resourceNumber("The chat that the message is in.", CHAT_NUMBER_EXAMPLE),
  ...SearchHit.shape,
})

const NextCursor = z.string().nullable().meta({ description: "Null on the last page." })
const total = (note: string) => count(`${note} Exact up to ${LIMITS.searchTotalMax}.`, 1)

export const ApplicationList = named("ApplicationList", { data: z.array(Application), next_cursor: NextCursor })
export const ChatList = named("ChatList", { data: z.array(Chat), next_cursor: NextCursor })
export const MessageList = named("MessageList", {
  data: z.array(Message),
  next_cursor: NextCursor,
  total: total("Only where the list was asked with `query`: how many messages match.").optional(),
})
export const SearchResults = named("SearchResults", {
  data: z.array(SearchHit),
  next_cursor: NextCursor,
  total: total("How many messages match."),
})

export const ApplicationSearchResults = named("ApplicationSearchResults", {
  ...SearchResults.shape,
  data: z.array(ApplicationSearchHit),
})

export const FieldError = named("FieldError", {
  in: z
    .string()
    .optional()
    .meta({ description: "The part of the request that it is in: `body`, `query` or `header`.", examples: ["body"] }),
  path: z.string().meta({
    description: "The name of the member, parameter or header; empty for the whole body.",
    examples: ["name"],
  }),
  message: z.string().meta({ description: "What is wrong with it.", examples: ["must not be blank"] }),
})

export const Problem = named("Problem", {
  type: z.string().meta({
    description: "Leads to the code's explanation.",
    examples: ["https://chat.example.com/docs#error-invalid_request"],
  }),
  title: z.string().meta({ description: "The code in words.", examples: ["Invalid request"] }),
  status: z
    .int()
    .min(400)
    .max(599)
    .meta({ description: "The answer's status.", format: "int32", examples: [422] }),
  detail: z.string().meta({ description: "What happened this time.", examples: ["name: must not be blank"] }),
  code: z.string().meta({
    description: "Never changes its meaning. Codes may be added: take one that you do not know by its status.",
    examples: Object.keys(ERROR_CODES),
  }),
  request_id: z.string().meta({
    description: "Stands in the log.",
    examples: ["4f9f1c1e-7c5a-4f0b-8a54-1f2d3c4b5a69"],
  }),
  errors: z.array(FieldError).optional().meta({ description: "With `invalid_request`: each wrong field." }),
})

export const DependencyState = named("DependencyState", {
  state: z.enum(["up", "down"]),
  latency_ms: z
    .number()
    .min(0)
    .meta({
      description: "How long the check took, in milliseconds.",
      format: "double",
      examples: [1.5],
    }),
})
export const Health = named("Health", { status: z.literal("ok") })
export const Readiness = named("Readiness", {
  status: z.enum(["ready", "not_ready"]),
  dependencies: z.object({
    mysql: DependencyState,
    redis: DependencyState,
    sqs: DependencyState,
    elasticsearch: DependencyState,
  }),
})

export const OpenApi = named("OpenApi", {})

export type ApplicationInput = z.infer<typeof ApplicationInput>
export type ChatInput = z.infer<typeof ChatInput>
export type MessageInput = z.infer<typeof MessageInput>
export type Application = z.infer<typeof Application>
export type Chat = z.infer<typeof Chat>
export type Message = z.infer<typeof Message>
export type SearchHit = z.infer<typeof SearchHit>
export type ApplicationSearchHit = z.infer<typeof ApplicationSearchHit>
export type Problem = z.infer<typeof Problem>

export type Order = "asc" | "desc"
/**
 * The keyset position behind an opaque cursor. Applications have `createdAt` (ms); hits of a search through an
 * application have it and `chat`.
 */
export type Position = { createdAt?: number; chat?: number; key: string | number }
/** Asks for a page by `after` (keyset) or by `offset` (rows to skip). */
export type PageRequest = { limit: number; order: Order; after?: Position; offset?: number }
/**
 * Asks for a page of a search. `query` is not folded yet; `from` and `to` (ms) bound created_at, both inclusive;
 * `exact` maps document members to their values.
 */
export type Question = Pick<PageRequest, "limit" | "order"> & {
  query: string
  after?: Position | null
  from?: number
  to?: number
  exact?: Record<string, string>
}
/** A page; `next` is null on the last one. */
export type Page<T> = { data: T[]; next: Position | null }
