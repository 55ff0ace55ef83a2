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
import type { Resource, State, Write } from "./ledger.ts"
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

/** Returns the members of a resource in a state, or after a write, as answers have them. */
export function shownAfter({ resource, text: { id }, metadata: { id: metadataId } }: State): Shown {
  const { kind, creation } = resource
  const text = textOf(id, kind)
  if (kind === "application") return { ...APPLICATION_DEFAULTS, name: text } satisfies ApplicationMembers
  const given = metadataOf(metadataId)
  const metadata = given === undefined ? null : JSON.stringify(given)
  if (kind === "chat") return answered<ChatMembers>({ ...CHAT_DEFAULTS, name: text, metadata })
  return answered<MessageMembers>({ ...MESSAGE_DEFAULTS, ...originOf(creation.id), body: text, metadata })
}

/** Returns whether an answer or row shows a resource in a state, in the order of metadata's names, too. */
export function shows(state: State, item: Shown): boolean {
  const expected = shownAfter(state)
  return Object.keys(expected).every((name) => JSON.stringify(item[name]) === JSON.stringify(expected[name]))
}

/** Returns what a resource has once two updates at once are done; undefined for a write without a rival. */
export function bothOf({ part, rival, alone }: Write): State | undefined {
  return rival && alone && { ...alone, [part === "text" ? "metadata" : "text"]: rival }
}

/** Returns the states that a resource may have right after a write: with a rival, that of both, or of this one alone. */
export function statesOf(write: Write): State[] {
  const both = bothOf(write)
  return both && write.alone ? [write.alone, both] : [write]
}

/** Returns the states that an update without an answer may leave; what was acknowledged of its rival holds in any case. */
const statesInDoubt = (write: Write): State[] => statesOf(write).slice(write.rival?.outcome === "acknowledged" ? 1 : 0)

/** Returns the states that a resource may have now: that of the last acknowledged, and those of unanswered updates. */
export function possibleStates({ state, versions }: Resource): State[] {
  const unknown = versions.filter((write) => write !== state && write.outcome === "unknown")
  return [state, ...unknown.flatMap(statesInDoubt)]
}
