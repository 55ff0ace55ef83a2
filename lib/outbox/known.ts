/** What the outbox knows of a resource and its parents, and what follows before MySQL is asked. */
import { DependencyAway, notFound, recovering } from "../errors.ts"
import { chatText, type ResourceKey, revisionTime, type WriteEvent } from "../events.ts"
import { hasAllMembers, membersOf } from "../members.ts"
import type { Stores } from "../stores.ts"
import { shardOf } from "./keys.ts"
import type { Outbox, PendingRange } from "./outbox.ts"
import { UNKNOWN_MOMENT } from "./scripts/prelude.ts"
import type { Knowledge } from "./scripts/reads.ts"

export type Known = Knowledge & { entries: (WriteEvent | null)[] }
export type PendingKnown = Awaited<ReturnType<Outbox["readPending"]>>

/** Returns what is known while Redis is away: what MySQL has is served, and everything else is 503, not 404. */
const nothingKnown = (count: number): Known => ({
  settled: false,
  applicationLives: false,
  chatLives: false,
  asOf: UNKNOWN_MOMENT,
  entries: Array.from({ length: count }, () => null),
})

/** Returns the same for a list below a parent with this many ancestors, itself included. */
export const nothingPending = (ancestors: number): PendingKnown => ({
  ...nothingKnown(0),
  ancestors: Array.from({ length: ancestors }, () => null),
  entries: [],
  lastNumber: 0,
})

export async function unlessRedisAway<T>(read: () => Promise<T>, fallback: T): Promise<T> {
  try {
    return await read()
  } catch (error) {
    if (error instanceof DependencyAway && error.dependency === "redis") return fallback
    throw error
  }
}

/** Reads the pending events of `keys`, all of one application and chat. MySQL must be read after this, never before. */
export function readKnown({ outbox }: Stores, keys: ResourceKey[]): Promise<Known> {
  const { application, chat } = keys.at(-1) as ResourceKey
  return unlessRedisAway(() => outbox.read(application, chat, keys), nothingKnown(keys.length))
}

type Parent = { application: string; chat: number }

/** Reads the pending events in a range below a chat (0: the application) and of its ancestors, also before MySQL. */
export const readKnownPending = (stores: Stores, parent: Parent, range: PendingRange): Promise<PendingKnown> =>
  unlessRedisAway(() => readPendingBelow(stores, parent, range), nothingPending(parent.chat === 0 ? 1 : 2))

/** Reads the same, or throws DependencyAway without Redis. */
export function readPendingBelow(
  { outbox }: Stores,
  { application, chat }: Parent,
  range: PendingRange,
): Promise<PendingKnown> {
  const parent = chatText({ application, chat })
  const ancestors = chat === 0 ? [application] : [application, parent]
  return outbox.readPending(shardOf(application), parent, chat, ancestors, range)
}

/** Throws not_found for the first of `events` that is a tombstone. */
export function refuseDeleted(names: string[], events: (WriteEvent | null | undefined)[]): void {
  for (const [index, event] of events.entries()) if (event?.deleted) throw notFound(names[index] ?? "resource")
}

/** Returns the error for a resource that neither store has: 503 while the outbox may be incomplete. */
export const absent = (what: string, { settled }: Knowledge): Error => (settled ? notFound(what) : recovering())

/** `event` is present if the state was read from one. `asOf` is the moment of the read, for a change that compares. */
export type State<Members> = {
  members: Members
  createdAt: Date
  updatedAt: Date
  revision: number
  event?: WriteEvent
  asOf?: string
}

/** Returns the state that `event` leaves of one that had the members `known`, or of nothing if these are defaults. */
export const stateOf = <Members extends object>(event: WriteEvent, known: Members): State<Members> => ({
  members: membersOf(event, known),
  createdAt: new Date(event.created_at),
  updatedAt: revisionTime(event.revision),
  revision: Number(event.revision),
  event,
})

export function timesOf({ createdAt, updatedAt }: Pick<State<unknown>, "createdAt" | "updatedAt">) {
  const created_at = createdAt.toISOString()
  // Formatting a time is among the dearer steps of an answer, and most resources are never changed.
  const updated_at = updatedAt.getTime() === createdAt.getTime() ? created_at : updatedAt.toISOString()
  return { created_at, updated_at }
}

/** Returns whether the event created its resource: it then has no row yet, or one from this event. */
export const isCreation = (event: WriteEvent): boolean => revisionTime(event.revision).getTime() === event.created_at

/**
 * Returns whether the event alone tells the whole state: it created the resource, or its writer knew all the members in
 * `defaults`. An update by an older function does not, and leaves the others as the row has them.
 */
export const isWholeState = (event: WriteEvent, defaults: object): boolean =>
  hasAllMembers(event, defaults) || isCreation(event)
