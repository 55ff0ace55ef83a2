/** Merges what the outbox and MySQL have of a page of changes; pure, so that every mixture can be tested. */
import { keyText, type ResourceKey, type WriteEvent } from "../events.ts"
import { isCreation } from "../outbox/known.ts"
import type { ChangeRow } from "./select-changes.ts"

/** A write to be delivered: by its event, by its row, or by an event that changes the row. */
export type Write = { key: ResourceKey; revision: number; deleted: boolean; event?: WriteEvent; row?: ChangeRow }

export type Halves = {
  application: string
  events: WriteEvent[]
  /** The revision up to which `events` is whole; undefined if they are all. */
  eventsEnd: number | undefined
  /** Read after the events. */
  rows: ChangeRow[]
  /** The most rows of a range: one that has as many may go on. */
  count: number
}

/** Bounds as in ChangesAsked. */
export type Bounds = { after: number; start: number; complete: number }

/**
 * Returns the writes in order up to `end`, from which the next page goes on: `complete`, or less if one of the sources
 * may go on before that.
 */
export function mergeChanges(halves: Halves, bounds: Bounds): { writes: Write[]; end: number } {
  const { complete, after, start } = bounds
  const end = endOf(halves, complete)
  const latest = latestWrites(halves, complete)
  const told = latest.filter((write) => write.revision > after && write.revision <= end && isTold(write, start))
  return { writes: told.sort((a, b) => a.revision - b.revision), end }
}

/** Returns whether a write is a change for readers, none of whom follows an application before it is created. */
function isTold({ key, revision, deleted, event, row }: Write, start: number): boolean {
  if (deleted) return key.chat > 0 && revision > start
  if (key.chat > 0) return true
  return event ? !isCreation(event) : row?.updated_at.getTime() !== row?.created_at.getTime()
}

/** Returns the revision up to which both halves are whole. */
export function endOf(
  { rows, eventsEnd, count }: Pick<Halves, "rows" | "eventsEnd" | "count">,
  complete: number,
): number {
  const ranges = Map.groupBy(
    rows.filter(({ ranged }) => ranged === 1),
    ({ kind }) => kind,
  )
  const ends = [...ranges.values()].filter((range) => range.length >= count).map((range) => lastOf(range))
  return Math.min(complete, eventsEnd ?? complete, ...ends)
}

const lastOf = (range: ChangeRow[]): number => Math.max(...range.map(({ revision }) => revision))

/**
 * Returns the latest write of each resource up to `complete`. What is above it is left out: an earlier write, which was
 * accepted but is not stored yet, may not have been seen.
 */
function latestWrites({ application, events, rows }: Halves, complete: number): Write[] {
  const writes = new Map<string, Write>()
  const deletedChats = new Set(rows.filter(isDeletedChat).map(({ chat }) => chat))
  // Tombstones last, since they are final.
  for (const row of [...rows].sort((a, b) => Number(a.kind === "tombstone") - Number(b.kind === "tombstone"))) {
    if (row.below_deleted === 1 || row.revision > complete) continue
    const key = { application, chat: row.chat, message: row.message }
    writes.set(keyText(key), { key, revision: row.revision, deleted: row.kind === "tombstone", row })
  }
  const keyOf = ({ chat, message }: ChangeRow) => keyText({ application, chat, message })
  const rowsByKey = new Map(rows.filter(({ kind }) => kind !== "tombstone").map((row) => [keyOf(row), row]))
  for (const event of events) {
    const { chat, message } = event
    const text = keyText(event)
    const other = writes.get(text)
    const isOver = other !== undefined && (other.revision > Number(event.revision) || (other.deleted && !event.deleted))
    if (isOver || (message > 0 && deletedChats.has(chat))) continue
    const row = rowsByKey.get(text)
    const key = { application, chat, message }
    const deleted = event.deleted === true
    writes.set(text, { key, revision: Number(event.revision), deleted, event, ...(row && { row }) })
  }
  return [...writes.values()]
}

/** Returns whether the row is the tombstone of a chat. */
export const isDeletedChat = ({ kind, chat, message }: ChangeRow): boolean =>
  kind === "tombstone" && chat > 0 && message === 0
