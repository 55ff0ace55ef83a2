// Gathers what later events of a room say of earlier ones: edits and reactions.
import type { Item, JsonObject, Place } from "../format.ts"
import { isObject } from "../reading.ts"
import { idOf, objectOf, textOf } from "../values.ts"

export type Edit = {
  id: string
  sender: string | undefined
  sentMs: number
  content: JsonObject
  at: Place
  used: boolean
}
export type Reaction = { name: string; sender: string | undefined; at: Place; used: boolean }
/** By the id of the event that they are of. Only these are in memory, not the messages. */
export type Annotations = { edits: Map<string, Edit[]>; reactions: Map<string, Reaction[]> }

/** An event, or what an export tells of its room. */
export type Told = { event: JsonObject; at: Place } | { about: JsonObject }

/** Returns how an event relates to another, if it does. */
export const relationOf = ({ content }: JsonObject): JsonObject => objectOf(objectOf(content)["m.relates_to"])

export const sentMsOf = ({ origin_server_ts }: JsonObject): number | undefined =>
  typeof origin_server_ts === "number" && Number.isSafeInteger(origin_server_ts) ? origin_server_ts : undefined

/** Returns an event as an edit of another, or undefined if it is none. */
export function editOf(event: JsonObject, at: Place): { of: string; edit: Edit } | undefined {
  const { rel_type, event_id } = relationOf(event)
  const content = objectOf(event.content)["m.new_content"]
  const of = idOf(event_id)
  if (rel_type !== "m.replace" || of === undefined || !isObject(content)) return undefined
  const id = idOf(event.event_id) ?? ""
  return { of, edit: { id, sender: idOf(event.sender), sentMs: sentMsOf(event) ?? 0, content, at, used: false } }
}

function reactionOf(event: JsonObject, at: Place): { of: string; reaction: Reaction } | undefined {
  const { rel_type, event_id, key } = relationOf(event)
  const [of, name] = [idOf(event_id), textOf(key)]
  if (event.type !== "m.reaction" || rel_type !== "m.annotation" || of === undefined || name === undefined)
    return undefined
  return { of, reaction: { name, sender: idOf(event.sender), at, used: false } }
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
    if (edited !== undefined) add(annotations.edits, edited.of, edited.edit)
    const reacted = reactionOf(told.event, told.at)
    if (reacted !== undefined) add(annotations.reactions, reacted.of, reacted.reaction)
  }
  return annotations
}

/**
 * Returns the edit that holds: the latest by the author of the event, of two at the same time that with the greater id, as
 * the specification has it.
 */
export function latestEdit(edits: Edit[], sender: string | undefined): Edit | undefined {
  const own = edits.filter((edit) => edit.sender === sender)
  return own.reduce<Edit | undefined>((latest, edit) => {
    const later =
      latest === undefined || edit.sentMs > latest.sentMs || (edit.sentMs === latest.sentMs && edit.id > latest.id)
    return later ? edit : latest
  }, undefined)
}

/** Yields the edits and reactions that did not come into a message. */
export function* leftOver({ edits, reactions }: Annotations): Generator<Item> {
  for (const { used, at } of [...edits.values()].flat())
    if (!used)
      yield { kind: "left-out", what: "edit", why: "it is not the latest, not its author's, or of no message here", at }
  for (const { used, at } of [...reactions.values()].flat())
    if (!used) yield { kind: "left-out", what: "reaction", why: "it is of no message here", at }
}
