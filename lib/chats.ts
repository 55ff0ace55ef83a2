/** Chats: their rules and their SQL. A chat's number is unique in its application. */
import { type Selectable, sql } from "kysely"
import { getApplication } from "./applications.ts"
import { byPrimaryKey } from "./clients/key-ranges.ts"
import { type Mysql, unsignedZero } from "./clients/mysql.ts"
import type { Chat, Page, PageRequest } from "./contract.ts"
import { type Database, isFound, type Joined } from "./database.ts"
import { DependencyAway } from "./errors.ts"
import type { WriteEvent } from "./events.ts"
import {
  answered,
  CHAT_COLUMNS,
  CHAT_DEFAULTS,
  type ChatColumns,
  type ChatMembers,
  membersOfChatRow,
} from "./members.ts"
import { type Item, mergedPage, pendingRange, type Window } from "./merged-page.ts"
import type { Created, Idempotency } from "./outbox/idempotency.ts"
import {
  absent,
  isCreation,
  nothingPending,
  readKnown,
  readKnownPending,
  refuseDeleted,
  type State,
  stateOf,
  timesOf,
} from "./outbox/known.ts"
import { atWriter, readStored } from "./stored-reads.ts"
import type { Stores } from "./stores.ts"
import { acceptChange, acceptCreation, type Terms } from "./write/accept.ts"

export type ChatState = State<ChatMembers> & { number: number; messagesCount: number }

const NAMES = ["application", "chat"]

/** Returns the chat as clients see it. */
export const present = ({ number, members, messagesCount, ...state }: ChatState): Chat => ({
  number,
  ...answered(members),
  messages_count: messagesCount,
  ...timesOf(state),
})

/** Returns the state that an event leaves of a chat's row, if it has one. */
export const fromEvent = (event: WriteEvent, row?: ChatState): ChatState => ({
  number: event.chat,
  messagesCount: row?.messagesCount ?? 0,
  ...stateOf(event, row?.members ?? CHAT_DEFAULTS),
})

/** Creates a chat, or throws not_found without its application. Asks MySQL only if the application must be verified. */
export async function createChat(
  stores: Stores,
  application: string,
  state: Partial<ChatMembers>,
  idempotency?: Idempotency,
): Promise<Created<Chat>> {
  const { event, replayed } = await acceptCreation(stores, { kind: "chat", application, chat: 0, state, idempotency })
  // A replay gives the first answer again, unless the chat has been deleted since.
  if (replayed) await findChat(stores, application, event.chat)
  return { resource: present(fromEvent(event)), replayed }
}

/** Throws not_found unless the chat lives. Asks MySQL only if Redis cannot tell. */
export async function requireChat(stores: Stores, application: string, number: number): Promise<void> {
  const known = await readKnown(stores, [
    { application, chat: 0, message: 0 },
    { application, chat: number, message: 0 },
  ])
  refuseDeleted(NAMES, known.entries)
  if (!known.applicationLives || !known.chatLives) await findChat(stores, application, number)
}

export async function getChat(stores: Stores, application: string, number: number): Promise<Chat> {
  return present(await findChat(stores, application, number))
}

export async function updateChat(
  stores: Stores,
  application: string,
  number: number,
  changes: Partial<ChatMembers>,
  terms?: Terms<Chat>,
): Promise<Chat> {
  const key = { application, chat: number, message: 0 }
  const read = () => findChat(atWriter(stores), application, number)
  const next = ({ members }: ChatState) => ({ ...members, ...changes })
  const { event, found } = await acceptChange(stores, { key, read, present, next }, terms)
  return present(fromEvent(event, found))
}

/** Bounds the chats that a search excludes. Deleting more at a time is rare, and the rest is purged soon. */
const LEFT_OUT_MAX = 1_000

/** Returns the deleted chats whose messages may still be indexed, the last deleted first, or throws not_found. */
export async function deletedChats(stores: Stores, application: string): Promise<number[]> {
  const range = { min: "-inf", max: "+inf", order: "desc", count: LEFT_OUT_MAX } as const
  const known = await readKnownPending(stores, { application, chat: 0 }, range)
  refuseDeleted(NAMES, known.ancestors)
  const pending = known.entries.flatMap(({ deleted, chat }) => (deleted ? [chat] : []))
  try {
    const rows = await readStored(stores, (db) => selectDeletedChats(db, application).execute())
    if (!known.applicationLives && !known.ancestors[0]) await getApplication(stores, application)
    return [...pending, ...rows.map(({ chat }) => chat)]
  } catch (error) {
    const isServed = known.applicationLives && error instanceof DependencyAway
    if (!isServed) throw error
    // While MySQL is away, what Redis knows must do.
    return pending
  }
}

/** Selects the deleted chats that still have rows to remove: few, so this index is read, not all tombstones. */
const selectDeletedChats = (db: Mysql, application: string) =>
  db
    .selectFrom("tombstones")
    .select("chat")
    .where("purge_at", "is not", null)
    .where("application", "=", application)
    .where("chat", ">", 0)
    .orderBy("purge_at", "desc")
    .limit(LEFT_OUT_MAX)

