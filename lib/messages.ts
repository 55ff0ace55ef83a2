/** Messages: their rules and their SQL. A message's number is unique in its chat. */
import { type AliasedRawBuilder, type Selectable, sql } from "kysely"
import { byPrimaryKey } from "./clients/key-ranges.ts"
import { type Mysql, unsignedZero } from "./clients/mysql.ts"
import type { Message, Page, PageRequest } from "./contract.ts"
import { type Database, isFound, type Joined } from "./database.ts"
import { notFound } from "./errors.ts"
import type { WriteEvent } from "./events.ts"
import {
  answered,
  MESSAGE_COLUMNS,
  MESSAGE_DEFAULTS,
  type MessageColumns,
  type MessageMembers,
  membersOfMessageRow,
} from "./members.ts"
import { type Item, mergedPage, pendingRange, type Window } from "./merged-page.ts"
import type { Created, Idempotency } from "./outbox/idempotency.ts"
import {
  absent,
  isWholeState,
  nothingPending,
  readKnown,
  readKnownPending,
  refuseDeleted,
  type State,
  stateOf,
  timesOf,
} from "./outbox/known.ts"
import { withinPageBytes } from "./page-bytes.ts"
import { atWriter, readStored } from "./stored-reads.ts"
import type { Stores } from "./stores.ts"
import { acceptChange, acceptCreation, type Terms } from "./write/accept.ts"

export type MessageState = State<MessageMembers> & { number: number }

const NAMES = ["application", "chat", "message"]

/** Returns the message as clients see it. */
export const present = ({ number, members, ...state }: MessageState): Message => ({
  number,
  ...answered(members),
  ...timesOf(state),
})

/** Returns the state that an event leaves of a message's row, if it has one. */
export const fromEvent = (event: WriteEvent, row?: MessageState): MessageState => ({
  number: event.message,
  ...stateOf(event, row?.members ?? MESSAGE_DEFAULTS),
})

/** Creates a message, or throws not_found without its chat. Asks MySQL only if a parent must be verified. */
export async function createMessage(
  stores: Stores,
  application: string,
  chat: number,
  state: Partial<MessageMembers>,
  idempotency?: Idempotency,
): Promise<Created<Message>> {
  const creation = { kind: "message", application, chat, state, idempotency } as const
  const { event, replayed } = await acceptCreation(stores, creation)
  // A replay gives the first answer again, unless the message has been deleted since.
  if (replayed) await findMessage(stores, application, chat, event.message)
  return { resource: present(fromEvent(event)), replayed }
}

/** Creates messages with consecutive numbers, all of them or, if it throws, none. */
export async function createMessages(
  stores: Stores,
  application: string,
  chat: number,
  [state, ...more]: MessageMembers[],
  idempotency?: Idempotency,
): Promise<Created<Message[]>> {
  if (state === undefined) throw new Error("a batch has at least one message")
  const creation = { kind: "message", application, chat, state, more, idempotency } as const
  const { events, replayed } = await acceptCreation(stores, creation)
  const messages = events.map((event) => present(fromEvent(event)))
  if (replayed) await requireAny(stores, application, chat, messages)
  return { resource: messages, replayed }
}

/**
 * Throws not_found if all the messages, which have consecutive numbers, have been deleted. A client that asks again has
 * missed the numbers of those that are left.
 */
async function requireAny(stores: Stores, application: string, chat: number, messages: Message[]): Promise<void> {
  const [first = 0, last = 0] = [messages[0]?.number, messages.at(-1)?.number]
  const request = { limit: 1, order: "asc", after: { key: first - 1 }, until: { key: last + 1 } } as const
  const { data } = await listMessages(stores, application, chat, request)
  if (data.length === 0) throw notFound("message")
}

export async function getMessage(stores: Stores, application: string, chat: number, number: number): Promise<Message> {
  return present(await findMessage(stores, application, chat, number))
}

export async function updateMessage(
  stores: Stores,
  application: string,
  chat: number,
  number: number,
  changes: Partial<MessageMembers>,
  terms?: Terms<Message>,
): Promise<Message> {
  const key = { application, chat, message: number }
  const read = () => findMessage(atWriter(stores), application, chat, number)
  const next = ({ members }: MessageState) => ({ ...members, ...changes })
  const { event, found } = await acceptChange(stores, { key, read, present, next }, terms)
  return present(fromEvent(event, found))
}

export async function deleteMessage(
  stores: Stores,
  application: string,
  chat: number,
  number: number,
  terms?: Terms<Message>,
): Promise<void> {
  const key = { application, chat, message: number }
  const read = () => findMessage(atWriter(stores), application, chat, number)
  await acceptChange(stores, { key, read, present, next: () => ({ deleted: true }) }, terms)
}

