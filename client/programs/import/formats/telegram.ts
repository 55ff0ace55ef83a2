/**
 * Reads `result.json` of Telegram Desktop: one chat, or the whole archive with `chats.list` and `left_chats.list`. As its
 * writer has it (export_output_json.cpp), a chat's `name`, `type` and `id` come before its `messages`.
 */
import type { Format, FormatOptions, Item, JsonObject, JsonValue, Place, SourceFile } from "../format.ts"
import { type Part, parts, upToDamage } from "../reading.ts"
import { idOf, objectOf, textOf, told } from "../values.ts"
import { fileLeftOut, jsonHead } from "./export-files.ts"
import { clockOf, isTimezone } from "./local-time.ts"
import { mended } from "./telegram-escapes.ts"
import { bodyOf, filesOf, isMissing, metadataOf } from "./telegram-message.ts"

export const telegram: Format = {
  name: "telegram",
  order: "source",
  async detects(source) {
    for await (const file of source.files()) if (await isExport(file)) return true
    return false
  },
  async *read(source, options) {
    for await (const file of source.files()) {
      if (await isExport(file)) yield* upToDamage(readExport(mended(file), options))
      else yield fileLeftOut(file)
    }
  },
}

const PEER_OF = {
  saved_messages: "user",
  replies: "user",
  verification_codes: "user",
  personal_chat: "user",
  bot_chat: "user",
  private_group: "chat",
  private_supergroup: "channel",
  public_supergroup: "channel",
  private_channel: "channel",
  public_channel: "channel",
} as const
const TYPES = Object.keys(PEER_OF).join("|")
const ONE_CHAT = new RegExp(`"type":\\s*"(?:${TYPES})"`, "u")
const ARCHIVE = /"(?:personal_information|contacts|frequent_contacts|sessions|chats|left_chats)":\s*\{/u

async function isExport(file: SourceFile): Promise<boolean> {
  const start = await jsonHead(file)
  if (!/^\s*\{/u.test(start)) return false
  return (
    (ONE_CHAT.test(start) && /"messages":\s*\[/u.test(start)) || (ARCHIVE.test(start) && start.includes('"about":'))
  )
}

const CHAT = ["name", "type", "id", "messages.*"]
const PATHS = ["$", "$.chats.list.*", "$.left_chats.list.*"].flatMap((above) => CHAT.map((name) => `${above}.${name}`))
/** What else the archive of an account has, by a part that is small. */
const OTHER_PATHS: { [path: string]: string } = {
  "$.personal_information.user_id": "the account's own data",
  "$.profile_pictures.0": "profile pictures",
  "$.stories.0": "stories",
  "$.contacts.about": "contacts",
  "$.frequent_contacts.about": "frequent contacts",
  "$.sessions.about": "sessions",
  "$.web_sessions.about": "sessions of browsers",
  "$.other_data.about": "other data",
}

type Chat = { name: string | undefined; type: string | undefined; id: string | undefined; yielded: boolean }

async function* readExport(file: SourceFile, options: FormatOptions): AsyncGenerator<Item> {
  const times = timeReader(options)
  let above = ""
  let chat: Chat = { name: undefined, type: undefined, id: undefined, yielded: false }
  for await (const part of parts(file, [...PATHS, ...Object.keys(OTHER_PATHS)], options.maxBytes)) {
    const at = placeOf(file, part)
    const other = OTHER_PATHS[`$.${part.path.join(".")}`]
    if (other !== undefined) {
      yield { kind: "left-out", what: other, why: "only chats and their messages are imported", at }
      continue
    }
    const isMessage = part.path.at(-2) === "messages"
    const where = part.path.slice(0, isMessage ? -2 : -1).join(".")
    if (where !== above) chat = { name: undefined, type: undefined, id: undefined, yielded: false }
    above = where
    if (!isMessage) {
      const name = part.path.at(-1)
      if (name === "name" || name === "type") chat[name] = textOf(part.value)
      else chat.id = idOf(part.value)
      // A chat without messages is one as well.
      if (name === "id") yield* newChat(chat)
      continue
    }
    const key = keyOf(chat)
    if (key === undefined) {
      yield { kind: "problem", why: "messages before the id and the type of their chat", at }
      return
    }
    yield* newChat(chat)
    yield* itemsOf(objectOf(part.value), key, times, at)
  }
}

function placeOf(file: SourceFile, { path }: Part): Place {
  const text = path.map((name) => (typeof name === "number" ? `[${name}]` : `.${name}`)).join("")
  return { file: file.name, path: text.replace(/^\./u, "") }
}

/** Ids of users, groups and channels overlap; the export tells those of authors apart as "user1" and "channel1". */
function keyOf({ type, id }: Chat): string | undefined {
  const peer = PEER_OF[type as keyof typeof PEER_OF] ?? type
  return id === undefined || peer === undefined ? undefined : `${peer}${id}`
}

function* newChat(chat: Chat): Generator<Item> {
  const key = keyOf(chat)
  if (key === undefined || chat.yielded) return
  chat.yielded = true
  const metadata = told({ source: "telegram", source_id: key, kind: chat.type })
  yield { kind: "chat", chat: key, name: chat.name ?? null, metadata }
}

type TimeReader = (
  unixtime: JsonObject[string] | undefined,
  local: JsonObject[string] | undefined,
) => string | undefined

/**
 * Returns a function that reads a time, from seconds since 1970 or, in exports of before 2022 that have none, from a local
 * time; undefined if it is neither or if there is no time zone.
 */
function timeReader({ timezone }: FormatOptions): TimeReader {
  const instant = timezone !== undefined && isTimezone(timezone) ? clockOf(timezone) : undefined
  return (unixtime, local) => {
    if (typeof unixtime === "string" && /^\d{1,12}$/u.test(unixtime))
      return new Date(Number(unixtime) * 1_000).toISOString()
    const localMs = Date.parse(`${textOf(local)}Z`)
    if (instant === undefined || Number.isNaN(localMs)) return undefined
    return new Date(instant(localMs, Number.NEGATIVE_INFINITY)).toISOString()
  }
}

/** Returns what is wrong with a message that has no id or no time that can be read. */
function problemOf(id: string | undefined, local: JsonValue | undefined, at: Place): Item {
  if (id === undefined) return { kind: "problem", why: "a message without an id", at }
  if (Number.isNaN(Date.parse(`${textOf(local)}Z`))) return { kind: "problem", why: "a message without a time", at }
  const why = "a time without an offset: give --timezone, such as Europe/Berlin"
  return { kind: "problem", why, at, option: "--timezone" }
}

function* itemsOf(message: JsonObject, chat: string, times: TimeReader, at: Place): Generator<Item> {
  const id = idOf(message.id)
  const { type } = message
  if (type === "service") {
    const what = `system message (${textOf(message.action) ?? "other"})`
    yield { kind: "left-out", what, why: "Telegram wrote it, not a person", at }
    return
  }
  if (type === "unsupported") {
    yield { kind: "left-out", what: "unsupported message", why: "Telegram's export has nothing of it", at }
    return
  }
  const sentAt = times(message.date_unixtime, message.date)
  if (id === undefined || sentAt === undefined) {
    yield problemOf(id, message.date, at)
    return
  }
  const files = filesOf(message)
  if (files.some(isMissing)) {
    const why = "the export was made without it: change what is to be exported in Telegram"
    yield { kind: "left-out", what: "file of a message", why, at }
  }
  const metadata = metadataOf(message, files, times(message.edited_unixtime, message.edited))
  const body = bodyOf(message, files)
  yield { kind: "message", chat, id, body, sender: idOf(message.from_id) ?? null, sentAt, metadata, at }
}
