/** Messages: their rules and their SQL. A message's number is unique in its chat. */
import { type Mysql, readMysql, UNSIGNED_ZERO } from "./clients/mysql.ts"
import type { Message, MessageInput, Page, PageRequest } from "./contract.ts"
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

type MessageState = State & { number: number; body: string }

const NAMES = ["application", "chat", "message"]

const present = ({ number, body, createdAt, updatedAt }: MessageState): Message => ({
  number,
  body,
  created_at: createdAt.toISOString(),
  updated_at: updatedAt.toISOString(),
})

const fromEvent = (event: WriteEvent): MessageState => ({
  number: event.message,
  body: event.body ?? "",
  ...stateOf(event),
})

/** Creates a message: 404 without its chat; no MySQL unless the chat must be verified first. */
export async function createMessage(
  stores: Stores,
  application: string,
  chat: number,
  input: MessageInput,
  idempotency?: Idempotency,
): Promise<Created<Message>> {
  const state = { body: input.body }
  const accepted = await acceptCreation(stores, {
    kind: "message",
    application,
    chat,
    state,
    ...(idempotency ? { idempotency: { ...idempotency, fingerprint: fingerprint(state) } } : {}),
  })
  const number = Number(accepted.id)
  // The same answer again, unless the message has been deleted since.
  if (accepted.replayed) await findMessage(stores, application, chat, number)
  const createdAt = Math.floor(Number(accepted.revision) / 1000)
  const event = { revision: accepted.revision, application, chat, message: number, created_at: createdAt, ...state }
  return { resource: present(fromEvent(event)), replayed: accepted.replayed }
}

export async function getMessage(stores: Stores, application: string, chat: number, number: number): Promise<Message> {
  return present(await findMessage(stores, application, chat, number))
}

export async function updateMessage(
  stores: Stores,
  application: string,
  chat: number,
  number: number,
  { body }: MessageInput,
): Promise<Message> {
  const { createdAt, revision } = await findMessage(stores, application, chat, number)
  const key = { application, chat, message: number }
  const event = await acceptChange(stores, { key, createdAt: createdAt.getTime(), revision, state: { body } })
  return present(fromEvent(event))
}

export async function deleteMessage(stores: Stores, application: string, chat: number, number: number): Promise<void> {
  const { createdAt, revision } = await findMessage(stores, application, chat, number)
  const key = { application, chat, message: number }
  await acceptChange(stores, { key, createdAt: createdAt.getTime(), revision, state: { deleted: true } })
}

/** The living messages of a chat, by number. */
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
        const rows = await readMysql(() => selectMessages(stores.mysql, application, chat, window, keysOnly).execute())
        const living = new Set(rows.map(({ kind }) => kind))
        if (!known.ancestors[0] && !living.has("application")) throw absent("application", known)
        if (!known.ancestors[1] && !living.has("chat")) throw absent("chat", known)
        return rows.filter(({ kind }) => kind === "message").flatMap(toItem)
      },
      isWhole: (pending, window) =>
        known.applicationLives && known.chatLives && isGapless(pending, window, known.lastNumber),
      positionOf: ({ message }) => ({ key: message }),
      valueOf: fromEvent,
    },
    request,
  )
  return { data: page.data.map(present), next: page.next }
}

/** Whether `pending` has every number from the window's beginning on, up to its last. */
function isGapless(pending: WriteEvent[], { after, order }: Window, lastNumber: number): boolean {
  const step = order === "asc" ? 1 : -1
  const before = after === undefined ? (order === "asc" ? 0 : lastNumber + 1) : Number(after.key)
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
  if (entry && known.applicationLives && known.chatLives) return fromEvent(entry)
  const row = await readMysql(() => selectMessage(stores.mysql, application, chat, number).executeTakeFirstOrThrow())
  if (!applicationEntry && !row.application_revision) throw absent("application", known)
  if (!chatEntry && !row.chat_revision) throw absent("chat", known)
  if (entry && Number(entry.revision) >= (row.revision ?? 0)) return fromEvent(entry)
  const [item] = toItem(row)
  if (!item) throw absent("message", known)
  return item.value
}

type MessageRow = {
  number: number | null
  body: string | null
  revision: number | null
  created_at: Date | null
  updated_at: Date | null
}

function toItem({ number, body, revision, created_at, updated_at }: MessageRow): Item<MessageState>[] {
  if (number === null || revision === null || created_at === null || updated_at === null) return []
  const value = { number, body: body ?? "", revision, createdAt: created_at, updatedAt: updated_at }
  return [{ position: { key: number }, revision, value }]
}

/** One row in any case: whether the parents live, and the message (nulls without one). */
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
    .select(["m.number", "m.body", "m.revision", "m.created_at", "m.updated_at"])

/**
 * Rows of the application, the chat, and the messages in the window. United rather than joined: for a join MySQL writes
 * the bodies to a temporary file, and sorts them.
 */
function selectMessages(db: Mysql, application: string, chat: number, window: Window, keysOnly: boolean) {
  const { after, order, count } = window
  const times = ["revision", "created_at", "updated_at"] as const
  let messages = db
    .selectFrom("messages")
    .select((eb) => [eb.val("message").as("kind"), "number", keysOnly ? eb.val("").as("body") : "body", ...times])
    .where("application", "=", application)
    .where("chat", "=", chat)
    .orderBy("number", order)
    .limit(count)
  if (after) messages = messages.where("number", order === "asc" ? ">" : "<", Number(after.key))
  return db
    .selectFrom("applications")
    .select((eb) => [eb.val("application").as("kind"), UNSIGNED_ZERO.as("number"), eb.val("").as("body"), ...times])
    .where("token", "=", application)
    .unionAll(
      db
        .selectFrom("chats")
        .select((eb) => [eb.val("chat").as("kind"), "number", eb.val("").as("body"), ...times])
        .where("application", "=", application)
        .where("number", "=", chat),
    )
    .unionAll((eb) => eb.parens(messages))
}
