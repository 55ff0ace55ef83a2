/**
 * DESIGN. Conditional requests (RFC 9110, section 13) on single resources. A tag is a hash of what an answer shows, so
 * it tells nothing of the inside and is the same on every copy of the API. Of an application or a chat it ends with the
 * count, which moves without a write: If-None-Match compares it, since a 304 must not hide a new count; If-Match does
 * not, since a count is no change that a client could undo.
 */
import { hash } from "node:crypto"
import type { Application, Chat, Message } from "../../contract.ts"
import { ApiError } from "../../errors.ts"
import { json, type Reply } from "./replies.ts"

type Resource = Application | Chat | Message
type Headers = Readonly<Record<string, string | undefined>>

/** 132 bits never collide. */
const HASH_CHARACTERS = 22

type Counted = Resource & Partial<Pick<Application, "chats_count"> & Pick<Chat, "messages_count">>

/** Returns the strong tag of a resource, with its quotes. `text` is its JSON, if that is at hand. */
export function entityTag(resource: Resource, text?: string): string {
  const { chats_count, messages_count = chats_count } = resource as Counted
  if (messages_count === undefined) return `"${hashOf(text ?? JSON.stringify(resource))}"`
  const written = { ...resource, chats_count: undefined, messages_count: undefined }
  return `"${hashOf(JSON.stringify(written))}.${messages_count}"`
}

const hashOf = (text: string): string => hash("sha256", text, "base64url").slice(0, HASH_CHARACTERS)

/** Returns a tag without its count. */
const ofState = (tag: string): string => tag.replace(/\.\d+"$/, '"')

type Listed = { isWeak: boolean; tag: string }

/** Reads a list of tags, among which what is none counts for nothing. */
const tagsIn = (header: string): Listed[] =>
  [...header.matchAll(/(W\/)?("[\x21\x23-\x7e\x80-\uffff]*")/g)].map(([, weak, tag = ""]) => ({
    isWeak: weak !== undefined,
    tag,
  }))

const isAny = (header: string): boolean => header.trim() === "*"

/** Returns the precondition of a change: it throws precondition_failed if If-Match has no tag of the resource as it is. */
export function ifMatch(headers: Headers): ((current: Resource) => void) | undefined {
  const header = headers["if-match"]
  if (header === undefined) return undefined
  // A weak tag never matches here, and `*` matches whatever exists.
  const wanted = new Set(tagsIn(header).flatMap(({ isWeak, tag }) => (isWeak ? [] : [ofState(tag)])))
  return (current) => {
    if (!isAny(header) && !wanted.has(ofState(entityTag(current))))
      throw new ApiError("precondition_failed", "The resource is not the one that If-Match names.")
  }
}

function tagged(status: number, resource: Resource, headers: Record<string, string> = {}): Reply {
  const reply = json(status, resource, headers)
  return { ...reply, headers: { ...reply.headers, etag: entityTag(resource, reply.body) } }
}

/** Returns whether If-None-Match has a tag: the client knows what has it. */
export function knows(headers: Headers, etag: string): boolean {
  const known = headers["if-none-match"]
  return known !== undefined && (isAny(known) || tagsIn(known).some(({ tag }) => tag === etag))
}

/** Returns 200 with a resource that was read, or 304 if If-None-Match has its tag. */
export function found(resource: Resource, headers: Headers): Reply {
  const reply = tagged(200, resource)
  const { etag = "" } = reply.headers
  return knows(headers, etag) ? { status: 304, headers: { etag } } : reply
}

/** Returns 200 with a resource as it is after a change. */
export const changed = (resource: Resource): Reply => tagged(200, resource)

/** Returns 201 with the new resource and its path; `replayed` says that an Idempotency-Key had created it before. */
export const created = (resource: Resource, location: string, replayed: boolean): Reply =>
  tagged(201, resource, { location, ...(replayed && { "idempotency-replayed": "true" }) })
