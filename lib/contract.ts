import * as z from "zod"
import { ERROR_CODES } from "./errors.ts"
import { LIMITS } from "./limits.ts"
import {
  count,
  idempotencyKey,
  keptText,
  Name,
  named,
  pathNumber,
  resourceNumber,
  searchTime,
  Time,
  Token,
  textSchema,
} from "./schemas.ts"

const MessageBody = keptText(LIMITS.bodyMax).meta({
  description: "1–10,000 characters, kept as they are, not only white space.",
  ...textSchema(LIMITS.bodyMax),
})

export const SearchQuery = keptText(LIMITS.queryMax).meta({
  description: "1–256 characters; white space counts.",
  examples: ["parcel"],
  ...textSchema(LIMITS.queryMax),
})

export const ApplicationInput = named("ApplicationInput", { name: Name })
export const ApplicationChanges = named("ApplicationChanges", { name: Name })
export const ChatInput = named("ChatInput", { name: Name.nullish().transform((name) => name ?? null) })
export const ChatChanges = named("ChatChanges", { name: Name.nullable() })
export const MessageInput = named("MessageInput", { body: MessageBody })
export const MessageChanges = named("MessageChanges", { body: MessageBody })

const SearchFrom = searchTime("Only messages created then or later (RFC 3339).", "2026-11-01T00:00:00Z")
const SearchTo = searchTime("Only messages created then or earlier (RFC 3339).", "2026-11-30T23:59:59.999Z")

/** The filters of a search besides its query: times, then document members that must match exactly. */
export const searchFilters = { from: SearchFrom.optional(), to: SearchTo.optional() }
export type SearchFilters = { [Name in keyof typeof searchFilters]?: string | undefined }

const CHAT_NUMBER_EXAMPLE = 7
const MESSAGE_NUMBER_EXAMPLE = 42
const ChatNumber = pathNumber("The chat's number.", CHAT_NUMBER_EXAMPLE)
const MessageNumber = pathNumber("The message's number.", MESSAGE_NUMBER_EXAMPLE)

export const ApplicationPath = z.object({ token: Token })
export const ChatPath = z.object({ token: Token, number: ChatNumber })
export const MessagesPath = z.object({ token: Token, chat_number: ChatNumber })
export const MessagePath = z.object({ token: Token, chat_number: ChatNumber, number: MessageNumber })

export const IdempotencyKey = idempotencyKey(1)
export const ApplicationIdempotencyKey = idempotencyKey(LIMITS.applicationIdempotencyKeyMin)

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
/** The keyset position behind a cursor: applications have `createdAt` (ms), hits through an application also `chat`. */
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
