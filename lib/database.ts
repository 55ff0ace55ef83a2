import type { Generated } from "kysely"
import type { ApplicationColumns, ChatColumns, MessageColumns } from "./members.ts"

/** The tables of MySQL; migrations/ makes them and says why they are so. Revisions are µs, below 2^53. */
export type Database = {
  applications: ApplicationColumns & {
    token: string
    chats_count: Generated<number>
    revision: number
    created_at: Date
    updated_at: Date
  }
  chats: ChatColumns & {
    application: string
    number: number
    messages_count: Generated<number>
    revision: number
    created_at: Date
    updated_at: Date
  }
  messages: MessageColumns & {
    application: string
    chat: number
    number: number
    revision: number
    created_at: Date
    updated_at: Date
  }
  /** What was deleted; `chat` and `message` are 0 as in an event's key. */
  tombstones: {
    application: string
    chat: number
    message: number
    revision: number
    deleted_at: Date
    /** When a message's tombstone may go; null: never. */
    expires_at: Date | null
    /** When the rows below an application or chat are to be removed (again); null: nothing is left. */
    purge_at: Date | null
  }
  /** One row per parent: `chat` 0 counts the chats of the application. */
  counters: {
    application: string
    chat: number
    /** The highest number that was ever persisted, or promised by a fence. */
    highest: number
    /** Rows that live now. */
    live: number
    /** The greatest revision persisted below this parent. */
    revision: number
    /** The latest generation of Redis that this counter was fenced for. */
    fenced: number
    /** 1 while the count column of the parent may differ from `live`. */
    dirty: number
  }
  /** What must be indexed (again). */
  pending_index: {
    application: string
    chat: number
    message: number
    revision: number
    attempts: Generated<number>
    /** When the index event is to be sent again; null: it is dead. */
    due_at: Date | null
  }
  /** Where documents are written, for each alias that is searched: see lib/search/indexing/targets.ts. */
  search_indexes: {
    alias: string
    /** Goes up with every change of the other columns. */
    generation: number
    /** The index that is searched; null: none yet. */
    live: string | null
    /** The index that a rebuild fills; null: none. */
    building: string | null
  }
  /** Stripes that serialise the persist transactions of an application. */
  persist_locks: { stripe: number }
}

/** A row of an outer join: all of it is null where there is none. */
export type Joined<Row> = { [Column in keyof Row]: Row[Column] | null }

/** Returns whether an outer join has found the row. */
export const isFound = <Row extends { revision: number }>(row: Joined<Row>): row is Row & Joined<Row> =>
  row.revision !== null
