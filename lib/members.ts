/**
 * DESIGN. A member that clients give an application, chat or message keeps its name and form everywhere: in requests
 * (contract.ts), events, states, documents and answers; only a column may differ. To add one, put it in contract.ts and
 * here, where the compiler lists what else it needs, and write a migration.
 */
import type { estypes } from "@elastic/elasticsearch"
import * as z from "zod"
import type { ApplicationInput, ChatInput, MessageInput } from "./contract.ts"

export type ApplicationMembers = ApplicationInput
export type ChatMembers = ChatInput
export type MessageMembers = MessageInput

/** The members of events; only their types, since requests were checked against the rules. */
export const eventMembers = {
  /** Of an application or a chat. */
  name: z.string().nullable().optional(),
  /** Of a message. */
  body: z.string().optional(),
} satisfies Record<keyof ApplicationMembers | keyof ChatMembers | keyof MessageMembers, z.ZodType>

type EventMembers = z.infer<z.ZodObject<typeof eventMembers>>

// What members are where nothing gives them a value, as in what was created before they existed.
export const APPLICATION_DEFAULTS: ApplicationMembers = { name: "" }
export const CHAT_DEFAULTS: ChatMembers = { name: null }
export const MESSAGE_DEFAULTS: MessageMembers = { body: "" }

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
export type ChatColumns = { name: string | null }
export type MessageColumns = { body: string }

const columnNames = <Columns>(names: Record<keyof Columns, true>) => Object.keys(names) as (keyof Columns)[]
export const APPLICATION_COLUMNS = columnNames<ApplicationColumns>({ name: true })
export const CHAT_COLUMNS = columnNames<ChatColumns>({ name: true })
export const MESSAGE_COLUMNS = columnNames<MessageColumns>({ body: true })

export const applicationColumns = ({ name }: ApplicationMembers): ApplicationColumns => ({ name })
export const chatColumns = ({ name }: ChatMembers): ChatColumns => ({ name })
export const messageColumns = ({ body }: MessageMembers): MessageColumns => ({ body })

export const membersOfApplicationRow = ({ name }: ApplicationColumns): ApplicationMembers => ({ name })
export const membersOfChatRow = ({ name }: ChatColumns): ChatMembers => ({ name })
export const membersOfMessageRow = ({ body }: MessageColumns): MessageMembers => ({ body })

/** How Elasticsearch maps the members; a change requires a new MAPPING_VERSION. */
export const MESSAGE_MAPPINGS: Record<keyof MessageMembers, estypes.MappingProperty> = {
  // Searched through its folded copy (search/indexing/index-mapping.ts).
  body: { type: "text", index: false },
}

export const MESSAGE_MEMBERS = Object.keys(MESSAGE_MAPPINGS) as (keyof MessageMembers)[]
