// Makes what a source tells fit the limits of the API, and says what had to be changed or left out for that.
import type { Item, JsonObject, JsonValue, Place } from "./format.ts"
import { isObject } from "./reading.ts"

// The API's own limits.
export const BODY_MAX = 10_000
const NAME_MAX = 255
const METADATA_BYTES_MAX = 4_096
const METADATA_DEPTH_MAX = 8
const SENT_AHEAD_MAX_MS = 86_400_000

/** A long text is cut at white space if there is some within this share of its end, or else between two characters. */
const CUT_WITHIN = 0.2
/** RFC 3339, as far as its form goes. */
const TIME = /^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)$/

/** Returns whether a text is an RFC 3339 time. */
export const isTime = (text: string): boolean => TIME.test(text) && !Number.isNaN(Date.parse(text))

/** A message as the API takes it. */
export type NewMessage = { body: string; sender?: string; metadata?: JsonObject; sent_at?: string }
export type NewChat = { name?: string; metadata?: JsonObject }
/** Says what was left out or changed, and why. */
export type Tell = (what: string, why: string) => void

type Message = Extract<Item, { kind: "message" }>
type Chat = Extract<Item, { kind: "chat" }>

const codePoints = (text: string): number => {
  if (text.length <= NAME_MAX) return [...text].length
  let count = 0
  for (const _ of text) count++
  return count
}

/** Returns where the first `max` code points of the text end, as an index. */
function endOf(text: string, max: number): number {
  let count = 0
  let index = 0
  for (const character of text) {
    if (count++ === max) break
    index += character.length
  }
  return index
}

const wellFormed = (text: string, tell: Tell, what: string): string => {
  if (text.isWellFormed()) return text
  tell(`characters of ${what}`, "a half of a surrogate pair is no character; U+FFFD stands for it")
  return text.toWellFormed()
}

/** Cuts a text into parts of at most 10,000 code points, which together are the text. */
export function cut(text: string): string[] {
  const parts: string[] = []
  let rest = text
  while (rest.length > BODY_MAX) {
    const end = endOf(rest, BODY_MAX)
    if (end === rest.length) break
    const least = Math.floor(end * (1 - CUT_WITHIN))
    const space = rest.slice(least, end).search(/\s\S*$/)
    const at = space < 0 ? end : least + space + 1
    parts.push(rest.slice(0, at))
    rest = rest.slice(at)
  }
  return [...parts, rest]
}

/** Returns metadata with at most `depth` levels, and with U+FFFD for what is no character. */
function shallow(value: JsonValue, depth: number, tell: Tell, name: string): JsonValue | undefined {
  if (typeof value === "string") return wellFormed(value, tell, "metadata")
  if (typeof value !== "object" || value === null) return value
  if (depth === 0) {
    tell(`metadata ${name}`, `is nested deeper than ${METADATA_DEPTH_MAX} levels`)
    return undefined
  }
  if (Array.isArray(value))
    return value.map((member) => shallow(member, depth - 1, tell, name)).filter((member) => member !== undefined)
  const members = Object.entries(value).flatMap(([key, member]) => {
    const kept = shallow(member, depth - 1, tell, name)
    return kept === undefined ? [] : [[wellFormed(key, tell, "metadata"), kept] as const]
  })
  return Object.fromEntries(members)
}

const bytesOf = (value: JsonValue): number => Buffer.byteLength(JSON.stringify(value))

/** Returns metadata within the limits. If it is too large, its largest members are left out. */
export function fitMetadata(given: JsonObject, tell: Tell): JsonObject {
  const metadata: JsonObject = {}
  for (const [name, value] of Object.entries(given)) {
    const kept = shallow(value, METADATA_DEPTH_MAX - 1, tell, name)
    if (kept !== undefined) metadata[wellFormed(name, tell, "metadata")] = kept
  }
  while (bytesOf(metadata) > METADATA_BYTES_MAX) {
    const [largest = ""] = Object.keys(metadata).toSorted(
      (a, b) => bytesOf(metadata[b] ?? null) - bytesOf(metadata[a] ?? null),
    )
    tell(`metadata ${largest}`, `the metadata would have over ${METADATA_BYTES_MAX} bytes`)
    delete metadata[largest]
  }
  return metadata
}

