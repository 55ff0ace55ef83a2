/**
 * Rocket.Chat, in one of two forms, as NDJSON or a JSON array. Either what mongoexport writes of the collections
 * `rocketchat_room` and `rocketchat_message` (https://www.mongodb.com/docs/database-tools/mongoexport): all that there is,
 * with ids. Or what "Export messages" of a room writes (https://docs.rocket.chat, rooms.export of its API): a file for
 * each room, with user names and without ids, threads and reactions.
 */
import type { Format, Item, JsonObject, JsonValue, Place, SourceFile } from "../format.ts"
import { BadSource, head, isObject, lines, parsed, parts, upToDamage } from "../reading.ts"
import { attachedText, idOf, numberOf, objectOf, objectsOf, textOf, textsOf, timeOf, told } from "../values.ts"

const DATA = /\.(?:json|jsonl|ndjson)$/
const KINDS: Record<string, string> = { c: "public channel", p: "private channel", d: "direct message", l: "live chat" }
/** Members that all messages of each form have. */
const OF_MESSAGES = /"rid"\s*:|"_id"\s*:[^\n]*"usersCount"\s*:/
const OF_ROOM_EXPORT = /"msg"\s*:[^\n]*"username"\s*:[^\n]*"ts"\s*:/

export const rocketchat: Format = {
  name: "rocketchat",
  order: "time",

  async detects(source) {
    for await (const file of source.files()) {
      if (!isData(file)) continue
      const start = await head(file)
      if (/^\uFEFF?\s*\[?\s*\{/.test(start) && (OF_MESSAGES.test(start) || OF_ROOM_EXPORT.test(start))) return true
    }
    return false
  },

  async *read(source, { maxBytes }) {
    for await (const file of source.files()) {
      const at = { file: file.name }
      if (isData(file)) yield* upToDamage(readFile(file, maxBytes))
      else yield { kind: "left-out", what: "file", why: "files are not imported; their messages name them", at }
    }
  },
}

/** Files of messages stand at the top; those below are what was attached to them. */
const isData = ({ name }: SourceFile): boolean => DATA.test(name) && !name.includes("/")

async function* readFile(file: SourceFile, maxBytes: number): AsyncGenerator<Item> {
  const room = file.name.replace(DATA, "")
  let isNamed = false
  for await (const { value, at } of documents(file, maxBytes)) {
    try {
      if (!isObject(value)) throw new BadSource("is not a JSON object", at)
      const isExport = !("rid" in value) && "msg" in value
      if (isExport && !isNamed) yield { kind: "chat", chat: room, name: room, metadata: { source: "rocketchat" } }
      isNamed ||= isExport
      if (isExport) yield ofExport(value, room, at)
      else if ("rid" in value) yield ofMessage(value, at)
      else yield ofRoom(value, at)
    } catch (error) {
      if (!(error instanceof BadSource)) throw error
      yield { kind: "problem", why: error.message, at: error.at }
    }
  }
}

async function* documents(file: SourceFile, maxBytes: number): AsyncGenerator<{ value: JsonValue; at: Place }> {
  if (/^\uFEFF?\s*\[/.test(await head(file))) {
    for await (const { path, value } of parts(file, ["$.*"], maxBytes))
      yield { value, at: { file: file.name, path: `[${path.join(".")}]` } }
    return
  }
  for await (const { line, text } of lines(file, maxBytes)) {
    const at = { file: file.name, line }
    yield { value: parsed(text, at), at }
  }
}

/** Returns a time: text, or in one of the forms of MongoDB's extended JSON. */
function dateOf(value: JsonValue | undefined): string | undefined {
  const date = isObject(value) ? (value.$date ?? null) : (value ?? null)
  const milliseconds = isObject(date) ? Number(date.$numberLong) : date
  if (typeof milliseconds === "string") return timeOf(Date.parse(milliseconds))
  return timeOf(numberOf(milliseconds))
}

/** Returns an id, which in rare cases is an ObjectId. */
const mongoId = (value: JsonValue | undefined): string | undefined => idOf(value) ?? textOf(objectOf(value).$oid)

function ofRoom(room: JsonObject, at: Place): Item {
  const id = mongoId(room._id)
  const kind = KINDS[textOf(room.t) ?? ""]
  if (id === undefined || kind === undefined) throw new BadSource("is neither a message nor a room", at)
  const name = textOf(room.fname) ?? textOf(room.name) ?? (textsOf(room.usernames).join(", ") || null)
  const metadata = told({
    ...{ source: "rocketchat", source_id: id, kind, topic: room.topic, purpose: room.description },
    archived: room.archived,
  })
  return { kind: "chat", chat: id, name, metadata }
}

/** Returns why a message of this type (`t`) is no message of a person; undefined if it is one. */
function noticeOf(type: string | undefined, hidden: boolean): [string, string] | undefined {
  if (hidden) return ["former version", "a message was changed since"]
  if (type === undefined) return undefined
  if (type === "rm") return ["deleted message", "it was deleted"]
  if (type === "e2e") return ["encrypted message", "its text is encrypted end to end"]
  return ["notice", `${type}: Rocket.Chat's own notice`]
}

function ofMessage(message: JsonObject, at: Place): Item {
  const id = mongoId(message._id)
  const chat = mongoId(message.rid)
  const sentAt = dateOf(message.ts)
  if (id === undefined || chat === undefined || sentAt === undefined)
    throw new BadSource("_id, rid or ts: is missing or no time", at)
  const notice = noticeOf(textOf(message.t), message._hidden === true)
  if (notice !== undefined) return { kind: "left-out", what: notice[0], why: notice[1], at }
  const user = objectOf(message.u)
  const metadata = told({
    source_id: id,
    sender_name: textOf(user.name) ?? textOf(message.alias) ?? textOf(user.username),
    username: user.username,
    thread_id: mongoId(message.tmid),
    edited_at: dateOf(message.editedAt),
    pinned: message.pinned,
    files: filesOf(message),
    reactions: Object.entries(objectOf(message.reactions)).map(([name, given]) => {
      const users = textsOf(objectOf(given).usernames)
      return { name: name.replaceAll(":", ""), users, count: users.length }
    }),
  })
  const body = textOf(message.msg) ?? attachedText(message.attachments)
  return {
    kind: "message",
    chat,
    id,
    body,
    sender: mongoId(user._id) ?? textOf(user.username) ?? null,
    sentAt,
    metadata,
    at,
  }
}

/** A message of a room's own export. It has no id, so its place stands for it. */
function ofExport(message: JsonObject, chat: string, at: Place): Item {
  const sentAt = dateOf(message.ts)
  if (sentAt === undefined) throw new BadSource("ts: is not a time", at)
  const notice = noticeOf(textOf(message.type), false)
  if (notice !== undefined) return { kind: "left-out", what: notice[0], why: notice[1], at }
  const sender = textOf(message.username) ?? null
  const id = at.path ?? `${at.line}`
  const metadata = told({ sender_name: sender, files: filesOf(message) })
  return {
    kind: "message",
    chat,
    id,
    body: textOf(message.msg) ?? attachedText(message.attachments),
    sender,
    sentAt,
    metadata,
    at,
  }
}

/** Returns the files of a message: of attachments those that link to one. */
function filesOf(message: JsonObject): JsonObject[] {
  return objectsOf(message.attachments).flatMap((attachment) => {
    const { title, title_link, image_url, audio_url, video_url, image_type, audio_type, video_type } = attachment
    const url = textOf(title_link) ?? textOf(image_url) ?? textOf(audio_url) ?? textOf(video_url)
    if (url === undefined) return []
    return [
      told({ name: textOf(title) ?? textOf(attachment.fileName), url, type: image_type ?? audio_type ?? video_type }),
    ]
  })
}
