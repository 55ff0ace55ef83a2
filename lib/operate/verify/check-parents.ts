/**
 * DESIGN. Checks the numbers and counts of each application and chat.
 *
 * Counts: rows, counter and column are read by one statement, so any difference is an error.
 *
 * Numbers: each from 1 to the highest noted as given must have a row, a tombstone or an outbox event. The outbox is
 * read first, as by readers: an event leaves it only after its commit. A number with none of them is
 * - a gap, if its tombstone must still exist: those of chats stay, those of messages for 15 days;
 * - unaccounted for, if its message may have been deleted longer ago, or if the parent was fenced
 *   (docs/architecture.md, I1): fences skip numbers, and how many there were is not noted.
 */

import { chatRanges } from "../../clients/key-ranges.ts"
import { type Mysql, reachMysql } from "../../clients/mysql.ts"
import { walk } from "../../clients/walk.ts"
import { chatText } from "../../events.ts"
import { shardOf } from "../../outbox/keys.ts"
import { TOMBSTONE_DAYS } from "../../persist/persist-events.ts"
import type { SearchStores } from "../../stores.ts"
import type { Findings } from "./findings.ts"
import { firstSince, type Parent, type ParentKey, readParent } from "./read-parent.ts"
import type { Rounds } from "./rounds.ts"

/** Counters per page, read in a millisecond, each then by a statement of its own. */
const PAGE_ROWS = 200
/** Concurrent reads: a few of the pool's connections, to hide the latency of MySQL. */
const PARALLEL = 4
/** Pending events read per parent; only an outage of MySQL leaves more. */
const PENDING_MAX = 500
const DAY_MS = 86_400_000

export type Unaccounted = {
  /** Numbers below fenced parents: skipped when Redis lost data, or deleted long ago. */
  fenced: number
  /** Numbers of messages whose tombstones may have expired. */
  expired: number
}

export type ParentCheck = {
  stores: SearchStores
  findings: Findings
  unaccounted: Unaccounted
  /** Called with parents whose counter or count column is wrong, for the repair. */
  onWrong(key: ParentKey): void
  rounds: Rounds
}

export async function checkParents(check: ParentCheck, keys: ParentKey[]): Promise<void> {
  const queue = [...keys]
  const workers = Array.from({ length: PARALLEL }, async () => {
    for (let key = queue.shift(); key; key = queue.shift()) await checkParent(check, key)
  })
  await Promise.all(workers)
}

async function checkParent(check: ParentCheck, key: ParentKey): Promise<void> {
  const { stores, findings, rounds } = check
  let parent = await readParent(stores.mysql, key, [1, 0])
  // A parent that is being purged has neither exact counts nor all its rows.
  if (parent.isPurging) return
  if (isOrphaned(key, parent)) {
    // A child may be persisted before its parent.
    const late = await rounds.until(async () => {
      if (await isPending(stores, key)) return false
      parent = await readParent(stores.mysql, key, [1, 0])
      return !isOrphaned(key, parent) || parent.isPurging
    })
    if (late) return
    findings.add("orphan", { ...key, message: 0, detail: `${parent.rows} rows below it` }, parent.rows)
    return
  }
  if (parent.isDeleted || parent.count === null) return
  checkCounts(check, key, parent)
  await checkNumbers(check, key, parent)
}

const isOrphaned = ({ chat }: ParentKey, { isDeleted, count, applicationLives, rows }: Parent): boolean =>
  rows > 0 && (isDeleted || count === null || (chat > 0 && !applicationLives))

async function isPending({ outbox }: SearchStores, { application, chat }: ParentKey): Promise<boolean> {
  const keys = [{ application, chat: 0, message: 0 }]
  if (chat > 0) keys.push({ application, chat, message: 0 })
  const { entries } = await outbox.read(application, chat, keys)
  return entries.some((entry) => entry !== null)
}

