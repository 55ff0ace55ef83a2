/**
 * DESIGN. What clients give of an application, a chat or a message keeps its name and its form all the way: in requests
 * (contract.ts), in events, in the state that is read, in documents and in answers. Only a column may hold it otherwise.
 * A new member stands in contract.ts and here, where the compiler says what it still lacks, and has a migration.
 */
import type { estypes } from "@elastic/elasticsearch"
import * as z from "zod"
import type { ApplicationInput, ChatInput, MessageInput } from "./contract.ts"

export type ApplicationMembers = ApplicationInput
export type ChatMembers = ChatInput
export type MessageMembers = MessageInput

/** The members that an event may have. Their rules have been checked by then: here they have their types only. */
export const eventMembers = {
  /** Of an application or chat. */
  name: z.string().nullable().optional(),
  /** Of a message. */
  body: z.string().optional(),
} satisfies Record<keyof ApplicationMembers | keyof ChatMembers | keyof MessageMembers, z.ZodType>

type EventMembers = z.infer<z.ZodObject<typeof eventMembers>>

// The members in an event; one that was made before there was a member has what stands here.
export const applicationMembers = ({ name }: EventMembers): ApplicationMembers => ({ name: name ?? "" })
export const chatMembers = ({ name }: EventMembers): ChatMembers => ({ name: name ?? null })
export const messageMembers = ({ body }: EventMembers): MessageMembers => ({ body: body ?? "" })

// The columns that hold them, and how to come from one to the other.
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

/** How Elasticsearch holds them in a document; a change asks for another MAPPING_VERSION. */
export const MESSAGE_MAPPINGS: Record<keyof MessageMembers, estypes.MappingProperty> = {
  // Searched by its folded copy (search/index-mapping.ts).
  body: { type: "text", index: false },
}

export const MESSAGE_MEMBERS = Object.keys(MESSAGE_MAPPINGS) as (keyof MessageMembers)[]
