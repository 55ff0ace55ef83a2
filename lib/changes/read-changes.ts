/**
 * DESIGN. A page of an application's changes: what was written after a position, in the order of writing, each resource
 * with its latest state at the place of its latest write.
 *
 * The revision is the position. It grows within a shard, and comes with the outbox entry in one step. So a script first
 * reads the pending events and the shard's latest revision, and MySQL is read after it: what was accepted up to that
 * revision is in the one or the other. What MySQL shows *above* it is left out, since a later write may be stored
 * before an earlier one, which a reader that had passed it would never see.
 *
 * Promised: a reader that follows its position gets every accepted write, none twice, whatever becomes of queues and
 * stores meanwhile; a write that was answered before the request is on the page, or the page says that there is more, or
 * its resource was written again while the page was read and is on a later one. A page costs the same however much there
 * is. Absent: earlier states of what was written again since, what lies below a deleted chat, and counts, which move
 * without a change.
 *
 * After a loss of data the shard's revision may lie below what is stored. So in each generation, before the first page,
 * it is raised to the greatest stored revision of the application (`cover`). Events that a function of an older release
 * accepted are given their places first (`placeChanges`).
 *
 * Deletes of messages are remembered for 15 days. A position is good for 14 days after the latest time up to which its
 * reader had everything: when it was complete or began, or the time of its revision, if that is later.
 */
import type { ChangesPage, ChangesPosition, ChangesRequest } from "../contract.ts"
import { ApiError, notFound, recovering } from "../errors.ts"
import type { WriteEvent } from "../events.ts"
import { LIMITS } from "../limits.ts"
import { MESSAGE_DEFAULTS } from "../members.ts"
import { isCreation, isWholeState } from "../outbox/known.ts"
import type { PendingChanges } from "../outbox/scripts/changes.ts"
import { createPage } from "../page-bytes.ts"
import type { Stores } from "../stores.ts"
import { changeOf } from "./change.ts"
import { isDeletedChat, mergeChanges, type Write } from "./merge-changes.ts"
import { readPendingChanges } from "./read-pending-changes.ts"
import { readRows } from "./read-rows.ts"
import type { ChangeRow } from "./select-changes.ts"

const EXPIRES_AFTER_US = LIMITS.changesCursorDays * 86_400_000_000
/** No revision is greater. */
const BEYOND_ALL = Number.MAX_SAFE_INTEGER

/** The writes of a page, and the revision that it ends at; `more` if the next page may have something. */
type Writes = { writes: Write[]; end: number; more: boolean }

/** Throws not_found, cursor_expired, or unavailable while Redis recovers; DependencyAway if one that it needs is away. */
export async function readChanges(stores: Stores, application: string, request: ChangesRequest): Promise<ChangesPage> {
  const { from, chat, limit } = request
  const after = from === "beginning" ? 0 : from === "latest" ? BEYOND_ALL : from.revision
  const pending = await readPendingChanges(stores, { application, chat, after, count: limit + 1 })
  const position = positionOf(from, pending)
  const isKnown = chat === 0 || pending.chat === "lives"
  if (position.revision >= pending.complete && isKnown)
    return pageOf({ writes: [], end: position.revision, more: false }, position, pending.now)
  const writes = await readWrites(stores, application, request, pending, position)
  return pageOf(writes, position, pending.now)
}

/** Returns the position that a request goes on from. Throws cursor_expired. */
function positionOf(from: ChangesRequest["from"], { complete, now }: PendingChanges): ChangesPosition {
  if (from === "beginning") return { revision: 0, start: complete, completeAt: now }
  if (from === "latest") return { revision: complete, start: complete, completeAt: now }
  const isOld = now - from.completeAt > EXPIRES_AFTER_US
  // Redis lost data while its clock was set back: writes up to this revision may yet come.
  const isAhead = from.revision > complete && from.revision > now
  if (isOld || isAhead) throw new ApiError("cursor_expired", "This cursor is too old. Begin anew without one.")
  return from
}