/** Deletes a chat: it and its messages are 404 from then on; rows and documents are removed in batches later. */
export async function deleteChat(
  stores: Stores,
  application: string,
  number: number,
  terms?: Terms<Chat>,
): Promise<void> {
  const key = { application, chat: number, message: 0 }
  const read = () => findChat(atWriter(stores), application, number)
  await acceptChange(stores, { key, read, present, next: () => ({ deleted: true }) }, terms)
}

/** Returns the living chats of an application, by number. */
export async function listChats(stores: Stores, application: string, request: PageRequest): Promise<Page<Chat>> {
  let known = nothingPending(1)
  const page = await mergedPage<ChatState>(
    {
      async readPending(window) {
        known = await readKnownPending(stores, { application, chat: 0 }, pendingRange(window))
        refuseDeleted(NAMES, known.ancestors)
        return known.entries
      },
      async readRows(window) {
        const isMissing = (found: { kind: string }[]) =>
          !known.ancestors[0] && !found.some(({ kind }) => kind === "application")
        const rows = await readStored(stores, (db) => selectChats(db, application, window).execute(), isMissing)
        if (isMissing(rows)) throw absent("application", known)
        return rows.filter(({ kind }) => kind === "chat").flatMap(toItem)
      },
      positionOf: ({ chat }) => ({ key: chat }),
      valueOf: fromEvent,
    },
    request,
  )
  return { data: page.data.map(present), next: page.next }
}

async function findChat(stores: Stores, application: string, number: number): Promise<ChatState> {
  const known = await readKnown(stores, [
    { application, chat: 0, message: 0 },
    { application, chat: number, message: 0 },
  ])
  refuseDeleted(NAMES, known.entries)
  const [applicationEntry, entry] = known.entries
  const { asOf } = known
  const isCreated = entry && isCreation(entry)
  if (isCreated && known.applicationLives) return { ...fromEvent(entry), asOf }
  const row = await readStored(
    stores,
    (db) => selectChat(db, application, number).executeTakeFirstOrThrow(),
    (found) => (!applicationEntry && !found.application_revision) || (!isCreated && !isFound(found)),
  )
  if (!applicationEntry && !row.application_revision) throw absent("application", known)
  const [item] = toItem(row)
  if (entry && Number(entry.revision) >= (row.revision ?? 0)) return { ...fromEvent(entry, item?.value), asOf }
  if (!item) throw absent("chat", known)
  return { ...item.value, asOf }
}

const TIMES = ["revision", "created_at", "updated_at"] as const
export type Row = Pick<
  Selectable<Database["chats"]>,
  "number" | "messages_count" | keyof ChatColumns | (typeof TIMES)[number]
>

/** Returns a row's state, or nothing of an outer join that found none. */
export function toItem(row: Joined<Row>): Item<ChatState>[] {
  if (!isFound(row)) return []
  const { number, messages_count: messagesCount, revision, created_at: createdAt, updated_at: updatedAt } = row
  const value = { number, members: membersOfChatRow(row), messagesCount, revision, createdAt, updatedAt }
  return [{ position: { key: number }, revision, value }]
}

/** Selects exactly one row, which shows whether the application lives. */
const parent = (db: Mysql, application: string) =>
  db
    .selectFrom(db.selectNoFrom((eb) => eb.lit(1).as("one")).as("one"))
    .leftJoin("applications as a", (join) => join.on("a.token", "=", application))
    .select("a.revision as application_revision")

const selectChat = (db: Mysql, application: string, number: number) =>
  parent(db, application)
    .leftJoin("chats as c", (join) => join.on("c.application", "=", application).on("c.number", "=", number))
    .select(["c.number", "c.messages_count", ...CHAT_COLUMNS.map((column) => `c.${column}` as const)])
    .select(TIMES.map((column) => `c.${column}` as const))

/** Selects the application and the chats in the window, in a union as for messages. */
function selectChats(db: Mysql, application: string, { after, order, count }: Window) {
  let chats = db
    .selectFrom(byPrimaryKey("chats"))
    .select((eb) => [eb.val("chat").as("kind"), "number", "messages_count", ...TIMES, ...CHAT_COLUMNS])
    .where("application", "=", application)
    .orderBy("number", order)
    .limit(count)
  if (after) chats = chats.where("number", order === "asc" ? ">" : "<", Number(after.key))
  return db
    .selectFrom("applications")
    .select((eb) => [
      eb.val("application").as("kind"),
      unsignedZero().as("number"),
      unsignedZero().as("messages_count"),
      ...TIMES,
      ...CHAT_COLUMNS.map((column) => sql<ChatColumns[typeof column]>`null`.as(column)),
    ])
    .where("token", "=", application)
    .unionAll((eb) => eb.parens(chats))
}
