/**
 * DESIGN. Numbers and counts of each application and chat.
 *
 * Counts: rows, counter and column are read by one statement, so any difference is one.
 *
 * Numbers: each from 1 to the highest that was noted as given must have a row, a tombstone, or an event in the outbox. The
 * outbox is read first, as readers do: an event leaves it only after its commit. What has none of them is
 * - a gap, if nothing could have taken its tombstone away: those of chats stay, those of messages for 15 days;
 * - unaccounted for, if it may be a message that was deleted longer ago, or if the parent was fenced (docs/architecture.md,
 *   I1): a fence skips numbers, and how many fences there were is not noted.
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

/** Keys of counters: a millisecond, and then a statement for each. */
const PAGE_ROWS = 200
/** A few of the pool's connections, so that the rest of a page's time is not the way to MySQL and back. */
const PARALLEL = 4
/** Events of one parent that are looked at: more are on their way only while MySQL was away. */
const PENDING_MAX = 500
const DAY_MS = 86_400_000

export type Unaccounted = {
  /** Below parents that were fenced: skipped when Redis lost its data, or deleted long ago. */
  fenced: number
  /** Of messages that may have been deleted before their tombstone expired. */
  expired: number
}

export type ParentCheck = {
  stores: SearchStores
  findings: Findings
  unaccounted: Unaccounted
  /** Is given parents whose counter or count column is wrong, for the repair. */
  onWrong(key: ParentKey): void
  rounds: Rounds
}

/** Checks the numbers and counts of `keys`. */
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
  // What is being removed has neither exact counts nor all its rows.
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

/** Whether the outbox holds an event of the parent or of its application. */
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
  // While it is dirty, the next sync will set it.
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
    // Numbers after the first that was given since then can only have been deleted since then, too.
    const since = new Date(rounds.startedAt - TOMBSTONE_DAYS * DAY_MS + DAY_MS)
    const first = createdAt !== null && createdAt > since ? 1 : await firstSince(stores.mysql, key, since)
    gaps = first === null ? 0 : await countAbsent(check, key, [first, highest])
    unaccounted.expired += absent - gaps
  }
  if (gaps > 0) findings.add("gap", { ...key, message: 0, detail: `${gaps} of the numbers up to ${highest}` }, gaps)
}

/**
 * How many numbers of the range have neither row, nor tombstone, nor event: at least, since an event on its way may be of
 * a number that has a row.
 */
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

/** Events on their way to numbers of the range, up to PENDING_MAX. */
async function countPending({ outbox }: SearchStores, { application, chat }: ParentKey, [from, to]: [number, number]) {
  const parent = chatText({ application, chat })
  const range = { min: String(from), max: String(to), order: "asc" as const, count: PENDING_MAX }
  const { entries } = await outbox.readPending(shardOf(application), parent, chat, [], range)
  return entries.length
}

/** Reads the keys of all counters, or of those of one application, in pages. */
export function walkCounters(
  mysql: Mysql,
  application: string | undefined,
  signal: AbortSignal | undefined,
): AsyncGenerator<ParentKey[]> {
  const all = mysql.selectFrom("counters").select(["application", "chat"])
  const asked = application === undefined ? all : all.where("application", "=", application)
  return walk(asked, { by: ["application", "chat"], pageRows: PAGE_ROWS, signal })
}

/** Those of `keys` that have no counter. */
export async function withoutCounter(mysql: Mysql, keys: ParentKey[]): Promise<ParentKey[]> {
  if (keys.length === 0) return []
  const present = mysql.selectFrom("counters").select(["application", "chat"]).where(chatRanges(keys, "chat"))
  const found = await reachMysql(() => present.execute())
  const known = new Set(found.map(chatText))
  return keys.filter((key) => !known.has(chatText(key)))
}
