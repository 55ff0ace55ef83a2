import * as z from "zod"
import { ERROR_CODES } from "./errors.ts"
import { LIMITS } from "./limits.ts"
import {
  count,
  GivenMetadata,
  GivenSentAt,
  idempotencyKey,
  keptText,
  Metadata,
  Name,
  named,
  pathNumber,
  resourceNumber,
  searchTime,
  someOf,
  Time,
  Token,
  textSchema,
} from "./schemas.ts"

const MessageBody = keptText(LIMITS.bodyMax).meta({
  description: "1–10,000 characters, kept as they are, not only white space.",
  ...textSchema(LIMITS.bodyMax),
})

export const SearchQuery = keptText(LIMITS.queryMax).meta({
  description: "1–256 characters; white space counts. Required unless there is a `sender`.",
  examples: ["parcel"],
  ...textSchema(LIMITS.queryMax),
})

const SENDER_NOTE =
  "Who sent it. The holder of the token vouches for it: the API checks nothing and attaches no meaning."
const Sender = keptText(LIMITS.senderMax).meta({
  description: `${SENDER_NOTE} 1–255 characters, kept as they are, not only white space. An update ignores it.`,
  examples: ["customer-4711"],
  ...textSchema(LIMITS.senderMax),
})

/** Returns the schema of a member that may be null or left out, which are the same. */
const orNull = <Schema extends z.ZodType>(schema: Schema) =>
  schema.nullish().transform((value): z.output<Schema> | null => value ?? null)
const metadata = GivenMetadata.optional().transform((json) => json ?? null)

// What POST and PUT take is the whole: what is left out has its default. What PATCH takes are changes.
export const ApplicationInput = named("ApplicationInput", { name: Name })
export const ApplicationChanges = someOf("ApplicationChanges", { name: Name.exactOptional() })
export const ChatInput = named("ChatInput", { name: orNull(Name), metadata })
export const ChatChanges = someOf("ChatChanges", {
  name: Name.nullable().exactOptional(),
  metadata: GivenMetadata.exactOptional(),
})
export const MessageInput = named("MessageInput", {
  body: MessageBody,
  sender: orNull(Sender),
  metadata,
  sent_at: orNull(GivenSentAt),
})
export const MessageReplacement = named("MessageReplacement", { body: MessageBody, metadata })
export const MessageChanges = someOf("MessageChanges", {
  body: MessageBody.exactOptional(),
  metadata: GivenMetadata.exactOptional(),
})
/** zod refuses a list that is too long before it looks at the messages, each of which could be wrong. */
export const MessageBatchInput = named("MessageBatchInput", {
  messages: z
    .array(MessageInput)
    .min(1, "must have at least 1 item")
    .max(LIMITS.batchMax, `must have at most ${LIMITS.batchMax} items`)
    .meta({ description: `1–${LIMITS.batchMax} messages, in the order in which they get their numbers.` }),
})

const TIME_NOTE = "by `sent_at`, or where that is null by `created_at` (RFC 3339)."
const SearchFrom = searchTime(`Only messages sent then or later, ${TIME_NOTE}`, "2026-11-01T00:00:00Z")
const SearchTo = searchTime(`Only messages sent then or earlier, ${TIME_NOTE}`, "2026-11-30T23:59:59.999Z")
const SearchSender = keptText(LIMITS.senderMax).meta({
  description: "Only messages with exactly this `sender`. With it `query` may be left out.",
  examples: ["customer-4711"],
  ...textSchema(LIMITS.senderMax),
})

/** The filters of a search besides its query: times, then document members that must match exactly. */
export const searchFilters = {
  from: SearchFrom.optional(),
  to: SearchTo.optional(),
  sender: SearchSender.optional(),
}
export type SearchFilters = { [Name in keyof typeof searchFilters]?: string | undefined }

const CHAT_NUMBER_EXAMPLE = 1
const MESSAGE_NUMBER_EXAMPLE = 1
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
  metadata: Metadata,
  messages_count: count(COUNT_NOTE, 42),
  created_at: Time,
  updated_at: Time,
})

