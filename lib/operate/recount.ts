/**
 * DESIGN. Counts the rows below each living application and chat anew and corrects its counter by the *difference*.
 *
 * A counter and its rows change in one transaction, so in a snapshot (REPEATABLE READ) their difference is what is wrong
 * with the counter, whatever is written meanwhile. Rows are counted there in pieces, without any lock, so a chat of any
 * size holds nobody back. Then the difference is added under the lock of the persist transactions, which says whether the
 * parent still lives. The count column follows by the next sync, since the counter is made dirty.
 *
 * Two recounts would add the same difference twice, so a named lock of MySQL lets only one run; its connection is the one
 * that counts, so whoever has lost the lock cannot go on. `highest` only ever rises.
 *
 * Each application, and each part of its chats, is corrected by itself: what ends a recount leaves what was done.
 */
import { type Kysely, sql } from "kysely"
import { asAway, reachMysql } from "../clients/mysql.ts"
import { withNamedLock } from "../clients/named-lock.ts"
import { walk } from "../clients/walk.ts"
import type { Database } from "../database.ts"
import { lockStripes } from "../persist/persist-events.ts"
import type { Stores } from "../stores.ts"
import { CHATS_MAX, countChats, countMessages, type Parent } from "./count-rows.ts"

/** Applications read ahead. */
const APPLICATIONS_MAX = 100
const lockName = sql<string>`concat('recount ', left(sha2(database(), 256), 40))`
/** Corrections that the answer lists; all are made and counted. */
const LISTED_MAX = 1_000

export type Correction = {
  application: string
  /** 0: the application's count of chats. */
  chat: number
  live: { was: number; is: number }
  highest: { was: number; is: number }
  /** The count column, where it was to agree with the counter. */
  column: { was: number; is: number }
}
export type Recount = {
  applications: number
  chats: number
  corrected: number
  /** The first LISTED_MAX of what was corrected. */
  corrections: Correction[]
  /** Where to go on, if it was stopped. */
  next: string | undefined
}
export type RecountOptions = {
  /** Only this one. */
  application?: string
  /** Only those from this token on. */
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
/** Recounts until all is done or `signal` is aborted. Throws DependencyAway and RecountUnderWay. */
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

/** Answers false when it was stopped before its end. */
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

/** The first statement makes the snapshot that all of them see. */
const inSnapshot = <T>(db: Db, read: (tx: Db) => Promise<T>): Promise<T> =>
  db.transaction().setIsolationLevel("repeatable read").execute(read)

const isRight = ({ column, live, highest, dirty, counted, greatest }: Parent): boolean =>
  live === counted && highest >= greatest && (dirty === 1 || column === live)

/** Corrects the counters that are wrong, of parents of one application that still live. */
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

/** Under the stripe's lock: a parent that was deleted meanwhile must not get its counter back. */
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
