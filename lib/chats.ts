/** Chats: their rules and their SQL. A chat's number is unique in its application. */
import { sql } from "kysely"
import { getApplication } from "./applications.ts"
import { type Mysql, readMysql, UNSIGNED_ZERO } from "./clients/mysql.ts"
import type { Chat, ChatInput, Page, PageRequest } from "./contract.ts"
import { DependencyAway } from "./errors.ts"
import type { WriteEvent } from "./events.ts"
import { type Item, mergedPage, type Window } from "./merged-page.ts"
import { acceptChange, acceptCreation } from "./outbox/accept.ts"
import { type Created, fingerprint, type Idempotency } from "./outbox/idempotency.ts"
import {
  absent,
  nothingPending,
  readKnown,
  readKnownPending,
  refuseDeleted,
  type State,
  stateOf,
} from "./outbox/known.ts"
import { pendingRange } from "./outbox/pending-range.ts"
import type { Stores } from "./stores.ts"

type ChatState = State & { number: number; name: string | null; messagesCount: number }

const NAMES = ["application", "chat"]

const present = ({ number, name, messagesCount, createdAt, updatedAt }: ChatState): Chat => ({
  number,
  name,
  messages_count: messagesCount,
  created_at: createdAt.toISOString(),
  updated_at: updatedAt.toISOString(),
})

const fromEvent = (event: WriteEvent, row?: ChatState): ChatState => ({
  number: event.chat,
  name: event.name ?? null,
  messagesCount: row?.messagesCount ?? 0,
  ...stateOf(event),
})

/** Creates a chat: 404 without its application; no MySQL unless the application must be verified first. */
export async function createChat(
  stores: Stores,
  application: string,
  input: ChatInput,
  idempotency?: Idempotency,
): Promise<Created<Chat>> {
  const state = { name: input.name }
  const accepted = await acceptCreation(stores, {
    kind: "chat",
    application,
    chat: 0,
    state,
    ...(idempotency ? { idempotency: { ...idempotency, fingerprint: fingerprint(state) } } : {}),
  })
  const chat = Number(accepted.id)
  // The same answer again, unless the chat has been deleted since.
  if (accepted.replayed) await findChat(stores, application, chat)
  const createdAt = Math.floor(Number(accepted.revision) / 1000)
  const event = { revision: accepted.revision, application, chat, message: 0, created_at: createdAt, ...state }
  return { resource: present(fromEvent(event)), replayed: accepted.replayed }
}

/** Throws not_found unless the chat lives. No MySQL where Redis knows that it does. */
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
  { name }: ChatInput,
): Promise<Chat> {
  const found = await findChat(stores, application, number)
  const key = { application, chat: number, message: 0 }
  const change = { key, createdAt: found.createdAt.getTime(), revision: found.revision, state: { name } }
  return present(fromEvent(await acceptChange(stores, change), found))
}

/** Bounds what a search leaves out: so many chats are deleted at a time by hardly anyone, and the rest is purged soon. */
const LEFT_OUT_MAX = 1_000

/**
 * The chats of a living application that are deleted, but whose messages may still be indexed; those deleted last where
 * there are more than a thousand. Throws not_found without the application. While MySQL is away only Redis is asked.
 */
export async function deletedChats(stores: Stores, application: string): Promise<number[]> {
  const range = { min: "-inf", max: "+inf", order: "desc", count: LEFT_OUT_MAX } as const
  const known = await readKnownPending(stores, { application, chat: 0 }, range)
  refuseDeleted(NAMES, known.ancestors)
  const pending = known.entries.flatMap(({ deleted, chat }) => (deleted ? [chat] : []))
  try {
    const rows = await readMysql(() => selectDeletedChats(stores.mysql, application).execute())
    if (!known.applicationLives && !known.ancestors[0]) await getApplication(stores, application)
    return [...pending, ...rows.map(({ chat }) => chat)]
  } catch (error) {
    const isServed = known.applicationLives && error instanceof DependencyAway
    if (!isServed) throw error
    return pending
  }
}

