/**
 * DESIGN. What travels through the queues.
 *
 * A write event carries the whole resulting state of one resource and a revision, so events may be lost, doubled,
 * delayed and reordered: a row takes an event only if its revision is newer, and a tombstone is final. The outbox holds
 * the same JSON text, `revision` first, since the Redis scripts read it from there.
 *
 * A message of the persist queue is an envelope: a JSON array of write events, of one application or
 * of new ones. A message of the
 * index queue is a JSON array of index events: keys only, since the document is built from the row as it is then.
 */
import * as z from "zod"
import { TOKEN_PATTERN } from "./contract.ts"
import { LIMITS } from "./limits.ts"

const Revision = z.string().regex(/^[1-9][0-9]{0,15}$/)
const Token = z.string().regex(TOKEN_PATTERN)
const Num = z.int().min(0).max(LIMITS.numberMax)

const key = { application: Token, chat: Num, message: Num }

/** The state a resource has after a write. `chat` is 0 for an application, `message` is 0 for an application or chat. */
export const WriteEvent = z.object({
  revision: Revision,
  ...key,
  /** ms since 1970, by the clock of Redis. */
  created_at: z.int().min(0),
  deleted: z.literal(true).optional(),
  /** Of an application or chat. */
  name: z.string().nullable().optional(),
  /** Of a message. */
  body: z.string().optional(),
})

/** Raises a counter's highest persisted number by the outbox bound, once per generation: see lib/numbers. */
export const FenceEvent = z.object({ fence: z.string().regex(/^[1-9][0-9]{0,15}$/), application: Token, chat: Num })

export const PersistEvent = z.union([FenceEvent, WriteEvent])
export const IndexEvent = z.object({ revision: Revision, ...key })

export type WriteEvent = z.infer<typeof WriteEvent>
export type FenceEvent = z.infer<typeof FenceEvent>
export type PersistEvent = z.infer<typeof PersistEvent>
export type IndexEvent = z.infer<typeof IndexEvent>

export const isFence = (event: PersistEvent | IndexEvent): event is FenceEvent => "fence" in event
export const isWrite = (event: PersistEvent): event is WriteEvent => !isFence(event)

/** A resource's key: `chat` 0 for an application, `message` 0 for a chat. */
export type ResourceKey = { application: string; chat: number; message: number }

/** The key as text, as the outbox and the deletion marks use it: `token`, `token/3` or `token/3/7`. */
export function keyText({ application, chat, message }: ResourceKey): string {
  if (message > 0) return `${application}/${chat}/${message}`
  return chat > 0 ? `${application}/${chat}` : application
}

/** What an event changes, for the tests that a state is of the right kind. */
export function kindOf({ chat, message }: ResourceKey): "application" | "chat" | "message" {
  if (message > 0) return "message"
  return chat > 0 ? "chat" : "application"
}

/** The time of a revision: revisions are microseconds of the clock of Redis, or later. */
export function revisionTime(revision: string | number): Date {
  return new Date(Math.floor(Number(revision) / 1000))
}