export function fitChat({ name, metadata }: Pick<Chat, "name" | "metadata">, tell: Tell): NewChat {
  const trimmed = wellFormed(name ?? "", tell, "a chat's name").trim()
  const short = trimmed.slice(0, endOf(trimmed, NAME_MAX)).trim()
  if (short !== trimmed) tell("the end of a chat's name", `it has over ${NAME_MAX} characters: ${trimmed}`)
  const fitted = fitMetadata(metadata, tell)
  return { ...(short === "" ? {} : { name: short }), ...(Object.keys(fitted).length === 0 ? {} : { metadata: fitted }) }
}

function fitSender(sender: string | null, tell: Tell): string | undefined {
  if (sender === null || sender.trim() === "") return undefined
  const formed = wellFormed(sender, tell, "a sender")
  if (codePoints(formed) <= NAME_MAX) return formed
  tell("sender", `it has over ${NAME_MAX} characters: ${formed}`)
  return undefined
}

function fitTime(sentAt: string | null, tell: Tell, now: number): string | undefined {
  if (sentAt === null) return undefined
  const time = isTime(sentAt) ? Date.parse(sentAt) : Number.NaN
  if (time >= 0 && time <= now + SENT_AHEAD_MAX_MS) return sentAt
  tell("sent_at", `${sentAt} is not an RFC 3339 time from 1970 to one day ahead`)
  return undefined
}

/** Returns what stands for the text of a message that has only files: their names or addresses, one a line. */
function filesAsText(files: JsonValue | undefined): string {
  if (!Array.isArray(files)) return ""
  const names = files.map((file) => (isObject(file) ? (file.name ?? file.url ?? "") : file))
  return names.filter((name) => typeof name === "string" && name.trim() !== "").join("\n")
}

/**
 * Returns the message as the API takes it: none if it has neither text nor files, several if its text is longer than the
 * API takes. Those have `part` and `parts` in their metadata, and the first of them the rest of it.
 */
export function fitMessage(message: Message, tell: Tell, now: number): NewMessage[] {
  const { metadata: given } = message
  const body = wellFormed(message.body.trim() === "" ? filesAsText(given.files) : message.body, tell, "a text")
  if (body.trim() === "") {
    tell("empty message", "it has neither a text nor a file with a name")
    return []
  }
  const sender = fitSender(message.sender, tell)
  const sentAt = fitTime(message.sentAt, tell, now)
  const bodies = cut(body).filter((part) => part.trim() !== "")
  return bodies.map((text, index) => {
    const numbered: JsonObject = bodies.length === 1 ? {} : { part: index + 1, parts: bodies.length }
    const own = index === 0 ? given : ofLaterPart(given)
    const metadata = fitMetadata({ ...own, ...numbered }, tell)
    return {
      body: text,
      ...(sender === undefined ? {} : { sender }),
      ...(Object.keys(metadata).length === 0 ? {} : { metadata }),
      ...(sentAt === undefined ? {} : { sent_at: sentAt }),
    }
  })
}

/** Only what a later part needs to be recognised; what was said about the whole, such as reactions, stands in the first. */
const ofLaterPart = ({ source_id, sender_name, thread_id }: JsonObject): JsonObject =>
  Object.fromEntries(
    Object.entries({ source_id, sender_name, thread_id }).filter(
      (entry): entry is [string, JsonValue] => entry[1] !== undefined,
    ),
  )

/** Returns where it stands, for people. */
export const placeText = ({ file, line, path }: Place): string =>
  [file, line === undefined ? undefined : `line ${line}`, path].filter((part) => part !== undefined).join(", ")
