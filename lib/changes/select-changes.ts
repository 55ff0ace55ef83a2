/** The statements that read changes from MySQL: a union of short ranges of indexes and of rows by their keys, and one of their revisions. */
import { type RawBuilder, sql } from "kysely"
import { chatRanges, keyRanges } from "../clients/key-ranges.ts"
import { type Mysql, readMysql, unsignedZero } from "../clients/mysql.ts"
import type { ResourceKey } from "../events.ts"
import {
  APPLICATION_COLUMNS,
  type ApplicationColumns,
  CHAT_COLUMNS,
  type ChatColumns,
  MESSAGE_COLUMNS,
  type MessageColumns,
} from "../members.ts"

export type ChangesAsked = {
  application: string
  /** 0 for all of the application. */
  chat: number
  /** Changes have greater revisions than `after`, deletes also than `start`, and none a greater one than `complete`. */
  after: number
  start: number
  complete: number
  /** The most rows of a range. */
  count: number
  /** Chats and messages whose rows are wanted whatever their revision. */
  rows: ResourceKey[]
  /** Chats whose tombstones are wanted likewise. */
  tombstones: number[]
}

export type ChangeRow = Omit<ResourceKey, "application"> & {
  kind: "application" | "chat" | "message" | "tombstone"
  /** 1 in a range, of which the row may be the last; 0 by its key. */
  ranged: 0 | 1
  /** The count of what is below it. */
  counted: number
  revision: number
  created_at: Date
  updated_at: Date
  /** 1 if the row lies below a deleted chat. */
  below_deleted: 0 | 1
} & (ApplicationColumns & ChatColumns & MessageColumns)

const COLUMNS = [...new Set([...APPLICATION_COLUMNS, ...CHAT_COLUMNS, ...MESSAGE_COLUMNS])]

/** Selects the columns of members, null for those that the table lacks. */
const members = (own: readonly string[]) =>
  sql.join(COLUMNS.map((column) => (own.includes(column) ? sql.ref(`r.${column}`) : sql`null as ${sql.id(column)}`)))

const TIMES = sql`r.revision, r.created_at, r.updated_at`
/** A tombstone has one time, and no members. */
const TOMBSTONE = sql`
  r.chat, r.message, ${unsignedZero()} as counted, r.revision, r.deleted_at as created_at, r.deleted_at as updated_at`
const BELOW_DELETED = sql`g.chat is not null`
const DELETED_CHAT = sql`left join tombstones g on g.application = r.application and g.chat = r.chat and g.message = 0`

/** Reads the application's row, which comes first if there is one, and the first rows of each range. */
export async function readChangeRows(db: Mysql, asked: ChangesAsked): Promise<ChangeRow[]> {
  const { application } = asked
  const own = sql`
    select 'application' as kind, 0 as ranged, ${unsignedZero()} as chat, ${unsignedZero()} as message,
      r.chats_count as counted, ${TIMES}, 0 as below_deleted, ${members(APPLICATION_COLUMNS)}
    from applications r where r.token = ${application}`
  const others = [messagesOf(asked), ...chatsOf(asked), tombstonesOf(asked), ...wanted(asked)]
  const statement = sql<ChangeRow>`${own} ${sql.join(
    others.map((select) => sql`union all (${select})`),
    sql` `,
  )}`
  return (await readMysql(() => statement.execute(db))).rows
}

/** Returns the revisions that the ranges have, and that of the application: a read of indexes alone. */
export async function readRevisions(db: Mysql, asked: ChangesAsked): Promise<number[]> {
  const revision = sql`revision`
  const ranges = [keysOfMessages(revision, asked), keysOfTombstones(revision, asked)]
  if (asked.chat === 0) ranges.push(keysOf("chats", "chats_by_revision", revision, asked))
  const own = sql`select revision from applications where token = ${asked.application}`
  const statement = sql<{ revision: number }>`${own} ${sql.join(
    ranges.map((range) => sql`union all (${range})`),
    sql` `,
  )}`
  return (await readMysql(() => statement.execute(db))).rows.map(({ revision }) => revision)
}

