/**
 * NDJSON: the changes of this API as chat-export writes them, or lines that a program of one's own writes:
 * `{"chat": "general", "body": "Hello", "sender": "ann", "sent_at": "2026-01-31T09:00:00Z", "metadata": {}, "id": "1"}`,
 * of which only `chat` and `body` must be there. A line without `body` says what a chat is:
 * `{"chat": "general", "name": "General", "metadata": {}}`.
 */
import { isTime } from "../fit.ts"
import type { Format, Item, JsonObject, JsonValue, Place, SourceFile } from "../format.ts"
import { BadSource, head, isObject, lines, parsed, upToDamage } from "../reading.ts"

export const ndjson: Format = {
  name: "ndjson",
  order: "source",

  async detects(source) {
    for await (const file of source.files()) {
      const [first = ""] = (await head(file)).split("\n")
      // A line may be longer than what was read of it.
      return /^\uFEFF?\s*\{/.test(first) && (/"chat_number"\s*:/.test(first) || /"chat"\s*:/.test(first))
    }
    return false
  },

  async *read(source, { maxBytes }) {
    for await (const file of source.files()) yield* upToDamage(readFile(file, maxBytes))
  },
}

async function* readFile(file: SourceFile, maxBytes: number): AsyncGenerator<Item> {
  for await (const { line, text } of lines(file, maxBytes)) {
    const at = { file: file.name, line }
    try {
      const value = parsed(text, at)
      if (!isObject(value)) throw new BadSource("is not a JSON object", at)
      yield "chat_number" in value ? ofChange(value, at) : ofLine(value, at)
    } catch (error) {
      if (!(error instanceof BadSource)) throw error
      yield { kind: "problem", why: error.message, at: error.at }
    }
  }
}

/** Returns the member; undefined if it is missing or null. Throws a BadSource if it is of another type. */
function member<T extends JsonValue>(of: JsonObject, name: string, is: (value: JsonValue) => value is T, at: Place) {
  const value = of[name] ?? null
  if (value === null) return undefined
  if (!is(value)) throw new BadSource(`${name}: is of the wrong type`, at)
  return value
}

const isText = (value: JsonValue): value is string => typeof value === "string"
const isNumber = (value: JsonValue): value is number => Number.isInteger(value) && (value as number) > 0

/** Returns an id as text, which may be given as a number. */
function idIn(of: JsonObject, name: string, at: Place): string | null {
  const value = of[name] ?? null
  if (value === null || typeof value === "string") return value
  if (typeof value === "number") return String(value)
  throw new BadSource(`${name}: must be a text or a number`, at)
}

function timeIn(of: JsonObject, name: string, at: Place): string | undefined {
  const text = member(of, name, isText, at)
  if (text === undefined || isTime(text)) return text
  throw new BadSource(`${name}: "${text}" is not an RFC 3339 time, such as 2026-01-31T09:00:00Z`, at)
}

function ofLine(line: JsonObject, at: Place): Item {
  const chat = idIn(line, "chat", at)
  if (chat === null) throw new BadSource("chat: is missing", at)
  const metadata = member(line, "metadata", isObject, at) ?? {}
  if (!("body" in line)) return { kind: "chat", chat, name: member(line, "name", isText, at) ?? null, metadata }
  return {
    kind: "message",
    chat,
    id: idIn(line, "id", at) ?? `line ${at.line}`,
    body: member(line, "body", isText, at) ?? "",
    sender: member(line, "sender", isText, at) ?? null,
    sentAt: timeIn(line, "sent_at", at) ?? null,
    metadata,
    at,
  }
}

function ofChange(change: JsonObject, at: Place): Item {
  const type = member(change, "type", isText, at) ?? ""
  if (type === "application.updated")
    return { kind: "left-out", what: "change of the application", why: "only chats and messages are imported", at }
  const number = member(change, "chat_number", isNumber, at) ?? 0
  if (number === 0) throw new BadSource("chat_number: is missing", at)
  const chat = String(number)
  if (type === "chat.deleted") return { kind: "deleted", chat, number: null }
  const own = member(change, "number", isNumber, at) ?? 0
  if (type === "message.deleted" && own > 0) return { kind: "deleted", chat, number: own }
  const data = member(change, "data", isObject, at)
  if (data === undefined) throw new BadSource("data: is missing", at)
  const metadata = member(data, "metadata", isObject, at) ?? {}
  if (type === "chat.created" || type === "chat.updated")
    return { kind: "chat", chat, number, name: member(data, "name", isText, at) ?? null, metadata }
  if ((type !== "message.created" && type !== "message.updated") || own === 0)
    throw new BadSource(`type: "${type}" is none that chat-export writes`, at)
  return {
    kind: "message",
    chat,
    id: String(own),
    number: own,
    body: member(data, "body", isText, at) ?? "",
    sender: member(data, "sender", isText, at) ?? null,
    sentAt: timeIn(data, "sent_at", at) ?? timeIn(data, "created_at", at) ?? null,
    metadata,
    at,
  }
}
