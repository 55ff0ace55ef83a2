/**
 * DESIGN. What travels through the queues.
 *
 * A write event carries the whole resulting state of one resource and a revision, so events may be lost, doubled,
 * delayed and reordered: a row takes an event only if its revision is newer, and a tombstone is final. The outbox holds
 * the same JSON text, in which the Redis scripts look for `revision` at the beginning and for `deleted` at the end.
 *
 * A message of the persist queue is an envelope: a JSON array of write events, of one application or of new ones. A
 * message of the index queue is a JSON array of index events: keys only, since the document is built from the row.
 *
 * Events outlive deployments, in which old and new functions run side by side. So whoever passes an event on keeps the
 * members that it does not know. A state that an older consumer could not store whole is of a new version, which its
 * writer puts before it as `v` (without it: 1). A consumer leaves events of a newer version than its own where they are.
 */
import * as z from "zod"
import { TOKEN_PATTERN } from "./contract.ts"
import { LIMITS } from "./limits.ts"
import { eventMembers } from "./members.ts"

const Revision = z.string().regex(/^[1-9][0-9]{0,15}$/)
const Token = z.string().regex(TOKEN_PATTERN)
const Num = z.int().min(0).max(LIMITS.numberMax)

/** The newest version that can be stored. */
export const EVENT_VERSION = 1

/** An event that is read keeps the members that it is not known to have; its type leaves them out. */
const eventOf = <Shape extends z.ZodRawShape>(shape: Shape) => z.looseObject(shape) as unknown as z.ZodObject<Shape>

const head = { v: z.int().min(1).optional(), revision: Revision, application: Token, chat: Num, message: Num }

/** The state a resource has after a write. `chat` is 0 for an application, `message` is 0 for an application or chat. */
export const WriteEvent = eventOf({
  ...head,
  /** ms since 1970, by the clock of Redis. */
  created_at: z.int().min(0),
  deleted: z.literal(true).optional(),
  ...eventMembers,
})

/** Raises a counter's highest persisted number by the outbox bound, once per generation: see lib/write. */
export const FenceEvent = eventOf({ fence: Revision, application: Token, chat: Num })

export const PersistEvent = z.union([FenceEvent, WriteEvent])
export const IndexEvent = eventOf(head)
/** All that is known of an event of a newer version. */
export const NewerEvent = eventOf({ ...head, v: z.int() })

export type WriteEvent = z.infer<typeof WriteEvent>
export type FenceEvent = z.infer<typeof FenceEvent>
export type PersistEvent = z.infer<typeof PersistEvent>
export type IndexEvent = z.infer<typeof IndexEvent>
export type NewerEvent = z.infer<typeof NewerEvent>

export const isNewer = ({ v = 1 }: { v?: number | undefined }, version = EVENT_VERSION): boolean => v > version

export const isFence = (event: object): event is FenceEvent => "fence" in event
export const isWrite = (event: PersistEvent): event is WriteEvent => !isFence(event)

/** A resource's key: `chat` 0 for an application, `message` 0 for a chat. */
export type ResourceKey = { application: string; chat: number; message: number }

/** The key as text, as the outbox and the deletion marks use it: `token`, `token/3` or `token/3/7`. */
export function keyText({ application, chat, message }: ResourceKey): string {
  if (message > 0) return `${application}/${chat}/${message}`
  return chat > 0 ? `${application}/${chat}` : application
}

/** The text of the key's chat. */
export const chatText = ({ application, chat }: Pick<ResourceKey, "application" | "chat">): string =>
  keyText({ application, chat, message: 0 })

/** What an event changes, for the tests that a state is of the right kind. */
export function kindOf({ chat, message }: ResourceKey): "application" | "chat" | "message" {
  if (message > 0) return "message"
  return chat > 0 ? "chat" : "application"
}

/** The time of a revision: revisions are microseconds of the clock of Redis, or later. */
export function revisionTime(revision: string | number): Date {
  return new Date(Math.floor(Number(revision) / 1000))
}
