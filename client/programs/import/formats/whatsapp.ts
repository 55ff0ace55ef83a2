/**
 * Reads what WhatsApp's "Export chat" writes: `_chat.txt` on iOS, `WhatsApp Chat with ….txt` on Android. The text has no
 * fixed form: the phone's language decides dates, times and words. A file is read twice: first all its heads, which
 * decide how its dates are meant, then its messages.
 */
import { createHash } from "node:crypto"
import type { Format, FormatOptions, Item, Place, SourceFile } from "../format.ts"
import { BadSource, head, lines, upToDamage } from "../reading.ts"
import { fileLeftOut } from "./export-files.ts"
import { clockOf, isTimezone } from "./local-time.ts"
import { type DateOrder, dayOf, orderFinder } from "./whatsapp-dates.ts"
import { kindOfWord } from "./whatsapp-periods.ts"
import { type Header, headerOf, plain, type Stamp, timeOfDay } from "./whatsapp-stamp.ts"
import { textOf } from "./whatsapp-text.ts"

export const whatsapp: Format = {
  name: "whatsapp",
  order: "source",
  async detects(source) {
    for await (const file of source.files()) if ((await shapeOf(file)) !== null) return true
    return false
  },
  async *read(source, options) {
    for await (const file of source.files()) {
      const shape = await shapeOf(file)
      if (shape !== null) yield* upToDamage(readChat(file, shape, options))
      else yield fileLeftOut(file)
    }
  },
}

/** Returns the shape of the first line of a chat, or null if the file is none. */
async function shapeOf(file: SourceFile): Promise<string | null> {
  if (!/\.txt$/iu.test(file.name)) return null
  const first = (await head(file)).split("\n").find((line) => line.trim() !== "")
  return headerOf(first ?? "")?.stamp.shape ?? null
}

/** A message, or a line of WhatsApp's own, with all its lines. */
type Entry = { line: number; stamp: Stamp; text: string }

/**
 * Yields the entries of a file. A line that does not begin as the first one does belongs to the message before it, as
 * does one that looks like the beginning of a message but has another shape.
 */
async function* entries(file: SourceFile, shape: string, maxBytes: number): AsyncGenerator<Entry> {
  let entry: Entry | null = null
  let last = 0
  for await (const { line, text: raw } of lines(file, maxBytes)) {
    const text = raw.replace(/\r$/u, "")
    const header: Header | null = headerOf(text)
    if (header?.stamp.shape === shape) {
      if (entry !== null) yield entry
      entry = { line, stamp: header.stamp, text: header.rest }
    } else if (entry !== null) {
      entry.text += "\n".repeat(line - last) + text
      if (entry.text.length > maxBytes)
        throw new BadSource(`a message has over ${maxBytes} characters`, { file: file.name, line: entry.line })
    }
    last = line
  }
  if (entry !== null) yield entry
}

const NO_OFFSET = "its times have no offset: give --timezone, such as Europe/Berlin"

/** What all heads of a file say together. */
type Survey = {
  order: DateOrder | null
  /** Whether words beside the time that are not known tell nothing: there is an hour that only a 24-hour clock has. */
  silent: boolean
  /** Authors with quotation marks in their names that come more than once. */
  quoted: Set<string>
  problems: { why: string; line: number; option?: "--timezone" | "--date-order" }[]
}

async function surveyed(file: SourceFile, shape: string, options: FormatOptions): Promise<Survey> {
  const finder = orderFinder(options.dateOrder)
  const problems: Survey["problems"] = []
  const seen = new Map<string, boolean>()
  let unknown: { word: string; line: number } | null = null
  let silent = false
  for await (const { line, stamp, text } of entries(file, shape, options.maxBytes)) {
    finder.see(stamp, line)
    if (stamp.word !== "" && kindOfWord(stamp.word) === "unknown") {
      unknown ??= { word: stamp.word, line }
      if (stamp.hour > 12) silent = true
    }
    const author = authorOf(text)?.author
    if (author !== undefined && QUOTE.test(author)) seen.set(author, seen.has(author))
  }
  const found = finder.found()
  if ("why" in found) problems.push(found)
  if (unknown !== null && !silent)
    problems.push({
      line: unknown.line,
      why: `"${unknown.word}" beside the time is not known: it may mean morning or afternoon, in a language not in the list`,
    })
  if (options.timezone === undefined) problems.push({ line: 1, why: NO_OFFSET, option: "--timezone" })
  else if (!isTimezone(options.timezone)) problems.push({ line: 1, why: `there is no time zone "${options.timezone}"` })
  const quoted = new Set([...seen].filter(([, again]) => again).map(([author]) => author))
  return { order: "order" in found ? found.order : null, silent, quoted, problems }
}

