/**
 * Slack's export, as a zip or unpacked (https://slack.com/help/articles/220556107-How-to-read-Slack-data-exports):
 * lists of channels and users, and a folder for each channel with a file for each day. The messages are those of Slack's
 * API (https://docs.slack.dev/reference/events/message).
 */
import type { Format, Item, JsonObject, JsonValue, Place, Source, SourceFile } from "../format.ts"
import { BadSource, isObject, json, upToDamage } from "../reading.ts"
import { attachedText, idOf, numberOf, objectOf, objectsOf, textOf, textsOf, timeOf, told } from "../values.ts"
import { type Names, plainText } from "./slack-text.ts"

/** Which files list channels, and what these are. */
const CHANNELS: Record<string, string> = {
  "channels.json": "public channel",
  "groups.json": "private channel",
  "mpims.json": "group direct message",
  "dms.json": "direct message",
}
const USERS = /^(?:org_)?users\.json$/
const DAY = /^([^/]+)\/\d{4}-\d\d-\d\d\.json$/
const SECOND_MS = 1_000
const THOUSANDTHS = 3

/** Notices that Slack writes itself, and what is said of them. */
const NOTICES: [RegExp, string][] = [
  [/^(?:channel|group)_(?:join|leave)$/, "join or leave"],
  [/^(?:channel|group)_(?:topic|purpose|name|convert.*)$/, "change of a channel"],
  [/^(?:channel|group)_(?:archive|unarchive|posting_permissions)$/, "change of a channel"],
  [/^(?:un)?pinned_item$/, "pin"],
  [/^(?:bot|app)_(?:add|remove|enable|disable)$|^bot_(?:add|remove)$/, "change of apps"],
  [/^(?:reminder_add|huddle_thread|sh_room_created|channel_canvas_updated|assistant_app_thread)$/, "notice"],
  [/^(?:tombstone|message_deleted)$/, "deleted message"],
  [/^(?:message_changed|message_replied|ekm_access_denied)$/, "notice"],
]

type Lists = {
  /** By the folder of their days. */
  channels: Map<string, JsonObject>
  names: Names
  kinds: Map<string, string>
  problems: Item[]
}

export const slack: Format = {
  name: "slack",
  order: "time",

  async detects(source) {
    const names = new Set<string>()
    let hasDays = false
    for await (const { name } of source.files()) {
      names.add(name)
      hasDays ||= DAY.test(name)
    }
    return (
      [...names].some((name) => USERS.test(name)) && (hasDays || Object.keys(CHANNELS).some((name) => names.has(name)))
    )
  },

  async *read(source, { maxBytes }) {
    const lists = await readLists(source, maxBytes)
    yield* lists.problems
    for (const [folder, channel] of lists.channels) yield chatOf(folder, channel, lists)
    for await (const file of source.files()) {
      const folder = file.name.match(DAY)?.[1]
      const chat = folder === undefined ? "" : (idOf(lists.channels.get(folder)?.id) ?? folder)
      if (folder !== undefined) yield* upToDamage(readDay(file, chat, lists, maxBytes))
      else if (!(file.name in CHANNELS) && !USERS.test(file.name))
        yield { kind: "left-out", what: "file", why: "it has no messages of a channel", at: { file: file.name } }
    }
  },
}

/** Reads who and what there is. A channel is found by the folder of its days: its name, or the id of a direct message. */
async function readLists(source: Source, maxBytes: number): Promise<Lists> {
  const channels = new Map<string, JsonObject>()
  const kinds = new Map<string, string>()
  const users = new Map<string, string>()
  const problems: Item[] = []
  for await (const file of source.files()) {
    const kind = CHANNELS[file.name]
    if (kind === undefined && !USERS.test(file.name)) continue
    const add = (id: string, one: JsonObject) => {
      if (kind === undefined) return users.set(id, nameOfUser(one) ?? id)
      channels.set(kind === "direct message" ? id : (textOf(one.name) ?? id), one)
      return kinds.set(id, kind)
    }
    const problem = await readList(file, maxBytes, add)
    if (problem !== undefined) problems.push(problem)
  }
  const byId = new Map([...channels].map(([name, { id }]) => [idOf(id) ?? name, name]))
  return { channels, kinds, problems, names: { user: (id) => users.get(id), channel: (id) => byId.get(id) } }
}

/** Adds the entries of a list. Returns what is wrong with it, if anything is. */
async function readList(
  file: SourceFile,
  maxBytes: number,
  add: (id: string, one: JsonObject) => void,
): Promise<Item | undefined> {
  try {
    for (const one of objectsOf(await json(file, maxBytes))) {
      const id = idOf(one.id)
      if (id === undefined) throw new BadSource("an entry has no id", { file: file.name })
      add(id, one)
    }
    return undefined
  } catch (error) {
    if (!(error instanceof BadSource)) throw error
    return { kind: "problem", why: error.message, at: error.at }
  }
}

