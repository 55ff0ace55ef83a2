// Turns an event of a Matrix room into an item.
import type { Item, JsonObject, JsonValue, Place } from "../format.ts"
import { isObject } from "../reading.ts"
import { compact, idIn, objectIn, objectsIn, textIn } from "./json-values.ts"
import {
  type Annotations,
  type Edit,
  editOf,
  latestEdit,
  type Reaction,
  relationOf,
  sentMsOf,
} from "./matrix-annotations.ts"

/** The names of members, as the room has told so far. */
export type Names = Map<string, string>
export type Room = { chat: string; annotations: Annotations; names: Names; at: Place }

const POLL = ["m.poll.start", "org.matrix.msc3381.poll.start"] as const
const MESSAGES = new Set<JsonValue | undefined>(["m.room.message", "m.sticker", ...POLL])

/** Yields what an event says: at most one message. Edits and reactions of others come with their messages. */
export function* itemOf(event: JsonObject, room: Room): Generator<Item> {
  const { at, names } = room
  const { type } = event
  const content = objectIn(event.content)
  if (type === "m.room.member") keepName(names, event)
  if (MESSAGES.has(type) && event.state_key === undefined) {
    if (editOf(event, at) === null) yield messageOf(event, content, room)
    return
  }
  if (type === "m.reaction" && isObject(content["m.relates_to"])) return
  const what = type === "m.room.encrypted" ? "encrypted message" : `system event (${textIn(type) ?? "without a type"})`
  const why = type === "m.room.encrypted" ? "the export has no key for it" : "it is not a message"
  yield { kind: "left-out", what, why, at }
}

function keepName(names: Names, { state_key, content }: JsonObject): void {
  const [user, name] = [idIn(state_key), textIn(objectIn(content).displayname)]
  if (user !== null && name !== null) names.set(user, name)
}

function messageOf(event: JsonObject, original: JsonObject, { chat, annotations, names, at }: Room): Item {
  const id = idIn(event.event_id)
  const sentMs = sentMsOf(event)
  if (id === null || sentMs === null) return { kind: "problem", why: "a message without an id or a time", at }
  if (Object.keys(original).length === 0)
    return { kind: "left-out", what: "redacted message", why: "only its place is in the export", at }
  if (original.msgtype === "m.bad.encrypted")
    return { kind: "left-out", what: "encrypted message", why: "the export has no key for it", at }
  const sender = idIn(event.sender)
  const edits = annotations.edits.get(id) ?? []
  const edit = latestEdit([...edits, ...bundledEdit(event, at)], sender)
  if (edit !== null) edit.used = true
  const content = edit?.content ?? original
  const reactions = annotations.reactions.get(id) ?? []
  for (const reaction of reactions) reaction.used = true
  const files = filesOf(content, event.type)
  const metadata = compact({
    source_id: id,
    sender_name: sender === null ? null : names.get(sender),
    type: { "m.emote": "emote", "m.notice": "notice" }[String(content.msgtype)],
    edited_at: edit === null ? null : timeOf(edit.sentMs),
    ...relatedTo(event),
    files,
    location: content.geo_uri,
    reactions: counted(reactions),
  })
  const sentAt = timeOf(sentMs)
  if (sentAt === null) return { kind: "problem", why: "a message with an impossible time", at }
  return { kind: "message", chat, id, body: bodyOf(content, event, files), sender, sentAt, metadata, at }
}

/** A server may put the latest edit of an event into it. */
function bundledEdit({ unsigned }: JsonObject, at: Place): Edit[] {
  const latest = objectIn(objectIn(unsigned)["m.relations"])["m.replace"]
  const found = isObject(latest) ? editOf(latest, at) : null
  return found === null ? [] : [found.edit]
}

/** The last instant that a Date can have. */
const DATE_MAX_MS = 8.64e15
const timeOf = (ms: number): string | null => (Math.abs(ms) <= DATE_MAX_MS ? new Date(ms).toISOString() : null)

function relatedTo(event: JsonObject): { thread_id?: string | null; reply_to?: string | null } {
  const { rel_type, event_id, is_falling_back, "m.in_reply_to": replied } = relationOf(event)
  const reply_to = idIn(objectIn(replied).event_id)
  if (rel_type !== "m.thread") return { reply_to }
  // In a thread, a reply that "falls back" is there only for clients that know of no threads.
  return { thread_id: idIn(event_id), reply_to: is_falling_back === true ? null : reply_to }
}

const FILES = new Set(["m.image", "m.file", "m.audio", "m.video"])

function filesOf(content: JsonObject, type: JsonValue | undefined): JsonObject[] {
  if (type !== "m.sticker" && !FILES.has(String(content.msgtype))) return []
  const info = objectIn(content.info)
  const url = textIn(content.url) ?? textIn(objectIn(content.file).url)
  const name = textIn(content.filename) ?? textIn(content.body)
  return [compact({ name, url, type: type === "m.sticker" ? "sticker" : info.mimetype, bytes: info.size })]
}

/** Before version 1.13 of the specification, a reply began with the message that it is to, each line after "> ". */
const QUOTED = /^(?:> [^\n]*\n)+\n/u

function bodyOf(content: JsonObject, event: JsonObject, files: JsonObject[]): string {
  const body = textIn(content.body) ?? ""
  // The body of a file is its name; only if it has another name, the body is its caption.
  if (files.length > 0) return event.type !== "m.sticker" && body !== (content.filename ?? body) ? body : ""
  if (body === "") return pollText(content)
  return isObject(relationOf(event)["m.in_reply_to"]) ? body.replace(QUOTED, "") : body
}

function pollText(content: JsonObject): string {
  const poll = objectIn(POLL.map((name) => content[name]).find((value) => value !== undefined))
  const answers = objectsIn(poll.answers).map((answer) => `- ${extensibleText(answer)}`)
  const question = extensibleText(objectIn(poll.question))
  return question === "" ? extensibleText(content) : [question, ...answers].join("\n")
}

/** "m.text" is a list of representations; before it was stable, a text under another name. */
function extensibleText(content: JsonObject): string {
  const list = objectsIn(content["m.text"]).find(({ mimetype }) => mimetype === undefined || mimetype === "text/plain")
  return (
    textIn(list?.body) ??
    textIn(content["m.text"]) ??
    textIn(content["org.matrix.msc1767.text"]) ??
    textIn(content.body) ??
    ""
  )
}

function counted(reactions: Reaction[]): JsonObject[] {
  const users = new Map<string, Set<string>>()
  for (const { name, sender } of reactions) users.set(name, (users.get(name) ?? new Set()).add(sender ?? ""))
  return [...users].map(([name, who]) => ({ name, count: who.size, users: [...who].filter((user) => user !== "") }))
}
