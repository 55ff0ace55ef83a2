/** What the load's writes give, and what resources have after them, both by the ids of writes (texts.ts). */
import {
  APPLICATION_DEFAULTS,
  type ApplicationMembers,
  answered,
  CHAT_DEFAULTS,
  type ChatMembers,
  MESSAGE_DEFAULTS,
  type MessageMembers,
} from "../../lib/members.ts"
import type { Resource, Write } from "./ledger.ts"
import { metadataOf, originOf, textOf } from "./texts.ts"

/** Members as answers have them, and whatever stands beside them. */
export type Shown = Record<string, unknown>

/** Returns the JSON that a creation or update sends. */
export function givenBy({ id, kind, part, resource }: Write): object {
  const text = part === "metadata" ? {} : { [resource.kind === "message" ? "body" : "name"]: textOf(id, resource.kind) }
  if (resource.kind === "application" || part === "text") return text
  const metadata = metadataOf(id) ?? (part === "metadata" ? {} : undefined)
  // Update ignores what is given at creation only.
  const isNew = kind === "create" && resource.kind === "message"
  return { ...text, ...(metadata && { metadata }), ...(isNew && withoutNulls(originOf(id))) }
}

const withoutNulls = (members: object): object =>
  Object.fromEntries(Object.entries(members).filter(([, value]) => value !== null))

/** Returns the members of a resource after a write, as answers have them. */
export function shownAfter({ resource, text: { id }, metadata: { id: metadataId } }: Write): Shown {
  const { kind, creation } = resource
  const text = textOf(id, kind)
  if (kind === "application") return { ...APPLICATION_DEFAULTS, name: text } satisfies ApplicationMembers
  const given = metadataOf(metadataId)
  const metadata = given === undefined ? null : JSON.stringify(given)
  if (kind === "chat") return answered<ChatMembers>({ ...CHAT_DEFAULTS, name: text, metadata })
  return answered<MessageMembers>({ ...MESSAGE_DEFAULTS, ...originOf(creation.id), body: text, metadata })
}

/** Returns whether an answer or row shows a resource as it is after a write, in the order of metadata's names, too. */
export function shows(write: Write, item: Shown): boolean {
  const expected = shownAfter(write)
  return Object.keys(expected).every((name) => JSON.stringify(item[name]) === JSON.stringify(expected[name]))
}

/** Returns the writes whose state a resource may have now: the last acknowledged, and unanswered updates. */
export function possibleStates({ state, versions }: Resource): Write[] {
  return [state, ...versions.filter((write) => write !== state && write.outcome === "unknown")]
}
