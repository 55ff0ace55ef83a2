/**
 * DESIGN. A page of a list is a merge of what the outbox holds (read first) and what MySQL has (read then), both by
 * keyset: the outbox overrides or hides rows, and adds some. Each round reads one window of both and merges them up to
 * the nearer end of the two; a page normally takes one round, more only where a run of pending deletes hides rows. What
 * the outbox holds without a gap fills a page by itself: MySQL is not asked.
 */
import type { Page, PageRequest, Position } from "./contract.ts"
import type { WriteEvent } from "./events.ts"
import type { PendingRange } from "./outbox/outbox.ts"

/** Pending events read at a time. Each costs the script and the parser some microseconds. */
const PENDING_MAX = 250
/** At first half more than are asked for, since some of them may be deletes: few pages then cost another round. */
const PENDING_SHARE = 1.5

export type Item<T> = { position: Position; revision: number; value: T }
export type Window = { after: Position | undefined; order: "asc" | "desc"; count: number }

export type ListSource<T> = {
  /** Pending events beyond `after`, in order. */
  readPending(window: Window): Promise<WriteEvent[]>
  /** The first rows beyond `after`, in any order; `keysOnly` says that only their positions matter. */
  readRows(window: Window, keysOnly: boolean): Promise<Item<T>[]>
  /** Whether it is certain that no row lies beyond `after` up to the last of the pending events: then none is read. */
  isWhole?(pending: WriteEvent[], window: Window): boolean
  positionOf(event: WriteEvent): Position
  /** The value of a pending event, over the row that it will change if there is one. */
  valueOf(event: WriteEvent, row: T | undefined): T
}

/** The range of scores in the outbox beyond a keyset position; numbers are unique, so it excludes the position itself. */
export function pendingRange({ after, order, count }: Window): PendingRange {
  const bound = after === undefined ? undefined : `(${after.key}`
  return {
    min: order === "asc" && bound !== undefined ? bound : "-inf",
    max: order === "desc" && bound !== undefined ? bound : "+inf",
    order,
    count,
  }
}

/** Reads one page. `next` is the position of its last item, or null when nothing follows. */
export async function mergedPage<T>(source: ListSource<T>, request: PageRequest): Promise<Page<T>> {
  const { limit, order, offset = 0 } = request
  let { after } = request
  if (offset > 0) {
    const skipped = await walk(source, after, order, offset, true)
    if (skipped.length < offset) return { data: [], next: null }
    after = skipped.at(-1)?.position
  }
  // One more than the page tells whether another follows.
  const items = await walk(source, after, order, limit + 1, false)
  const page = items.slice(0, limit)
  return {
    data: page.map(({ value }) => value),
    next: items.length > limit ? (page.at(-1)?.position ?? null) : null,
  }
}

async function walk<T>(
  source: ListSource<T>,
  start: Position | undefined,
  order: "asc" | "desc",
  count: number,
  keysOnly: boolean,
): Promise<Item<T>[]> {
  const items: Item<T>[] = []
  let after = start
  let pendingMax = Math.min(PENDING_MAX, Math.ceil(count * PENDING_SHARE))
  while (items.length < count) {
    const window = { after, order, count: pendingMax }
    const pending = await source.readPending(window)
    const hidden = pending.filter(({ deleted }) => deleted).length
    const missing = count - items.length
    const isWhole = pending.length - hidden >= missing && source.isWhole?.(pending, window)
    const rowsMax = missing + hidden
    const read = isWhole ? [] : await source.readRows({ after, order, count: rowsMax }, keysOnly)
    const rows = read.sort((a, b) => compare(a.position, b.position, order))
    const ends: Position[] = []
    const lastPending = pending.at(-1)
    if (lastPending && pending.length >= pendingMax) ends.push(source.positionOf(lastPending))
    const lastRow = rows.at(-1)
    if (lastRow && rows.length >= rowsMax) ends.push(lastRow.position)
    const end = ends.sort((a, b) => compare(a, b, order))[0]
    items.push(...merge(source, pending, rows, order, end))
    if (end === undefined) break
    after = end
    pendingMax = PENDING_MAX
  }
  return items.slice(0, count)
}

function merge<T>(
  source: ListSource<T>,
  pending: WriteEvent[],
  rows: Item<T>[],
  order: "asc" | "desc",
  end: Position | undefined,
): Item<T>[] {
  const byKey = new Map(rows.map((row) => [row.position.key, row]))
  for (const event of pending) {
    const position = source.positionOf(event)
    const row = byKey.get(position.key)
    const revision = Number(event.revision)
    if (row && row.revision > revision) continue
    if (event.deleted) byKey.delete(position.key)
    else byKey.set(position.key, { position, revision, value: source.valueOf(event, row?.value) })
  }
  return [...byKey.values()]
    .filter(({ position }) => end === undefined || compare(position, end, order) <= 0)
    .sort((a, b) => compare(a.position, b.position, order))
}

/** Orders positions as a list does: by creation time where there is one, then by key. */
export function compare(a: Position, b: Position, order: "asc" | "desc"): number {
  const ascending = (a.createdAt ?? 0) - (b.createdAt ?? 0) || (a.key < b.key ? -1 : a.key > b.key ? 1 : 0)
  return order === "asc" ? ascending : -ascending
}