async function readWrites(
  stores: Stores,
  application: string,
  { from, chat, limit }: ChangesRequest,
  pending: PendingChanges,
  { revision: after, start }: ChangesPosition,
): Promise<Writes> {
  const { complete, entries: events, end: eventsEnd } = pending
  const range = { application, chat, after, start, complete, count: limit + 1 }
  const rows = await readRows(stores, { ...range, ...wantedOf(chat, events) }, pending)
  const deletion = chat > 0 ? deletionOf(chat, pending, rows) : undefined
  if (deletion !== undefined && deletion <= complete) {
    if (typeof from === "string" || deletion <= after) throw notFound("chat")
    const key = { application, chat, message: 0 }
    return { writes: [{ key, revision: deletion, deleted: true }], end: complete, more: false }
  }
  // The application's row is there for a reader of the whole.
  const asked = chat > 0 ? rows.filter(({ kind }) => kind !== "application") : rows
  const { writes, end } = mergeChanges({ application, events, eventsEnd, rows: asked, count: range.count }, range)
  const first = writes.slice(0, limit)
  const isCut = writes.length > limit
  return {
    writes: await withoutPassedOver(stores, application, pending.generation, first),
    end: isCut ? (first.at(-1)?.revision ?? end) : end,
    more: isCut || end < complete,
  }
}

/** Returns the rows that events need: counts, members that their writer did not know, and whether a chat was deleted. */
function wantedOf(chat: number, events: WriteEvent[]) {
  const living = events.filter(({ deleted }) => !deleted)
  const partial = ({ message, ...event }: WriteEvent) =>
    message > 0 ? !isWholeState({ message, ...event }, MESSAGE_DEFAULTS) : !isCreation({ message, ...event })
  const parents = living.filter(({ message }) => message > 0).map((event) => event.chat)
  return {
    rows: living.filter((event) => event.chat > 0 && partial(event)),
    tombstones: chat > 0 ? [chat] : [...new Set(parents)],
  }
}

/** Returns the revision at which a chat was deleted, or undefined if it lives. Throws not_found if it never did. */
function deletionOf(chat: number, pending: PendingChanges, rows: ChangeRow[]): number | undefined {
  const deletion = pending.chatDeletion ?? rows.find(isDeletedChat)?.revision
  const lives = pending.chat === "lives" || rows.some((one) => one.kind === "chat" && one.chat === chat)
  if (deletion === undefined && !lives) throw notFound("chat")
  return deletion
}

/**
 * Leaves out rows that a pending event beyond those read has changed, which come at its place, and stored messages of
 * chats whose delete is pending.
 */
async function withoutPassedOver(stores: Stores, application: string, generation: string, writes: Write[]) {
  const stored = writes.filter(({ event }) => event === undefined)
  if (stored.length === 0) return writes
  const passed = await stores.outbox.passOver(generation, application, stored)
  if (passed.length === 0) throw recovering()
  const left = new Set(stored.filter((_, index) => passed[index]))
  return writes.filter((write) => !left.has(write))
}

/** Returns the page of `writes`, which ends before the first change that makes it too large. */
function pageOf({ writes, end, more }: Writes, before: ChangesPosition, now: number): ChangesPage {
  const page = createPage<ChangesPage["data"][number]>()
  let next = { revision: end, hasMore: more }
  let last = before.revision
  for (const write of writes) {
    if (!page.add(changeOf(write))) {
      next = { revision: last, hasMore: true }
      break
    }
    last = write.revision
  }
  const { revision, hasMore } = next
  // The reader has everything up to `revision`, whose time is the latest at which that was all.
  const toldAt = hasMore ? Math.max(before.completeAt, Math.min(revision, now)) : now
  return { data: page.items, next: { ...before, revision, completeAt: toldAt }, hasMore }
}