function checkCounts({ findings, onWrong }: ParentCheck, key: ParentKey, parent: Parent): void {
  const { rows, live, count, isDirty, highest, greatest } = parent
  const example = { ...key, message: 0 }
  const isCounterWrong = (live ?? 0) !== rows
  // The next sync corrects a dirty one.
  const isCountWrong = !isDirty && count !== (live ?? 0)
  if (isCounterWrong)
    findings.add("wrong_counter", { ...example, detail: `${rows} rows, counted ${live ?? "nothing"}` })
  if (isCountWrong) findings.add("wrong_count", { ...example, detail: `${count}, and its counter ${live ?? 0}` })
  if (greatest !== null && greatest > (highest ?? 0)) {
    findings.add("beyond_highest", { ...example, detail: `${greatest}, and the highest noted is ${highest ?? 0}` })
  }
  if (isCounterWrong || isCountWrong) onWrong(key)
}

async function checkNumbers(check: ParentCheck, key: ParentKey, parent: Parent): Promise<void> {
  const { highest, fenced, createdAt } = parent
  const { stores, findings, unaccounted, rounds } = check
  if (!highest) return
  const absent = await countAbsent(check, key, [1, highest])
  if (absent === 0) return
  if (fenced > 0) {
    unaccounted.fenced += absent
    return
  }
  let gaps = absent
  if (key.chat > 0) {
    // From the first message younger than the tombstones' lifetime on, every delete still has its tombstone.
    const since = new Date(rounds.startedAt - TOMBSTONE_DAYS * DAY_MS + DAY_MS)
    const first = createdAt !== null && createdAt > since ? 1 : await firstSince(stores.mysql, key, since)
    gaps = first === null ? 0 : await countAbsent(check, key, [first, highest])
    unaccounted.expired += absent - gaps
  }
  if (gaps > 0) findings.add("gap", { ...key, message: 0, detail: `${gaps} of the numbers up to ${highest}` }, gaps)
}

/** Returns at least how many numbers of the range lack row, tombstone and event; an event's number may have a row. */
async function countAbsent({ stores, rounds }: ParentCheck, key: ParentKey, range: [number, number]): Promise<number> {
  const [from, to] = range
  let absent = 0
  await rounds.until(async () => {
    const pending = await countPending(stores, key, range)
    const { rowsIn, tombstonesIn } = await readParent(stores.mysql, key, range)
    const without = to - from + 1 - rowsIn - tombstonesIn
    absent = pending < PENDING_MAX ? Math.max(0, without - pending) : 0
    return without <= 0 || pending === 0
  })
  return absent
}

/** Returns how many events of the range are pending, up to PENDING_MAX. */
async function countPending({ outbox }: SearchStores, { application, chat }: ParentKey, [from, to]: [number, number]) {
  const parent = chatText({ application, chat })
  const range = { min: String(from), max: String(to), order: "asc" as const, count: PENDING_MAX }
  const { entries } = await outbox.readPending(shardOf(application), parent, chat, [], range)
  return entries.length
}

/** Reads the keys of all counters, or of one application's, in pages. */
export function walkCounters(
  mysql: Mysql,
  application: string | undefined,
  signal: AbortSignal | undefined,
): AsyncGenerator<ParentKey[]> {
  const all = mysql.selectFrom("counters").select(["application", "chat"])
  const asked = application === undefined ? all : all.where("application", "=", application)
  return walk(asked, { by: ["application", "chat"], pageRows: PAGE_ROWS, signal })
}

export async function withoutCounter(mysql: Mysql, keys: ParentKey[]): Promise<ParentKey[]> {
  if (keys.length === 0) return []
  const present = mysql.selectFrom("counters").select(["application", "chat"]).where(chatRanges(keys, "chat"))
  const found = await reachMysql(() => present.execute())
  const known = new Set(found.map(chatText))
  return keys.filter((key) => !known.has(chatText(key)))
}
