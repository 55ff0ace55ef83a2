/**
 * DESIGN. One transaction writes a batch of events, by multi-row statements.
 *
 * The transactions of an application exclude each other by a lock on its stripe, taken in sorted order before any read.
 * So what is read holds until the commit: an event is written only if its revision is newer than its row's, nothing is
 * written below or over a tombstone, and a count changes only with a row that comes or goes.
 *
 * Promised: the result depends neither on the order of events nor on how often they come. Absent: foreign keys, since a
 * message may come before its chat.
 */
import { createHash } from "node:crypto"
import { type Kysely, type RawBuilder, sql, type Transaction } from "kysely"
import { chatRanges, keyRanges } from "../clients/key-ranges.ts"
import { isDeadlock } from "../clients/mysql.ts"
import type { Database } from "../database.ts"
import type { FenceEvent, PersistEvent, WriteEvent } from "../events.ts"
import { isFence, isWrite, keyText, kindOf, revisionTime } from "../events.ts"
import {
  APPLICATION_COLUMNS,
  APPLICATION_DEFAULTS,
  applicationColumns,
  CHAT_COLUMNS,
  CHAT_DEFAULTS,
  chatColumns,
  MESSAGE_COLUMNS,
  MESSAGE_DEFAULTS,
  membersOf,
  messageColumns,
} from "../members.ts"
import { ancestors, type CounterChange, decide, type Known, latestOfEach, type Plan } from "./plan.ts"

/** The rows that the migration made in persist_locks. */
const STRIPES = 64
/** Two deadlocks in a row are rare already, since stripes are locked in order. */
const DEADLOCK_ATTEMPTS_MAX = 4
/** Longer than any queue keeps a message, so a late event of a deleted message always finds its tombstone. */
export const TOMBSTONE_DAYS = 15
/** Delay of the relay: the persist function sends index events right after the commit. */
export const INDEX_RELAY_AFTER_MS = 60_000

type Db = Kysely<Database>
type Tx = Transaction<Database>

/** Writes `events` in one transaction, or throws MySQL's error and writes nothing. Fences raise counters by `bound`. */
export async function persistEvents(db: Db, events: PersistEvent[], bound: number): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await db.transaction().execute((tx) => writeAll(tx, events, bound))
      return
    } catch (error) {
      if (!isDeadlock(error) || attempt >= DEADLOCK_ATTEMPTS_MAX) throw error
    }
  }
}

async function writeAll(tx: Tx, events: PersistEvent[], bound: number): Promise<void> {
  await lockStripes(tx, events)
  const fences = events.filter(isFence)
  if (fences.length > 0) await raiseFences(tx, fences, bound)
  const writes = latestOfEach(events.filter(isWrite))
  if (writes.length === 0) return
  const known = await readKnown(tx, writes)
  const plan = decide(writes, known)
  await writeTombstones(tx, plan)
  await writeRows(tx, plan.upserts)
  await writeCounters(tx, plan.counters)
  await writePendingIndex(tx, plan.index)
}

/** Locks the stripes of `events`, the only place where an application's events and corrections of its counters wait. */
export async function lockStripes(tx: Tx, events: { application: string }[]): Promise<void> {
  const stripes = new Set(events.map(({ application }) => stripeOf(application)))
  await tx
    .selectFrom("persist_locks")
    .select("stripe")
    .where(
      "stripe",
      "in",
      [...stripes].sort((a, b) => a - b),
    )
    .orderBy("stripe")
    .forUpdate()
    .execute()
}

const stripeOf = (application: string): number => (createHash("md5").update(application).digest()[0] ?? 0) % STRIPES

const byKind = (events: WriteEvent[]) => ({
  applications: events.filter((event) => kindOf(event) === "application"),
  chats: events.filter((event) => kindOf(event) === "chat"),
  messages: events.filter((event) => kindOf(event) === "message"),
})

/** Reads the tombstones at and above the events, and the revisions of existing rows. */
async function readKnown(tx: Tx, events: WriteEvent[]): Promise<Known> {
  const related = new Map(events.flatMap(ancestors).map((key) => [keyText(key), key]))
  const tombstones = await tx
    .selectFrom("tombstones")
    .select(["application", "chat", "message"])
    .where(keyRanges([...related.values()], "message"))
    .execute()
  const revisions = new Map<string, number>()
  const { applications, chats, messages } = byKind(events)
  if (applications.length > 0) {
    const tokens = applications.map(({ application }) => application)
    const rows = await tx
      .selectFrom("applications")
      .select(["token", "revision"])
      .where("token", "in", tokens)
      .execute()
    for (const { token, revision } of rows) revisions.set(token, revision)
  }
  if (chats.length > 0) {
    const rows = await tx
      .selectFrom("chats")
      .select(["application", "number", "revision"])
      .where(chatRanges(chats))
      .execute()
    for (const { application, number, revision } of rows)
      revisions.set(keyText({ application, chat: number, message: 0 }), revision)
  }
  if (messages.length > 0) {
    const rows = await tx
      .selectFrom("messages")
      .select(["application", "chat", "number", "revision"])
      .where(keyRanges(messages, "number"))
      .execute()
    for (const { application, chat, number, revision } of rows) {
      revisions.set(keyText({ application, chat, message: number }), revision)
    }
  }
  return { tombstones: new Set(tombstones.map(keyText)), revisions }
}