const Highlight = z.string().meta({
  description: "Only where `query` was asked for: the body, HTML-escaped, with each match in <em>…</em>.",
  examples: ["Hello, where is my <em>parcel</em>?"],
})
/** One type for reads and lists, so that clients treat them alike; only a search with `query` has highlights. */
export const Message = named("Message", {
  number: resourceNumber("Counts from 1 in the chat.", MESSAGE_NUMBER_EXAMPLE),
  body: z.string().meta({ examples: ["Hello, where is my parcel?"] }),
  sender: z
    .string()
    .nullable()
    .meta({ description: SENDER_NOTE, examples: ["customer-4711"] }),
  metadata: Metadata,
  sent_at: Time.nullable().meta({
    description: "When the original was sent, as its sender says, if it was said: RFC 3339 in UTC with milliseconds.",
  }),
  created_at: Time,
  updated_at: Time,
  highlight: Highlight.optional(),
})
export const MessageBatch = named("MessageBatch", {
  data: z.array(Message).meta({ description: "The messages in the order given. Each number is the next one." }),
})
export const MessageErasure = named("MessageErasure", {
  deleted: count("How many messages this step has deleted.", 12),
  next_cursor: z.string().nullable().meta({ description: "Where the next step goes on; null when nothing is left." }),
})
export const SearchHit = named("SearchHit", Message.shape)

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
  total: total("Only where the list was asked with `query` or `sender`: how many messages match.").optional(),
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

export const CHANGE_TYPES = [
  "application.updated",
  "chat.created",
  "chat.updated",
  "chat.deleted",
  "message.created",
  "message.updated",
  "message.deleted",
] as const

export const Change = named("Change", {
  id: z.string().meta({
    description: "One for each write of a resource, the same whenever and however it is delivered.",
    examples: ["nAeSVc0nM5yDx0pD0yv8dQ"],
  }),
  type: z.enum(CHANGE_TYPES).meta({
    description: "What happened last. `created` means: not changed since. Treat created and updated alike.",
    examples: ["message.created"],
  }),
  at: Time.meta({ description: "The time of the write." }),
  chat_number: resourceNumber("The chat; null for the application.", CHAT_NUMBER_EXAMPLE).nullable(),
  number: resourceNumber("The message; else null.", MESSAGE_NUMBER_EXAMPLE).nullable(),
  data: z.record(z.string(), z.unknown()).nullable().meta({
    description:
      "The whole resource as its GET shows it: an Application, a Chat or a Message, as `type` says. Null when deleted.",
  }),
})
export const ChangeList = named("ChangeList", {
  data: z.array(Change),
  next_cursor: z.string().meta({ description: "Where to go on, now or later. Never null." }),
  has_more: z.boolean().meta({ description: "Whether to ask at once: there is more already." }),
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
    description: "The page that explains the code.",
    examples: ["https://chat.example.com/problems/invalid_request"],
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

export type ApplicationInput = z.infer<typeof ApplicationInput>
export type ChatInput = z.infer<typeof ChatInput>
export type MessageInput = z.infer<typeof MessageInput>
export type Application = z.infer<typeof Application>
export type Chat = z.infer<typeof Chat>
export type Message = z.infer<typeof Message>
export type SearchHit = z.infer<typeof SearchHit>
export type ApplicationSearchHit = z.infer<typeof ApplicationSearchHit>
export type Change = z.infer<typeof Change>
export type Problem = z.infer<typeof Problem>

export type Order = "asc" | "desc"
/** The keyset position behind a cursor: applications have `createdAt` (ms), hits through an application also `chat`. */
export type Position = { createdAt?: number; chat?: number; key: string | number }
/**
 * Asks for a page by `after` (keyset) or by `offset` (rows to skip). `after` and `until` are where the list begins and
 * ends in its order; neither is in it.
 */
export type PageRequest = { limit: number; order: Order; after?: Position; until?: Position; offset?: number }
/**
 * Asks for a page of a search. `query` is not folded yet; without it all that pass the filters are asked for.
 * `from` and `to` (ms) bound sent_at, or created_at where that is null, both inclusive; `exact` maps document members to
 * their values.
 */
export type Question = Pick<PageRequest, "limit" | "order"> & {
  query?: string
  after?: Position | null
  from?: number
  to?: number
  exact?: Record<string, string>
}
/**
 * A reader's place among an application's changes, in µs of Redis' clock. It has received everything up to `revision`.
 * Deletes up to `start`, where its first walk began, concern nothing that it has received. At `completeAt` it had
 * everything, or was about to begin.
 */
export type ChangesPosition = { revision: number; start: number; completeAt: number }
/** Asks for the changes after a position, of one chat only unless `chat` is 0. */
export type ChangesRequest = { from: ChangesPosition | "beginning" | "latest"; chat: number; limit: number }
/** Where the next step of an erasure begins: above the number `after`. It ends with the number `last`. */
export type ErasurePosition = { after: number; last: number }
/** A step of an erasure; `next` is null after the last one. */
export type Erased = { deleted: number; next: ErasurePosition | null }
export type ChangesPage = { data: Change[]; next: ChangesPosition; hasMore: boolean }
/** A page; `next` is null on the last one. */
export type Page<T> = { data: T[]; next: Position | null }
