/**
 * DESIGN. The queues' events. A write event carries the whole resulting state of one resource and a revision, so events
 * may be lost, repeated, delayed and reordered: a row takes only newer revisions, and a tombstone is final. The outbox
 * holds the same JSON text, in which the Redis scripts read `revision` at the beginning and `deleted` at the end.
 *
 * A message of the persist queue is an envelope of write events and fences, of one application or of new ones. One of the
 * index queue holds keys with revisions, since documents are built from rows. Several events are packed (queue/packs.ts).
 *
 * Events outlive deployments, in which old and new functions run side by side. So code that passes an event on keeps
 * members that it does not know, and an update that lacks a member leaves it as the row has it. An event of a form that
 * older consumers could not store, or with members that they would lose (`versionFor` in members.ts), has a newer version
 * `v` (absent: 1), and they leave it to newer functions.
 */
import * as z from "zod"
import { LIMITS } from "./limits.ts"
import { eventMembers } from "./members.ts"
import { TOKEN_PATTERN } from "./schemas.ts"

const Revision = z.string().regex(/^[1-9][0-9]{0,15}$/)
const Token = z.string().regex(TOKEN_PATTERN)
const Num = z.int().min(0).max(LIMITS.numberMax)

/** The newest event version that this code can store. */
export const EVENT_VERSION = 2

/** Defines an event that keeps unknown members when it is parsed, though its type omits them. */
const eventOf = <Shape extends z.ZodRawShape>(shape: Shape) => z.looseObject(shape) as unknown as z.ZodObject<Shape>

/** The request that an event comes from; a wrong one is no reason to refuse the event. */
const Origin = z.object({ request_id: z.string(), traceparent: z.string().optional() }).optional().catch(undefined)

const head = {
  v: z.int().min(1).optional(),
  revision: Revision,
  application: Token,
  chat: Num,
  message: Num,
  /** Only in the queues: the outbox does not hold it. */
  origin: Origin,
}

/** The state of a resource after a write. `chat` is 0 for an application, `message` is 0 for an application or chat. */
export const WriteEvent = eventOf({
  ...head,
  /** ms since 1970 by Redis' clock. */
  created_at: z.int().min(0),
  deleted: z.literal(true).optional(),
  ...eventMembers,
})

/** Raises a counter's highest persisted number by the outbox bound, once per loss of data: see lib/write. */
export const FenceEvent = eventOf({ fence: Revision, application: Token, chat: Num })

/** Writes first: a union tries its members in turn, and nearly all events are writes. */
export const PersistEvent = z.union([WriteEvent, FenceEvent])
export const IndexEvent = eventOf(head)
/** The part of a newer version's event that this code understands. */
export const NewerEvent = eventOf({ ...head, v: z.int() })

const KNOWN: ReadonlySet<string> = new Set(Object.keys(WriteEvent.shape).filter((name) => name !== "v"))

/** Returns the members that this code does not know, preceded by the version `v` that they belong to, if any. */
export const unknownMembers = (event: WriteEvent): object =>
  Object.fromEntries(Object.entries(event).filter(([name]) => !KNOWN.has(name)))

export type WriteEvent = z.infer<typeof WriteEvent>
export type FenceEvent = z.infer<typeof FenceEvent>
export type PersistEvent = z.infer<typeof PersistEvent>
export type IndexEvent = z.infer<typeof IndexEvent>
export type NewerEvent = z.infer<typeof NewerEvent>

export const isNewer = ({ v = 1 }: { v?: number | undefined }, version = EVENT_VERSION): boolean => v > version

export const isFence = (event: object): event is FenceEvent => "fence" in event
export const isWrite = (event: PersistEvent): event is WriteEvent => !isFence(event)

/** Identifies a resource: `chat` is 0 for an application, `message` is 0 for a chat. */
export type ResourceKey = { application: string; chat: number; message: number }

/** Returns the key as text, as the outbox and the deletion marks use it: `token`, `token/3` or `token/3/7`. */
export function keyText({ application, chat, message }: ResourceKey): string {
  if (message > 0) return `${application}/${chat}/${message}`
  return chat > 0 ? `${application}/${chat}` : application
}

/** Returns the key whose text it is. */
export function keyOfText(text: string): ResourceKey {
  const [application = "", chat = 0, message = 0] = text.split("/")
  return { application, chat: Number(chat), message: Number(message) }
}

export const chatText = ({ application, chat }: Pick<ResourceKey, "application" | "chat">): string =>
  keyText({ application, chat, message: 0 })

export function kindOf({ chat, message }: ResourceKey): "application" | "chat" | "message" {
  if (message > 0) return "message"
  return chat > 0 ? "chat" : "application"
}

/** Returns the time of a revision, which is in microseconds of Redis' clock, or later. */
export function revisionTime(revision: string | number): Date {
  return new Date(Math.floor(Number(revision) / 1000))
}