async function* readChat(file: SourceFile, shape: string, options: FormatOptions): AsyncGenerator<Item> {
  const { order, silent, quoted, problems } = await surveyed(file, shape, options)
  for (const { line, ...problem } of problems) yield { kind: "problem", ...problem, at: { file: file.name, line } }
  if (problems.length > 0 || order === null) return
  const instant = clockOf(options.timezone ?? "UTC")
  const ids = idMaker()
  let latest = Number.NEGATIVE_INFINITY
  yield { kind: "chat", chat: file.name, name: nameOf(file.name), metadata: { source: "whatsapp" } }
  for await (const entry of entries(file, shape, options.maxBytes)) {
    const at: Place = { file: file.name, line: entry.line }
    const [day, time] = [dayOf(entry.stamp, order), timeOfDay(entry.stamp, silent)]
    if (day === null || time === null) {
      yield { kind: "problem", why: `"${entry.stamp.text}" is not a date and time`, at }
      continue
    }
    const sent = instant(day + time, latest)
    latest = Math.max(latest, sent)
    const told = toldBy(entry, quoted)
    if (told.kind === "left-out") {
      yield { ...told, at }
      continue
    }
    if (told.missing)
      yield { kind: "left-out", what: "file of a message", why: "the chat was exported without media", at }
    const { body, sender } = told
    const id = ids(entry)
    const metadata = { source_id: id, ...told.metadata }
    yield { kind: "message", chat: file.name, id, body, sender, sentAt: new Date(sent).toISOString(), metadata, at }
  }
}

const OWN_LINE = { kind: "left-out", what: "system message", why: "WhatsApp wrote it, not a person" } as const

function toldBy(entry: Entry, quoted: Set<string>) {
  const written = authorOf(entry.text)
  if (written === null || (QUOTE.test(written.author) && !quoted.has(written.author))) return OWN_LINE
  const text = textOf(written.text, entry.stamp.shape.startsWith("["))
  if (text.kind === "own") return OWN_LINE
  if (text.kind === "left-out") return text
  const { author } = written
  return { ...text, sender: author, metadata: { sender_name: author, ...text.metadata } }
}

/** Names seldom have these, but lines such as `Ann changed the subject to "tea: at five"` do, which have no author. */
const QUOTE = /["“”„«»「」]/u

/** Returns who wrote a text, and what; null if there is no "Name: ". */
function authorOf(text: string): { author: string; text: string } | null {
  const end = text.search(/:(?: |$|\n)/u)
  const author = end < 0 ? "" : plain(text.slice(0, end))
  return author === "" || author.includes("\n") ? null : { author, text: text.slice(end + 1).replace(/^ /u, "") }
}

/**
 * Returns a function that makes the id of an entry, since the export has none. It is made of the entry, so that a later
 * export of the same chat from the same phone gives the same ids, though its first lines are others.
 */
function idMaker(): (entry: Entry) => string {
  const times = new Map<string, number>()
  return ({ stamp, text }) => {
    const hash = createHash("sha256").update(`${stamp.text}\n${text}`).digest("base64url").slice(0, 22)
    const before = times.get(hash) ?? 0
    times.set(hash, before + 1)
    return before === 0 ? hash : `${hash}-${before + 1}`
  }
}

/** Android names the file by the chat, iOS by nothing: there it is the folder that has the name. */
function nameOf(file: string): string | null {
  const parts = file.replace(/\.txt$/iu, "").split("/")
  const name = parts.findLast((part) => part !== "_chat")
  return name?.replace(/^WhatsApp[ -]Chat (?:with |mit |- )/u, "") ?? null
}
