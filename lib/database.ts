import type { Generated } from "kysely"
import type { ApplicationColumns, ChatColumns, MessageColumns } from "./members.ts"

/** The tables of MySQL, which migrations/ makes and explains. Revisions are µs, below 2^53. */
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
    /** When the tombstone of a message may be removed; null: never. */
    expires_at: Date | null
    /** When the rows below an application or chat are to be removed next; null: none are left. */
    purge_at: Date | null
  }
  /** One row per parent: `chat` 0 counts the chats of the application. */
  counters: {
    application: string
    chat: number
    /** The highest number ever persisted, or promised by a fence. */
    highest: number
    /** Living rows below this parent. */
    live: number
    /** The greatest revision persisted below this parent. */
    revision: number
    /** The latest shard generation that this counter was fenced for. */
    fenced: number
    /** 1 while the parent's count column may differ from `live`. */
    dirty: number
  }
  pending_index: {
    application: string
    chat: number
    message: number
    revision: number
    attempts: Generated<number>
    /** When to send the index event again; null: it is dead. */
    due_at: Date | null
  }
  /** Where documents are written, by the alias that is searched: see lib/search/indexing/targets.ts. */
  search_indexes: {
    alias: string
    /** Rises with every change of the other columns. */
    generation: number
    /** The index that is searched; null before the first. */
    live: string | null
    /** The index that a rebuild fills; null: none. */
    building: string | null
  }
  /** Rows whose locks serialise the persist transactions of an application. */
  persist_locks: { stripe: number }
}

/** A row of an outer join, all null where nothing was found. */
export type Joined<Row> = { [Column in keyof Row]: Row[Column] | null }

/** Returns whether the outer join found a row. */
export const isFound = <Row extends { revision: number }>(row: Joined<Row>): row is Row & Joined<Row> =>
  row.revision !== null