/** Returns the living messages of a chat, by number. */
export async function listMessages(
  stores: Stores,
  application: string,
  chat: number,
  request: PageRequest,
): Promise<Page<Message>> {
  let known = nothingPending(2)
  const page = await mergedPage<MessageState>(
    {
      async readPending(window) {
        known = await readKnownPending(stores, { application, chat }, pendingRange(window))
        refuseDeleted(NAMES, known.ancestors)
        return known.entries
      },
      async readRows(window, keysOnly) {
        const isMissing = (rows: { kind: string }[], kind: string, at: number) =>
          !known.ancestors[at] && !rows.some((row) => row.kind === kind)
        const rows = await readStored(
          stores,
          (db) => selectMessages(db, application, chat, window, keysOnly).execute(),
          (found) => isMissing(found, "application", 0) || isMissing(found, "chat", 1),
        )
        if (isMissing(rows, "application", 0)) throw absent("application", known)
        if (isMissing(rows, "chat", 1)) throw absent("chat", known)
        return rows.filter(({ kind }) => kind === "message").flatMap(toItem)
      },
      isWhole: (pending, window) =>
        known.applicationLives &&
        known.chatLives &&
        isGapless(pending, window, known.lastNumber) &&
        pending.every((event) => event.deleted || isWholeState(event, MESSAGE_DEFAULTS)),
      positionOf: ({ message }) => ({ key: message }),
      valueOf: fromEvent,
    },
    request,
  )
  const messages = page.data.map(present)
  const data = withinPageBytes(messages)
  const last = data.at(-1)
  return { data, next: last && data.length < messages.length ? { key: last.number } : page.next }
}

/** Returns whether `pending` has every number from the start of the window to its last event. */
function isGapless(pending: WriteEvent[], { after, order }: Window, lastNumber: number): boolean {
  const step = order === "asc" ? 1 : -1
  // A client may begin beyond the last number.
  const before = order === "asc" ? Number(after?.key ?? 0) : Math.min(Number(after?.key ?? Infinity), lastNumber + 1)
  return pending.every(({ message }, index) => message === before + step * (index + 1))
}

async function findMessage(stores: Stores, application: string, chat: number, number: number): Promise<MessageState> {
  const known = await readKnown(stores, [
    { application, chat: 0, message: 0 },
    { application, chat, message: 0 },
    { application, chat, message: number },
  ])
  refuseDeleted(NAMES, known.entries)
  const [applicationEntry, chatEntry, entry] = known.entries
  const { asOf } = known
  const isTold = entry && isWholeState(entry, MESSAGE_DEFAULTS)
  if (isTold && known.applicationLives && known.chatLives) return { ...fromEvent(entry), asOf }
  const row = await readStored(
    stores,
    (db) => selectMessage(db, application, chat, number).executeTakeFirstOrThrow(),
    (found) =>
      (!applicationEntry && !found.application_revision) ||
      (!chatEntry && !found.chat_revision) ||
      (!isTold && !isFound(found)),
  )
  if (!applicationEntry && !row.application_revision) throw absent("application", known)
  if (!chatEntry && !row.chat_revision) throw absent("chat", known)
  const [item] = toItem(row)
  if (entry && Number(entry.revision) >= (row.revision ?? 0)) return { ...fromEvent(entry, item?.value), asOf }
  if (!item) throw absent("message", known)
  return { ...item.value, asOf }
}

const TIMES = ["revision", "created_at", "updated_at"] as const
export type Row = Pick<Selectable<Database["messages"]>, "number" | keyof MessageColumns | (typeof TIMES)[number]>

/** Returns a row's state, or nothing of an outer join that found none. */
export function toItem(row: Joined<Row>): Item<MessageState>[] {
  if (!isFound(row)) return []
  const { number, revision } = row
  const value = {
    number,
    members: membersOfMessageRow(row),
    revision,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  }
  return [{ position: { key: number }, revision, value }]
}

/** Selects exactly one row, which shows whether the parents live. */
const parents = (db: Mysql, application: string, chat: number) =>
  db
    .selectFrom(db.selectNoFrom((eb) => eb.lit(1).as("one")).as("one"))
    .leftJoin("applications as a", (join) => join.on("a.token", "=", application))
    .leftJoin("chats as c", (join) => join.on("c.application", "=", application).on("c.number", "=", chat))
    .select(["a.revision as application_revision", "c.revision as chat_revision"])

const selectMessage = (db: Mysql, application: string, chat: number, number: number) =>
  parents(db, application, chat)
    .leftJoin("messages as m", (join) =>
      join.on("m.application", "=", application).on("m.chat", "=", chat).on("m.number", "=", number),
    )
    .select(["m.number", ...MESSAGE_COLUMNS.map((column) => `m.${column}` as const)])
    .select(TIMES.map((column) => `m.${column}` as const))

type NoColumn = {
  [Column in keyof MessageColumns]: AliasedRawBuilder<MessageColumns[Column] | null, Column>
}[keyof MessageColumns]

/** Selects the parents and the window's messages in a union: for a join, MySQL sorts bodies in a temporary file. */
function selectMessages(db: Mysql, application: string, chat: number, window: Window, keysOnly: boolean) {
  const { after, until, order, count } = window
  const noColumns = MESSAGE_COLUMNS.map((column) => sql`null`.as(column) as NoColumn)
  let messages = db
    .selectFrom(byPrimaryKey("messages"))
    .select((eb) => [eb.val("message").as("kind"), "number", ...TIMES, ...(keysOnly ? noColumns : MESSAGE_COLUMNS)])
    .where("application", "=", application)
    .where("chat", "=", chat)
    .orderBy("number", order)
    .limit(count)
  if (after) messages = messages.where("number", order === "asc" ? ">" : "<", Number(after.key))
  if (until) messages = messages.where("number", order === "asc" ? "<" : ">", Number(until.key))
  return db
    .selectFrom("applications")
    .select((eb) => [eb.val("application").as("kind"), unsignedZero().as("number"), ...TIMES, ...noColumns])
    .where("token", "=", application)
    .unionAll(
      db
        .selectFrom("chats")
        .select((eb) => [eb.val("chat").as("kind"), "number", ...TIMES, ...noColumns])
        .where("application", "=", application)
        .where("number", "=", chat),
    )
    .unionAll((eb) => eb.parens(messages))
}
