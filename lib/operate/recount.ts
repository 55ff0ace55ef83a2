/**
 * DESIGN. Counts the rows below each living application and chat and corrects its counter by the *difference*.
 *
 * A counter and its rows change in one transaction, so within a snapshot (REPEATABLE READ) their difference is the
 * error, whatever is written meanwhile. Rows are counted in pieces without locks, so a chat of any size delays nobody.
 * The difference is then added under the lock of the persist transactions, if the parent still lives. The counter is
 * made dirty, so the next sync updates the count column.
 *
 * Two recounts would add a difference twice, so a named lock of MySQL admits one; its connection does the counting, so
 * whoever loses the lock cannot continue. `highest` only ever rises.
 *
 * Each application, and each part of its chats, is corrected separately: an aborted recount leaves what was done.
 */
import { type Kysely, sql } from "kysely"
import { asAway, reachMysql } from "../clients/mysql.ts"
import { withNamedLock } from "../clients/named-lock.ts"
import { walk } from "../clients/walk.ts"
import type { Database } from "../database.ts"
import { lockStripes } from "../persist/persist-events.ts"
import type { Stores } from "../stores.ts"
import { CHATS_MAX, countChats, countMessages, type Parent } from "./count-rows.ts"

const APPLICATIONS_MAX = 100
const lockName = sql<string>`concat('recount ', left(sha2(database(), 256), 40))`
/** Corrections that are listed; all are made and counted. */
const LISTED_MAX = 1_000

export type Correction = {
  application: string
  /** 0: the application's chats are counted. */
  chat: number
  live: { was: number; is: number }
  highest: { was: number; is: number }
  /** The count column, before and after the next sync. */
  column: { was: number; is: number }
}
export type Recount = {
  applications: number
  chats: number
  corrected: number
  corrections: Correction[]
  /** Where to continue, if it was aborted. */
  next: string | undefined
}
export type RecountOptions = {
  application?: string
  /** Recounts applications from this token on. */
  from?: string
  signal?: AbortSignal
  onProgress?: (state: { application: string; applications: number; chats: number; chat: number; of: number }) => void
}

class RecountUnderWay extends Error {
  constructor() {
    super("Another recount is under way.")
    this.name = "RecountUnderWay"
  }
}

type Db = Kysely<Database>
/** Recounts until done or `signal` is aborted. Throws DependencyAway and RecountUnderWay. */
export async function recount({ mysql }: Stores, options: RecountOptions = {}): Promise<Recount> {
  const result: Recount = { applications: 0, chats: 0, corrected: 0, corrections: [], next: undefined }
  try {
    const taken = () => new RecountUnderWay()
    await withNamedLock(mysql, lockName, taken, ({ connection }) => recountAll(connection, options, result))
  } catch (error) {
    throw asAway(error)
  }
  return result
}

async function recountAll(db: Db, options: RecountOptions, result: Recount): Promise<void> {
  for await (const token of applications(db, options)) {
    if (options.signal?.aborted || !(await recountApplication(db, token, options, result))) {
      result.next = token
      return
    }
  }
}

async function* applications(db: Db, { application, from = "" }: RecountOptions): AsyncGenerator<string> {
  if (application !== undefined) {
    yield application
    return
  }
  const tokens = db.selectFrom("applications").select("token").where("token", ">=", from)
  for await (const rows of walk(tokens, { by: ["token"], pageRows: APPLICATIONS_MAX })) {
    for (const { token } of rows) yield token
  }
}

/** Returns false if it was aborted. */
async function recountApplication(db: Db, application: string, options: RecountOptions, result: Recount) {
  const own = await inSnapshot(db, (tx) => countChats(tx, application))
  const top = own[0]?.greatest ?? 0
  await correct(db, own, result)
  result.applications += own.length
  for (let after = 0; ; ) {
    options.onProgress?.({
      application,
      applications: result.applications,
      chats: result.chats,
      chat: after,
      of: top,
    })
    if (options.signal?.aborted) return false
    const parents = await inSnapshot(db, (tx) => countMessages(tx, application, after))
    await correct(db, parents, result)
    result.chats += parents.length
    if (parents.length < CHATS_MAX) return true
    after = parents.at(-1)?.chat ?? after
  }
}

/** Runs `read` in the snapshot that its first statement makes. */
const inSnapshot = <T>(db: Db, read: (tx: Db) => Promise<T>): Promise<T> =>
  db.transaction().setIsolationLevel("repeatable read").execute(read)

const isRight = ({ column, live, highest, dirty, counted, greatest }: Parent): boolean =>
  live === counted && highest >= greatest && (dirty === 1 || column === live)

/** Corrects the wrong counters of living parents, all of one application. */
async function correct(db: Db, parents: Parent[], result: Recount): Promise<void> {
  const wrong = parents.filter((parent) => !isRight(parent))
  if (wrong.length === 0) return
  const corrected = await reachMysql(() =>
    db.transaction().execute(async (tx) => {
      await lockStripes(tx, wrong)
      const living = await livingOf(tx, wrong)
      if (living.length === 0) return []
      await tx
        .insertInto("counters")
        .values(
          living.map(({ application, chat, live, counted, greatest }) => ({
            application,
            chat,
            highest: greatest,
            live: counted - live,
            revision: 0,
            fenced: 0,
            dirty: 1,
          })),
        )
        .onDuplicateKeyUpdate({
          highest: sql<number>`greatest(highest, values(highest))`,
          live: sql<number>`live + values(live)`,
          dirty: 1,
        })
        .execute()
      return living
    }),
  )
  for (const { application, chat, column, live, highest, counted, greatest } of corrected) {
    result.corrected++
    if (result.corrections.length >= LISTED_MAX) continue
    result.corrections.push({
      application,
      chat,
      live: { was: live, is: counted },
      highest: { was: highest, is: Math.max(highest, greatest) },
      column: { was: column, is: counted },
    })
  }
}

/** Returns the parents that live, under the stripe's lock: one deleted meanwhile must not get its counter back. */
async function livingOf(tx: Db, parents: Parent[]): Promise<Parent[]> {
  const [{ application, chat }] = parents as [Parent]
  if (chat === 0) {
    const row = await tx.selectFrom("applications").select("token").where("token", "=", application).executeTakeFirst()
    return row ? parents : []
  }
  const rows = await tx
    .selectFrom("chats")
    .select("number")
    .where("application", "=", application)
    .where(
      "number",
      "in",
      parents.map((parent) => parent.chat),
    )
    .execute()
  const living = new Set(rows.map(({ number }) => number))
  return parents.filter((parent) => living.has(parent.chat))
}