function nameOfUser(user: JsonObject): string | undefined {
  const profile = objectOf(user.profile)
  return textOf(profile.display_name) ?? textOf(profile.real_name) ?? textOf(user.real_name) ?? textOf(user.name)
}

function chatOf(folder: string, channel: JsonObject, { names, kinds }: Lists): Item {
  const id = idOf(channel.id) ?? folder
  const kind = kinds.get(id)
  const members = textsOf(channel.members).map((member) => names.user(member) ?? member)
  return {
    kind: "chat",
    chat: id,
    name: kind?.endsWith("direct message") ? members.join(", ") || folder : folder,
    metadata: told({
      source: "slack",
      source_id: id,
      kind,
      topic: objectOf(channel.topic).value,
      purpose: objectOf(channel.purpose).value,
      archived: channel.is_archived,
    }),
  }
}

async function* readDay(file: SourceFile, chat: string, { names }: Lists, maxBytes: number): AsyncGenerator<Item> {
  const messages = await json(file, maxBytes)
  if (!Array.isArray(messages)) {
    yield { kind: "problem", why: "is not a list of messages", at: { file: file.name } }
    return
  }
  for (const [index, message] of messages.entries()) {
    const at = { file: file.name, path: `[${index}]` }
    yield isObject(message) ? itemOf(message, chat, names, at) : { kind: "problem", why: "is not a message", at }
  }
}

function itemOf(message: JsonObject, chat: string, names: Names, at: Place): Item {
  const id = textOf(message.ts)
  const sentAt = timeOfTs(id)
  if (id === undefined || sentAt === undefined) return { kind: "problem", why: "ts: is not a time of Slack", at }
  const subtype = textOf(message.subtype) ?? ""
  const notice = NOTICES.find(([pattern]) => pattern.test(subtype))?.[1]
  if (notice !== undefined || message.hidden === true)
    return { kind: "left-out", what: notice ?? "hidden message", why: `${subtype || "hidden"}: Slack's own notice`, at }
  const thread = textOf(message.thread_ts)
  return {
    kind: "message",
    chat,
    id,
    body: bodyOf(message, names),
    sender: textOf(message.user) ?? textOf(message.bot_id) ?? textOf(message.username) ?? null,
    sentAt,
    metadata: told({
      source_id: id,
      sender_name: senderName(message, names),
      thread_id: thread === id ? undefined : thread,
      edited_at: timeOfTs(textOf(objectOf(message.edited).ts)),
      kind: subtype === "thread_broadcast" ? undefined : subtype,
      files: objectsOf(message.files).map(fileOf),
      reactions: objectsOf(message.reactions).map(({ name, users, count }) => told({ name, users, count })),
    }),
    at,
  }
}

function senderName(message: JsonObject, names: Names): string | undefined {
  const user = textOf(message.user)
  const known = user === undefined ? undefined : names.user(user)
  const profile = objectOf(message.user_profile)
  return (
    known ??
    textOf(profile.display_name) ??
    textOf(profile.real_name) ??
    textOf(message.username) ??
    textOf(objectOf(message.bot_profile).name)
  )
}

/** Returns the text, or if there is none that of what is attached to it, as messages of apps have it. */
function bodyOf(message: JsonObject, names: Names): string {
  const text = textOf(message.text)
  if (text !== undefined) return plainText(text, names)
  return plainText(attachedText(message.attachments), names)
}

function fileOf(file: JsonObject): JsonValue {
  const { id, name, title, mimetype, size, url_private, permalink } = file
  return told({
    id,
    name: name ?? title,
    url: withoutSecret(textOf(url_private) ?? textOf(permalink)),
    type: mimetype,
    bytes: numberOf(size),
  })
}

/** Returns an address without the export's secret (`?t=xoxe-…`), with which anyone could read the file. */
function withoutSecret(address: string | undefined): string | undefined {
  if (address === undefined || !URL.canParse(address)) return address
  const url = new URL(address)
  if (!url.searchParams.get("t")?.startsWith("xox")) return address
  url.searchParams.delete("t")
  return url.href
}

/** Returns the time of an id such as "1355517523.000005", whose digits after the point tell messages apart. */
function timeOfTs(ts: string | undefined): string | undefined {
  const found = ts?.match(/^(\d{1,11})\.(\d+)$/)
  if (!found) return undefined
  const [, seconds = "", fraction = ""] = found
  return timeOf(Number(seconds) * SECOND_MS + Number(fraction.padEnd(THOUSANDTHS, "0").slice(0, THOUSANDTHS)))
}
