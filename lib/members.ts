/**
 * DESIGN. A member that clients give an application, chat or message keeps its name and form everywhere: in requests
 * (contract.ts), events, states, documents and answers; only a column may differ, and metadata, an object for clients
 * and text everywhere else (kept-json.ts). To add one, put it in contract.ts and here, where the compiler lists what else
 * it needs, and write a migration.
 */
import type { estypes } from "@elastic/elasticsearch"
import * as z from "zod"
import type { ApplicationInput, ChatInput, MessageInput } from "./contract.ts"
import { metadataOf } from "./schemas.ts"

export type ApplicationMembers = ApplicationInput
export type ChatMembers = ChatInput
export type MessageMembers = MessageInput

/** The members of events; only their types, since requests were checked against the rules. */
export const eventMembers = {
  /** Of an application or a chat. */
  name: z.string().nullable().optional(),
  /** Of a message. */
  body: z.string().optional(),
  sender: z.string().nullable().optional(),
  /** Of a chat or a message: the text of a JSON object; null is an empty one. */
  metadata: z.string().nullable().optional(),
  /** Of a message, as in answers. */
  sent_at: z.string().nullable().optional(),
} satisfies Record<keyof ApplicationMembers | keyof ChatMembers | keyof MessageMembers, z.ZodType>

type EventMembers = z.infer<z.ZodObject<typeof eventMembers>>

// What members are where nothing gives them a value, as in what was created before they existed.
export const APPLICATION_DEFAULTS: ApplicationMembers = { name: "" }
export const CHAT_DEFAULTS: ChatMembers = { name: null, metadata: null }
export const MESSAGE_DEFAULTS: MessageMembers = { body: "", sender: null, metadata: null, sent_at: null }

/** The version of the events that a member came with, if it is not as old as they are. */
const SINCE = { sender: 2, metadata: 2, sent_at: 2 } satisfies Partial<Record<keyof EventMembers, number>>

/**
 * Returns the version `v` of an event that leads from or to these states, none for the first. A consumer that does not
 * know a version leaves its events to others, rather than store them without the members that it does not know.
 */
export function versionFor(...states: object[]): { v?: number } {
  const given = (name: keyof EventMembers) => states.some((state: EventMembers) => (state[name] ?? null) !== null)
  const v = Object.entries(SINCE).reduce((newest, [name, version]) => {
    return given(name as keyof EventMembers) ? Math.max(newest, version) : newest
  }, 1)
  return v > 1 ? { v } : {}
}

/** Returns an event's members. Those that its writer did not know are as in `known`. */
export function membersOf<Members extends object>(event: EventMembers, known: Members): Members {
  const members = { ...(known as Record<string, unknown>) }
  for (const name of Object.keys(known)) {
    const given: unknown = event[name as keyof EventMembers]
    if (given !== undefined) members[name] = given
  }
  return members as Members
}

/** Returns whether the event's writer knew all the members that `known` has. */
export const hasAllMembers = (event: EventMembers, known: object): boolean =>
  Object.keys(known).every((name) => name in event)

// The columns that hold the members, and the conversions between both.
export type ApplicationColumns = { name: string }
export type ChatColumns = { name: string | null; metadata: string | null }
/** `sender` is UTF-8, since as text 'a' would equal 'a '. */
export type MessageColumns = {
  body: string
  sender: Buffer | null
  metadata: string | null
  sent_at: Date | null
}

const columnNames = <Columns>(names: Record<keyof Columns, true>) => Object.keys(names) as (keyof Columns)[]
export const APPLICATION_COLUMNS = columnNames<ApplicationColumns>({ name: true })
export const CHAT_COLUMNS = columnNames<ChatColumns>({ name: true, metadata: true })
export const MESSAGE_COLUMNS = columnNames<MessageColumns>({ body: true, sender: true, metadata: true, sent_at: true })

export const applicationColumns = ({ name }: ApplicationMembers): ApplicationColumns => ({ name })
export const chatColumns = ({ name, metadata }: ChatMembers): ChatColumns => ({ name, metadata })
export const messageColumns = ({ body, sender, metadata, sent_at }: MessageMembers): MessageColumns => ({
  body,
  sender: sender === null ? null : Buffer.from(sender),
  metadata,
  sent_at: sent_at === null ? null : new Date(sent_at),
})

export const membersOfApplicationRow = ({ name }: ApplicationColumns): ApplicationMembers => ({ name })
export const membersOfChatRow = ({ name, metadata }: ChatColumns): ChatMembers => ({ name, metadata })
export const membersOfMessageRow = ({ body, sender, metadata, sent_at }: MessageColumns): MessageMembers => ({
  body,
  sender: sender?.toString() ?? null,
  metadata,
  sent_at: sent_at?.toISOString() ?? null,
})

/** Returns members, and whatever stands beside them, as an answer has them. */
export const answered = <Members extends { metadata: string | null }>(
  members: Members,
): Omit<Members, "metadata"> & { metadata: object } => ({ ...members, metadata: metadataOf(members.metadata) })

/** How Elasticsearch maps the members; a change requires a new MAPPING_VERSION. */
export const MESSAGE_MAPPINGS: Record<keyof MessageMembers, estypes.MappingProperty> = {
  // Searched through its folded copy (search/indexing/index-mapping.ts).
  body: { type: "text", index: false },
  sender: { type: "keyword", doc_values: false },
  // Text, since Elasticsearch's own reading of an object may change its numbers and the order of its names.
  metadata: { type: "text", index: false },
  sent_at: { type: "date", format: "strict_date_time", index: false, doc_values: false },
}

export const MESSAGE_MEMBERS = Object.keys(MESSAGE_MAPPINGS) as (keyof MessageMembers)[]
