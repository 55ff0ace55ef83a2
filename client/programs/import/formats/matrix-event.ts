// Turns an event of a Matrix room into an item.
import type { Item, JsonObject, JsonValue, Place } from "../format.ts"
import { isObject } from "../reading.ts"
import { idOf, objectOf, objectsOf, textOf, timeOf, told } from "../values.ts"
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
  const content = objectOf(event.content)
  if (type === "m.room.member") keepName(names, event)
  if (MESSAGES.has(type) && event.state_key === undefined) {
    if (editOf(event, at) === undefined) yield messageOf(event, content, room)
    return
  }
  if (type === "m.reaction" && isObject(content["m.relates_to"])) return
  const what = type === "m.room.encrypted" ? "encrypted message" : `system event (${textOf(type) ?? "without a type"})`
  const why = type === "m.room.encrypted" ? "the export has no key for it" : "it is not a message"
  yield { kind: "left-out", what, why, at }
}

function keepName(names: Names, { state_key, content }: JsonObject): void {
  const [user, name] = [idOf(state_key), textOf(objectOf(content).displayname)]
  if (user !== undefined && name !== undefined) names.set(user, name)
}

function messageOf(event: JsonObject, original: JsonObject, { chat, annotations, names, at }: Room): Item {
  const id = idOf(event.event_id)
  const sentMs = sentMsOf(event)
  if (id === undefined || sentMs === undefined) return { kind: "problem", why: "a message without an id or a time", at }
  if (Object.keys(original).length === 0)
    return { kind: "left-out", what: "redacted message", why: "only its place is in the export", at }
  if (original.msgtype === "m.bad.encrypted")
    return { kind: "left-out", what: "encrypted message", why: "the export has no key for it", at }
  const sender = idOf(event.sender)
  const edits = annotations.edits.get(id) ?? []
  const edit = latestEdit([...edits, ...bundledEdit(event, at)], sender)
  if (edit !== undefined) edit.used = true
  const content = edit?.content ?? original
  const reactions = annotations.reactions.get(id) ?? []
  for (const reaction of reactions) reaction.used = true
  const files = filesOf(content, event.type)
  const metadata = told({
    source_id: id,
    sender_name: sender === undefined ? undefined : names.get(sender),
    kind: { "m.emote": "emote", "m.notice": "notice" }[String(content.msgtype)],
    edited_at: edit === undefined ? undefined : timeOf(edit.sentMs),
    ...relatedTo(event),
    files,
    location: content.geo_uri,
    reactions: counted(reactions),
  })
  const sentAt = timeOf(sentMs)
  if (sentAt === undefined) return { kind: "problem", why: "a message with an impossible time", at }
  return {
    kind: "message",
    chat,
    id,
    body: bodyOf(content, event, files),
    sender: sender ?? null,
    sentAt,
    metadata,
    at,
  }
}

/** A server may put the latest edit of an event into it. */
function bundledEdit({ unsigned }: JsonObject, at: Place): Edit[] {
  const latest = objectOf(objectOf(unsigned)["m.relations"])["m.replace"]
  const found = isObject(latest) ? editOf(latest, at) : undefined
  return found === undefined ? [] : [found.edit]
}

function relatedTo(event: JsonObject): Record<string, string | undefined> {
  const { rel_type, event_id, is_falling_back, "m.in_reply_to": replied } = relationOf(event)
  const reply_to = idOf(objectOf(replied).event_id)
  if (rel_type !== "m.thread") return { reply_to }
  // In a thread, a reply that "falls back" is there only for clients that know of no threads.
  return { thread_id: idOf(event_id), reply_to: is_falling_back === true ? undefined : reply_to }
}

const FILES = new Set(["m.image", "m.file", "m.audio", "m.video"])

function filesOf(content: JsonObject, type: JsonValue | undefined): JsonObject[] {
  if (type !== "m.sticker" && !FILES.has(String(content.msgtype))) return []
  const info = objectOf(content.info)
  const url = textOf(content.url) ?? textOf(objectOf(content.file).url)
  const name = textOf(content.filename) ?? textOf(content.body)
  return [told({ name, url, type: type === "m.sticker" ? "sticker" : info.mimetype, bytes: info.size })]
}

/** Before version 1.13 of the specification, a reply began with the message that it is to, each line after "> ". */
const QUOTED = /^(?:> [^\n]*\n)+\n/u

function bodyOf(content: JsonObject, event: JsonObject, files: JsonObject[]): string {
  const body = textOf(content.body) ?? ""
  // The body of a file is its name; only if it has another name, the body is its caption.
  if (files.length > 0) return event.type !== "m.sticker" && body !== (content.filename ?? body) ? body : ""
  if (body === "") return pollText(content)
  return isObject(relationOf(event)["m.in_reply_to"]) ? body.replace(QUOTED, "") : body
}

function pollText(content: JsonObject): string {
  const poll = objectOf(POLL.map((name) => content[name]).find((value) => value !== undefined))
  const answers = objectsOf(poll.answers).map((answer) => `- ${extensibleText(answer)}`)
  const question = extensibleText(objectOf(poll.question))
  return question === "" ? extensibleText(content) : [question, ...answers].join("\n")
}

/** "m.text" is a list of representations; before it was stable, a text under another name. */
function extensibleText(content: JsonObject): string {
  const list = objectsOf(content["m.text"]).find(({ mimetype }) => mimetype === undefined || mimetype === "text/plain")
  return (
    textOf(list?.body) ??
    textOf(content["m.text"]) ??
    textOf(content["org.matrix.msc1767.text"]) ??
    textOf(content.body) ??
    ""
  )
}

function counted(reactions: Reaction[]): JsonObject[] {
  const users = new Map<string, Set<string>>()
  for (const { name, sender } of reactions) users.set(name, (users.get(name) ?? new Set()).add(sender ?? ""))
  return [...users].map(([name, who]) => ({ name, count: who.size, users: [...who].filter((user) => user !== "") }))
}
