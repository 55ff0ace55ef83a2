/**
 * DESIGN. A sender's messages in a chat are erased in steps. A step looks at the next numbers, NUMBERS_MAX of them, and
 * deletes what it finds there as deleteMessage does: by one script each, then through outbox and queue. Like any read it
 * asks the outbox first and MySQL second, so it also finds a message on its way; unlike one, it does nothing while Redis
 * is away. A sender never changes, so a row and a pending event of one message cannot differ in it, and an event that
 * does not tell it (by a function of an older release) has a row that does.
 *
 * The first step notes the chat's last number, where the erasure ends: it does not chase later messages.
 *
 * Promised: once a step has nothing to follow, all messages of that sender are deleted that were answered before the
 * first step began. A step costs the same however large the chat is. May happen twice: a step, without harm. If one
 * fails, what it deleted stays deleted, and the same step again finds the rest.
 */
import { byPrimaryKey } from "./clients/key-ranges.ts"
import { type Mysql, readMysql, unsignedZero } from "./clients/mysql.ts"
import type { Erased, ErasurePosition } from "./contract.ts"
import { notFound, recovering } from "./errors.ts"
import { LIMITS } from "./limits.ts"
import { pendingRange } from "./merged-page.ts"
import { shardOf } from "./outbox/keys.ts"
import { type PendingKnown, readPendingBelow, refuseDeleted } from "./outbox/known.ts"
import type { Stores } from "./stores.ts"
import { acceptDeletes, type Doomed } from "./write/accept.ts"
import { settleShards } from "./write/settle.ts"

/**
 * Rows that MySQL reads for a step, most of which are of other senders: some ten milliseconds, and some hundred where they
 * have bodies of 8 KB, which lie in the rows themselves; a read may take 2,500.
 */
const NUMBERS_MAX = 10_000
/** Bounds the pending events of a step, as for a page of a list. */
const PENDING_MAX = 250

type Chat = { application: string; chat: number }
/** The numbers that a step looks at: above `after`, up to `end`. */
type Range = { after: number; end: number }

const NAMES = ["application", "chat"]

/** Deletes the next messages of a sender. Throws not_found without the chat, and 503 if a store is away. */
export async function eraseMessages(
  stores: Stores,
  application: string,
  chat: number,
  sender: string,
  from?: ErasurePosition,
): Promise<Erased> {
  const parent = { application, chat }
  const { after = 0, last: lastAsked } = from ?? {}
  const range = { after, end: Math.min(after + NUMBERS_MAX, lastAsked ?? LIMITS.numberMax) }
  const known = await readPending(stores, parent, range)
  const stored = await readStored(stores, parent, sender, range, known)
  const last = lastAsked ?? Math.max(known.lastNumber, stored.last)
  const end = Math.min(range.end, last, endOf(stored), known.entries[PENDING_MAX - 1]?.message ?? Infinity)
  const found = messagesOf(sender, parent, stored.messages, known).filter(({ key }) => key.message <= end)
  const wanted = Math.min(found.length, LIMITS.erasureMax)
  // The request itself has counted for the first.
  const counted = wanted > 1 ? 1 + (await stores.outbox.countMore(application, wanted - 1)) : wanted
  const doomed = found.slice(0, counted)
  const deleted = await acceptDeletes(stores, doomed)
  const reached = doomed.length < found.length ? (doomed.at(-1)?.key.message ?? after) : end
  return { deleted, next: reached < last ? { after: reached, last } : null }
}

/** Reads the pending events in a range. Throws 503 while a message may be in a queue alone, after Redis has lost data. */
async function readPending(stores: Stores, parent: Chat, { after, end }: Range): Promise<PendingKnown> {
  const window = { after: { key: after }, until: { key: end + 1 }, order: "asc", count: PENDING_MAX } as const
  const read = () => readPendingBelow(stores, parent, pendingRange(window))
  const known = await read()
  const isSettled = known.settled || (await settleShards(stores, shardOf(parent.application)))
  const settled = known.settled || !isSettled ? known : await read()
  if (!settled.settled) throw recovering()
  refuseDeleted(NAMES, settled.ancestors)
  return settled
}

type Stored = {
  /** The sender's first messages in the range, by number. */
  messages: Doomed[]
  /** Whether there may be more of them. */
  isCut: boolean
  /** The chat's last number, if it was asked for. */
  last: number
}

const endOf = ({ messages, isCut }: Stored): number => (isCut ? (messages.at(-1)?.key.message ?? Infinity) : Infinity)

/** Reads rows at the writer, since deletes are based on them. Throws not_found if neither store has a parent. */
async function readStored(
  { mysql }: Stores,
  { application, chat }: Chat,
  sender: string,
  range: Range,
  { ancestors, entries }: PendingKnown,
): Promise<Stored> {
  // Rows that pending deletes hide take no place.
  const count = LIMITS.erasureMax + 1 + entries.filter(({ deleted }) => deleted).length
  const rows = await readMysql(() => selectMessages(mysql, { application, chat }, sender, range, count).execute())
  for (const [at, name] of NAMES.entries())
    if (!ancestors[at] && !rows.some(({ kind }) => kind === name)) throw notFound(name)
  const messages = rows
    .filter(({ kind }) => kind === "message")
    .map(({ number, revision, created_at }) => ({
      key: { application, chat, message: number },
      createdAt: created_at.getTime(),
      revision,
    }))
  return {
    messages: messages.sort(byNumber),
    isCut: messages.length === count,
    last: rows.find(({ kind }) => kind === "last")?.number ?? 0,
  }
}

const byNumber = (a: Doomed, b: Doomed): number => a.key.message - b.key.message

/** Returns the sender's living messages, by number: rows as pending events have changed them, and events alone. */
function messagesOf(sender: string, parent: Chat, rows: Doomed[], { entries }: PendingKnown): Doomed[] {
  const found = new Map(rows.map((row) => [row.key.message, row]))
  for (const { message, created_at: createdAt, revision, ...event } of entries) {
    if (event.deleted) found.delete(message)
    else if (event.sender === sender)
      found.set(message, { key: { ...parent, message }, createdAt, revision: Number(revision) })
  }
  return [...found.values()].sort(byNumber)
}

/** Selects the parents, the sender's messages in the range, and the chat's last one. */
function selectMessages(db: Mysql, { application, chat }: Chat, sender: string, { after, end }: Range, count: number) {
  const rows = db.selectFrom(byPrimaryKey("messages")).where("application", "=", application).where("chat", "=", chat)
  return db
    .selectFrom("applications")
    .select((eb) => [eb.val("application").as("kind"), unsignedZero().as("number"), "revision", "created_at"])
    .where("token", "=", application)
    .unionAll(
      db
        .selectFrom("chats")
        .select((eb) => [eb.val("chat").as("kind"), "number", "revision", "created_at"])
        .where("application", "=", application)
        .where("number", "=", chat),
    )
    .unionAll((eb) =>
      eb.parens(
        rows
          .select((message) => [message.val("message").as("kind"), "number", "revision", "created_at"])
          .where("number", ">", after)
          .where("number", "<=", end)
          .where("sender", "=", Buffer.from(sender))
          .orderBy("number")
          .limit(count),
      ),
    )
    .unionAll((eb) =>
      eb.parens(
        rows
          .select((message) => [message.val("last").as("kind"), "number", "revision", "created_at"])
          .orderBy("number", "desc")
          .limit(1),
      ),
    )
}