/** Selects columns of a range's first entries from its index alone. */
function keysOf(
  table: "messages" | "chats" | "tombstones",
  index: string,
  columns: RawBuilder<unknown>,
  { application, chat, after, complete, count }: ChangesAsked,
) {
  return sql`
    select ${columns} from ${sql.table(table)} force index (${sql.id(index)})
    where application = ${application}${inChat(chat)} and revision > ${after} and revision <= ${complete}
    order by revision limit ${count}`
}

const keysOfMessages = (columns: RawBuilder<unknown>, asked: ChangesAsked) =>
  keysOf("messages", asked.chat > 0 ? "messages_by_chat_revision" : "messages_by_revision", columns, asked)

const keysOfTombstones = (columns: RawBuilder<unknown>, asked: ChangesAsked) => {
  const index = asked.chat > 0 ? "tombstones_by_chat_revision" : "tombstones_by_revision"
  return keysOf("tombstones", index, columns, { ...asked, after: Math.max(asked.after, asked.start) })
}

/** Joins the rows of a range to its keys, so that the index alone is walked, and no body is copied into a table. */
function messagesOf(asked: ChangesAsked): RawBuilder<unknown> {
  const { application } = asked
  return sql`
    select 'message', 1, r.chat, r.number, ${unsignedZero()}, ${TIMES}, ${BELOW_DELETED}, ${members(MESSAGE_COLUMNS)}
    from (${keysOfMessages(sql`chat, number`, asked)}) k
    join messages r on r.application = ${application} and r.chat = k.chat and r.number = k.number
    ${DELETED_CHAT}`
}

const inChat = (chat: number) => (chat > 0 ? sql` and chat = ${chat}` : sql``)

const selectChatRows = (ranged: 0 | 1) => sql`
  select 'chat', ${sql.lit(ranged)}, r.number, ${unsignedZero()}, r.messages_count, ${TIMES}, 0, ${members(CHAT_COLUMNS)}`

function chatsOf({ application, chat, after, complete, count }: ChangesAsked): RawBuilder<unknown>[] {
  if (chat > 0)
    return [sql`${selectChatRows(0)} from chats r where r.application = ${application} and r.number = ${chat}`]
  return [
    sql`${selectChatRows(1)} from chats r force index (chats_by_revision)
    where r.application = ${application} and r.revision > ${after} and r.revision <= ${complete}
    order by r.revision limit ${count}`,
  ]
}

function tombstonesOf(asked: ChangesAsked): RawBuilder<unknown> {
  const { application } = asked
  return sql`
    select 'tombstone', 1, ${TOMBSTONE}, ${BELOW_DELETED} and r.message > 0, ${members([])}
    from (${keysOfTombstones(sql`chat, message`, asked)}) k
    join tombstones r on r.application = ${application} and r.chat = k.chat and r.message = k.message
    ${DELETED_CHAT}`
}

const selectTombstones = (application: string, chats: number[]) => sql`
  select 'tombstone', 0, ${TOMBSTONE}, 0, ${members([])}
  from tombstones r where r.application = ${application} and r.chat in (${sql.join(chats)}) and r.message = 0`

function wanted({ application, rows, tombstones }: ChangesAsked): RawBuilder<unknown>[] {
  const [messages, chats] = [rows.filter(({ message }) => message > 0), rows.filter(({ message }) => message === 0)]
  return [
    ...(chats.length > 0 ? [sql`${selectChatRows(0)} from chats r where ${chatRanges(chats)}`] : []),
    ...(messages.length > 0
      ? [
          sql`select 'message', 0, r.chat, r.number, ${unsignedZero()}, ${TIMES}, 0, ${members(MESSAGE_COLUMNS)}
          from messages r where ${keyRanges(messages, "number")}`,
        ]
      : []),
    ...(tombstones.length > 0 ? [selectTombstones(application, tombstones)] : []),
  ]
}
