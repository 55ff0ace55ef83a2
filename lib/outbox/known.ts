/** What the outbox says of a resource and its parents, and what follows from it before MySQL is asked. */
import { DependencyAway, notFound, recovering } from "../errors.ts"
import { chatText, type ResourceKey, revisionTime, type WriteEvent } from "../events.ts"
import type { Stores } from "../stores.ts"
import { shardOf } from "./keys.ts"
import type { Outbox, PendingRange } from "./outbox.ts"
import type { Knowledge } from "./scripts/reads.ts"

export type Known = Knowledge & { entries: (WriteEvent | null)[] }
export type PendingKnown = Awaited<ReturnType<Outbox["readPending"]>>

/** While Redis is away nothing is known: what MySQL has is served, and what it does not have is 503, not 404. */
const nothingKnown = (count: number): Known => ({
  settled: false,
  applicationLives: false,
  chatLives: false,
  entries: Array.from({ length: count }, () => null),
})

/** As nothingKnown, of what is below the last of so many ancestors. */
export const nothingPending = (ancestors: number): PendingKnown => ({
  ...nothingKnown(0),
  ancestors: Array.from({ length: ancestors }, () => null),
  entries: [],
  lastNumber: 0,
})

/** Answers `fallback` if Redis is away. */
export async function unlessRedisAway<T>(read: () => Promise<T>, fallback: T): Promise<T> {
  try {
    return await read()
  } catch (error) {
    if (error instanceof DependencyAway && error.dependency === "redis") return fallback
    throw error
  }
}

/** The pending events of `keys` (of one application and chat); MySQL must be read after this, never before. */
export function readKnown({ outbox }: Stores, keys: ResourceKey[]): Promise<Known> {
  const { application, chat } = keys.at(-1) as ResourceKey
  return unlessRedisAway(() => outbox.read(application, chat, keys), nothingKnown(keys.length))
}

/** The pending events in a range below a chat (0: the application), and theirs; MySQL must be read after this, too. */
export function readKnownPending(
  { outbox }: Stores,
  { application, chat }: { application: string; chat: number },
  range: PendingRange,
): Promise<PendingKnown> {
  const parent = chatText({ application, chat })
  const ancestors = chat === 0 ? [application] : [application, parent]
  return unlessRedisAway(
    () => outbox.readPending(shardOf(application), parent, chat, ancestors, range),
    nothingPending(ancestors.length),
  )
}

/** Throws not_found for the first of `events` that is a tombstone. */
export function refuseDeleted(names: string[], events: (WriteEvent | null | undefined)[]): void {
  for (const [index, event] of events.entries()) if (event?.deleted) throw notFound(names[index] ?? "resource")
}

/** The error for something that neither the outbox nor MySQL has: 503 while the outbox's word is not to be had. */
export const absent = (what: string, { settled }: Knowledge): Error => (settled ? notFound(what) : recovering())

/** What is known of a resource, wherever it was read. */
export type State<Members> = { members: Members; createdAt: Date; updatedAt: Date; revision: number }

/** Returns the state that `event` leaves, whose members `read` reads. */
export const stateOf = <Members>(event: WriteEvent, read: (event: WriteEvent) => Members): State<Members> => ({
  members: read(event),
  createdAt: new Date(event.created_at),
  updatedAt: revisionTime(event.revision),
  revision: Number(event.revision),
})

/** Returns the times of a resource as its answers tell them. */
export const timesOf = ({ createdAt, updatedAt }: Pick<State<unknown>, "createdAt" | "updatedAt">) => ({
  created_at: createdAt.toISOString(),
  updated_at: updatedAt.toISOString(),
})

/** Whether the event created its resource: then there is no row yet, or one that has just come of it. */
export const isCreation = (event: WriteEvent): boolean => revisionTime(event.revision).getTime() === event.created_at
