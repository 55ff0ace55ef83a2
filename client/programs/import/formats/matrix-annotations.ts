// Gathers what later events of a room say of earlier ones: edits and reactions.
import type { Item, JsonObject, Place } from "../format.ts"
import { isObject } from "../reading.ts"
import { idIn, objectIn, textIn } from "./json-values.ts"

export type Edit = { id: string; sender: string | null; sentMs: number; content: JsonObject; at: Place; used: boolean }
export type Reaction = { name: string; sender: string | null; at: Place; used: boolean }
/** By the id of the event that they are of. Only these are in memory, not the messages. */
export type Annotations = { edits: Map<string, Edit[]>; reactions: Map<string, Reaction[]> }

/** An event, or what an export tells of its room. */
export type Told = { event: JsonObject; at: Place } | { about: JsonObject }

/** Returns how an event relates to another, if it does. */
export const relationOf = ({ content }: JsonObject): JsonObject => objectIn(objectIn(content)["m.relates_to"])

export const sentMsOf = ({ origin_server_ts }: JsonObject): number | null =>
  typeof origin_server_ts === "number" && Number.isSafeInteger(origin_server_ts) ? origin_server_ts : null

/** Returns an event as an edit of another, or null if it is none. */
export function editOf(event: JsonObject, at: Place): { of: string; edit: Edit } | null {
  const { rel_type, event_id } = relationOf(event)
  const content = objectIn(event.content)["m.new_content"]
  const of = idIn(event_id)
  if (rel_type !== "m.replace" || of === null || !isObject(content)) return null
  const id = idIn(event.event_id) ?? ""
  return { of, edit: { id, sender: idIn(event.sender), sentMs: sentMsOf(event) ?? 0, content, at, used: false } }
}

function reactionOf(event: JsonObject, at: Place): { of: string; reaction: Reaction } | null {
  const { rel_type, event_id, key } = relationOf(event)
  const [of, name] = [idIn(event_id), textIn(key)]
  if (event.type !== "m.reaction" || rel_type !== "m.annotation" || of === null || name === null) return null
  return { of, reaction: { name, sender: idIn(event.sender), at, used: false } }
}

const add = <Value>(to: Map<string, Value[]>, key: string, value: Value): void => {
  const list = to.get(key)
  if (list === undefined) to.set(key, [value])
  else list.push(value)
}

/** Reads a room for its edits and reactions. */
export async function annotationsOf(room: AsyncIterable<Told>): Promise<Annotations> {
  const annotations: Annotations = { edits: new Map(), reactions: new Map() }
  for await (const told of room) {
    if ("about" in told) continue
    const edited = editOf(told.event, told.at)
    if (edited !== null) add(annotations.edits, edited.of, edited.edit)
    const reacted = reactionOf(told.event, told.at)
    if (reacted !== null) add(annotations.reactions, reacted.of, reacted.reaction)
  }
  return annotations
}

/**
 * Returns the edit that holds: the latest by the author of the event, of two at the same time that with the greater id, as
 * the specification has it.
 */
export function latestEdit(edits: Edit[], sender: string | null): Edit | null {
  const own = edits.filter((edit) => edit.sender === sender)
  return own.reduce<Edit | null>((latest, edit) => {
    const later =
      latest === null || edit.sentMs > latest.sentMs || (edit.sentMs === latest.sentMs && edit.id > latest.id)
    return later ? edit : latest
  }, null)
}

/** Yields the edits and reactions that did not come into a message. */
export function* leftOver({ edits, reactions }: Annotations): Generator<Item> {
  for (const { used, at } of [...edits.values()].flat())
    if (!used)
      yield { kind: "left-out", what: "edit", why: "it is not the latest, not its author's, or of no message here", at }
  for (const { used, at } of [...reactions.values()].flat())
    if (!used) yield { kind: "left-out", what: "reaction", why: "it is of no message here", at }
}