/** Those below which rows are still to be removed: few, so their index is read rather than the application's tombstones. */
const selectDeletedChats = (db: Mysql, application: string) =>
  db
    .selectFrom("tombstones")
    .select("chat")
    .where("purge_at", "is not", null)
    .where("application", "=", application)
    .where("chat", ">", 0)
    .orderBy("purge_at", "desc")
    .limit(LEFT_OUT_MAX)

/** Deletes a chat: it and its messages answer 404 from then on; their rows and documents go in batches later. */
export async function deleteChat(stores: Stores, application: string, number: number): Promise<void> {
  const { createdAt, revision } = await findChat(stores, application, number)
  const key = { application, chat: number, message: 0 }
  await acceptChange(stores, { key, createdAt: createdAt.getTime(), revision, state: { deleted: true } })
}

/** The living chats of an application, by number. */
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
        const rows = await readMysql(() => selectChats(stores.mysql, application, window).execute())
        const isLiving = rows.some(({ kind }) => kind === "application")
        if (!known.ancestors[0] && !isLiving) throw absent("application", known)
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
  if (entry && known.applicationLives && isCreation(entry)) return fromEvent(entry)
  const row = await readMysql(() => selectChat(stores.mysql, application, number).executeTakeFirstOrThrow())
  if (!applicationEntry && !row.application_revision) throw absent("application", known)
  const [item] = toItem(row)
  if (entry && Number(entry.revision) >= (row.revision ?? 0)) return fromEvent(entry, item?.value)
  if (!item) throw absent("chat", known)
  return item.value
}

/** A creation has no row yet, or one that it has just become, so MySQL has nothing to add to it. */
const isCreation = (event: WriteEvent): boolean => Math.floor(Number(event.revision) / 1000) === event.created_at

type ChatRow = {
  number: number | null
  name: string | null
  messages_count: number | null
  revision: number | null
  created_at: Date | null
  updated_at: Date | null
}

function toItem({ number, name, messages_count, revision, created_at, updated_at }: ChatRow): Item<ChatState>[] {
  if (number === null || revision === null || created_at === null || updated_at === null) return []
  const messagesCount = messages_count ?? 0
  const value = { number, name, messagesCount, revision, createdAt: created_at, updatedAt: updated_at }
  return [{ position: { key: number }, revision, value }]
}

const COLUMNS = ["c.number", "c.name", "c.messages_count", "c.revision", "c.created_at", "c.updated_at"] as const

/** One row in any case: whether the application lives. */
const parent = (db: Mysql, application: string) =>
  db
    .selectFrom(db.selectNoFrom((eb) => eb.lit(1).as("one")).as("one"))
    .leftJoin("applications as a", (join) => join.on("a.token", "=", application))
    .select("a.revision as application_revision")

const selectChat = (db: Mysql, application: string, number: number) =>
  parent(db, application)
    .leftJoin("chats as c", (join) => join.on("c.application", "=", application).on("c.number", "=", number))
    .select(COLUMNS)

/** Rows of the application and of the chats in the window; united as messages are. */
function selectChats(db: Mysql, application: string, { after, order, count }: Window) {
  const times = ["revision", "created_at", "updated_at"] as const
  let chats = db
    .selectFrom("chats")
    .select((eb) => [eb.val("chat").as("kind"), "number", "name", "messages_count", ...times])
    .where("application", "=", application)
    .orderBy("number", order)
    .limit(count)
  if (after) chats = chats.where("number", order === "asc" ? ">" : "<", Number(after.key))
  return db
    .selectFrom("applications")
    .select((eb) => [
      eb.val("application").as("kind"),
      UNSIGNED_ZERO.as("number"),
      sql<string | null>`name`.as("name"),
      UNSIGNED_ZERO.as("messages_count"),
      ...times,
    ])
    .where("token", "=", application)
    .unionAll((eb) => eb.parens(chats))
}