async function writeTombstones(tx: Tx, { tombstones, removals }: Plan): Promise<void> {
  if (tombstones.length === 0) return
  const now = Date.now()
  const expiry = new Date(now + TOMBSTONE_DAYS * 86_400_000)
  await tx
    .insertInto("tombstones")
    .values(
      tombstones.map(({ application, chat, message, revision }) => ({
        application,
        chat,
        message,
        revision: Number(revision),
        deleted_at: revisionTime(revision),
        expires_at: message > 0 ? expiry : null,
        purge_at: message > 0 ? null : new Date(now),
      })),
    )
    .execute()
  const { applications, chats, messages } = byKind(removals)
  if (applications.length > 0) {
    const tokens = applications.map(({ application }) => application)
    await tx.deleteFrom("applications").where("token", "in", tokens).execute()
  }
  if (chats.length > 0) await tx.deleteFrom("chats").where(chatRanges(chats)).execute()
  if (messages.length > 0) await tx.deleteFrom("messages").where(keyRanges(messages, "number")).execute()
}

/** Returns the value to be inserted, in the only syntax that MariaDB has. */
const inserted = (column: string) => sql<never>`values(${sql.ref(column)})`

const replaced = <Column extends string>(columns: Column[]) =>
  Object.fromEntries(columns.map((column) => [column, inserted(column)])) as Record<Column, RawBuilder<never>>

const timesOf = (event: WriteEvent) => ({
  revision: Number(event.revision),
  created_at: new Date(event.created_at),
  updated_at: revisionTime(event.revision),
})
const TIMES_CHANGED = replaced(["revision", "updated_at"])

/** Groups events by the columns they name. An event lacks members unknown to its writer; the row keeps their values. */
function byColumns<Column extends string>(events: WriteEvent[], columns: Column[]) {
  const namedBy = (event: WriteEvent) => columns.filter((column) => column in event)
  return [...Map.groupBy(events, (event) => namedBy(event).join()).values()].map((group) => ({
    group,
    update: { ...replaced(namedBy(group[0] as WriteEvent)), ...TIMES_CHANGED },
  }))
}

async function writeRows(tx: Tx, upserts: WriteEvent[]): Promise<void> {
  const { applications, chats, messages } = byKind(upserts)
  for (const { group, update } of byColumns(applications, APPLICATION_COLUMNS)) {
    const rows = group.map((event) => ({
      token: event.application,
      ...applicationColumns(membersOf(event, APPLICATION_DEFAULTS)),
      ...timesOf(event),
    }))
    await tx.insertInto("applications").values(rows).onDuplicateKeyUpdate(update).execute()
  }
  for (const { group, update } of byColumns(chats, CHAT_COLUMNS)) {
    const rows = group.map((event) => ({
      application: event.application,
      number: event.chat,
      ...chatColumns(membersOf(event, CHAT_DEFAULTS)),
      ...timesOf(event),
    }))
    await tx.insertInto("chats").values(rows).onDuplicateKeyUpdate(update).execute()
  }
  for (const { group, update } of byColumns(messages, MESSAGE_COLUMNS)) {
    const rows = group.map((event) => ({
      application: event.application,
      chat: event.chat,
      number: event.message,
      ...messageColumns(membersOf(event, MESSAGE_DEFAULTS)),
      ...timesOf(event),
    }))
    await tx.insertInto("messages").values(rows).onDuplicateKeyUpdate(update).execute()
  }
}

async function writeCounters(tx: Tx, counters: Map<string, CounterChange>): Promise<void> {
  if (counters.size === 0) return
  await tx
    .insertInto("counters")
    .values([...counters.values()].map((change) => ({ ...change, fenced: 0 })))
    .onDuplicateKeyUpdate({
      highest: sql<number>`greatest(highest, values(highest))`,
      live: sql<number>`live + values(live)`,
      revision: sql<number>`greatest(revision, values(revision))`,
      dirty: sql<number>`greatest(dirty, values(dirty))`,
    })
    .execute()
}

/** Raises each counter once per fence; `highest` is assigned first, so it still sees the old `fenced`. */
async function raiseFences(tx: Tx, fences: FenceEvent[], bound: number): Promise<void> {
  for (const { fence, application, chat } of fences) {
    await tx
      .insertInto("counters")
      .values({ application, chat, highest: bound, live: 0, revision: 0, fenced: Number(fence), dirty: 0 })
      .onDuplicateKeyUpdate({
        highest: sql<number>`if(fenced < values(fenced), highest + values(highest), highest)`,
        fenced: sql<number>`greatest(fenced, values(fenced))`,
      })
      .execute()
  }
}

async function writePendingIndex(tx: Tx, events: WriteEvent[]): Promise<void> {
  if (events.length === 0) return
  const due_at = new Date(Date.now() + INDEX_RELAY_AFTER_MS)
  await tx
    .insertInto("pending_index")
    .values(
      events.map(({ application, chat, message, revision }) => ({
        application,
        chat,
        message,
        revision: Number(revision),
        due_at,
      })),
    )
    .onDuplicateKeyUpdate({
      revision: sql<number>`greatest(revision, values(revision))`,
      attempts: 0,
      due_at: inserted("due_at"),
    })
    .execute()
}
