/**
 * DESIGN. A list page merges the outbox (read first) and MySQL (read second) by keyset: the outbox overrides, hides and
 * adds rows. Each round reads one window of both and merges up to the nearer of their ends. One round normally fills a
 * page; pending deletes that hide many rows may cost more. If the outbox alone fills a page without a gap, MySQL is not
 * asked.
 */
import type { Page, PageRequest, Position } from "./contract.ts"
import type { WriteEvent } from "./events.ts"
import type { PendingRange } from "./outbox/outbox.ts"

/** Bounds the pending events of a read; each costs the script and the parser some microseconds. */
const PENDING_MAX = 250
/** The first read asks for half more than needed: some may be deletes, and few pages then need another round. */
const PENDING_SHARE = 1.5

export type Item<T> = { position: Position; revision: number; value: T }
export type Window = {
  after: Position | undefined
  until: Position | undefined
  order: "asc" | "desc"
  count: number
}

export type ListSource<T> = {
  /** Reads the pending events between `after` and `until`, in order. */
  readPending(window: Window): Promise<WriteEvent[]>
  /** Reads the first rows between `after` and `until`, in any order; with `keysOnly` only their positions matter. */
  readRows(window: Window, keysOnly: boolean): Promise<Item<T>[]>
  /** Returns true if no row can lie between `after` and the last pending event; then no rows are read. */
  isWhole?(pending: WriteEvent[], window: Window): boolean
  positionOf(event: WriteEvent): Position
  /** Returns the value of a pending event, given the row that it changes, if any. */
  valueOf(event: WriteEvent, row: T | undefined): T
}

/** Returns the range of outbox scores of a window, whose ends it excludes since numbers are unique. */
export function pendingRange({ after, until, order, count }: Window): PendingRange {
  const [start, end] = [after, until].map((position) => position && `(${position.key}`)
  const [min = "-inf", max = "+inf"] = order === "asc" ? [start, end] : [end, start]
  return { min, max, order, count }
}

/** Reads one page. `next` is the position of its last item, or null if nothing follows. */
export async function mergedPage<T>(source: ListSource<T>, request: PageRequest): Promise<Page<T>> {
  const { limit, offset = 0 } = request
  let from = request
  if (offset > 0) {
    const skipped = await walk(source, request, offset, true)
    const last = skipped.at(-1)
    if (!last || skipped.length < offset) return { data: [], next: null }
    from = { ...request, after: last.position }
  }
  // One item more than the page tells whether another page follows.
  const items = await walk(source, from, Math.min(limit + 1, roomIn(from)), false)
  const page = items.slice(0, limit)
  return {
    data: page.map(({ value }) => value),
    next: items.length > limit ? (page.at(-1)?.position ?? null) : null,
  }
}

/**
 * Returns how many numbers lie between both ends of the list, so that an outbox that has all of them is asked alone. It
 * is one at least, since also an empty list must find out whether its parents live.
 */
function roomIn({ after, until }: PageRequest): number {
  if (typeof after?.key !== "number" || typeof until?.key !== "number") return Infinity
  return Math.max(1, Math.abs(until.key - after.key) - 1)
}

async function walk<T>(
  source: ListSource<T>,
  { after: start, until, order }: PageRequest,
  count: number,
  keysOnly: boolean,
): Promise<Item<T>[]> {
  const items: Item<T>[] = []
  let after = start
  let pendingMax = Math.min(PENDING_MAX, Math.ceil(count * PENDING_SHARE))
  while (items.length < count) {
    const window = { after, until, order, count: pendingMax }
    const pending = await source.readPending(window)
    const hidden = pending.filter(({ deleted }) => deleted).length
    const missing = count - items.length
    const isWhole = pending.length - hidden >= missing && source.isWhole?.(pending, window)
    const rowsMax = missing + hidden
    const read = isWhole ? [] : await source.readRows({ ...window, count: rowsMax }, keysOnly)
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

/** Compares positions as lists are ordered: by creation time, if any, then by key. */
export function compare(a: Position, b: Position, order: "asc" | "desc"): number {
  const ascending = (a.createdAt ?? 0) - (b.createdAt ?? 0) || (a.key < b.key ? -1 : a.key > b.key ? 1 : 0)
  return order === "asc" ? ascending : -ascending
}
