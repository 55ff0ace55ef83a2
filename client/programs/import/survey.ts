// Reads a source as a whole, before anything is written: what is to be sent goes to the spool, the rest to the report.
import { BODY_MAX, fitChat, fitMessage, type NewChat } from "./fit.ts"
import type { Format, FormatOptions, Item, Source } from "./format.ts"
import { BadSource } from "./reading.ts"
import type { Report } from "./report.ts"
import type { Key, Spool } from "./spool.ts"

/** Where chats without numbers come: after those that have some. */
const AFTER_NUMBERS: Key = 2 ** 40

export type SurveyedChat = {
  /** Its place in the spool. */
  index: number
  /** The source's own id. */
  id: string
  chat: NewChat
  /** The number that it should get, if the source is an export of this API. */
  number: number | undefined
  /** Whether its messages have numbers that they should get. */
  numbered: boolean
  /** The number of messages to be sent. */
  messages: number
  /** How many of these are parts of a long text, its first ones left out. */
  laterParts: number
}

type Found = {
  index: number
  id: string
  chat: NewChat
  number?: number
  /** Unknown before its first message. */
  numbered?: boolean
  gone: boolean
  /** That of its last message, if messages are ordered by it. */
  time: Key
  laterParts: number
}
type Chats = Map<string, Found>
type Of<Kind extends Item["kind"]> = Extract<Item, { kind: Kind }>

export type Surveying = { source: Source; format: Format; options: FormatOptions; spool: Spool; report: Report }

/** Returns the chats of a source, in the order in which they are to be created. Problems are in the report. */
export async function survey(surveying: Surveying, each: () => void = () => undefined): Promise<SurveyedChat[]> {
  const { source, format, options, spool, report } = surveying
  const chats: Chats = new Map()
  const now = Date.now()
  try {
    for await (const item of format.read(source, options)) {
      each()
      if (item.kind === "message") await addMessage(surveying, chats, item, now)
      else if (item.kind === "chat") addChat(report, chats, item)
      else if (item.kind === "deleted") await addDeleted(spool, chats, item)
      else if (item.kind === "problem") report.problem(item.why, item.at, item.option)
      else report.leftOut(item)
      await report.flush()
    }
  } catch (error) {
    if (!(error instanceof BadSource)) throw error
    report.problem(error.message, error.at)
  }
  const found = [...chats.values()]
  await spool.sort(found.length, (index) => found[index]?.numbered === true)
  return found
    .filter(({ gone }) => !gone)
    .map(({ index, id, chat, number, numbered, laterParts }) => {
      return { index, id, chat, number, numbered: numbered === true, messages: spool.countOf(index), laterParts }
    })
    .sort((a, b) => (a.number ?? AFTER_NUMBERS) - (b.number ?? AFTER_NUMBERS) || a.index - b.index)
}

function foundChat(chats: Chats, id: string): Found {
  const known = chats.get(id)
  if (known !== undefined) return known
  const found: Found = { index: chats.size, id, chat: {}, gone: false, time: Number.NEGATIVE_INFINITY, laterParts: 0 }
  chats.set(id, found)
  return found
}

function addChat(report: Report, chats: Chats, item: Of<"chat">): void {
  const found = foundChat(chats, item.chat)
  found.chat = fitChat(item, (what, why) => report.leftOut({ what, why, at: { file: "" }, chat: item.chat }))
  if (item.number !== undefined) found.number = item.number
}

async function addDeleted(spool: Spool, chats: Chats, { chat, number }: Of<"deleted">): Promise<void> {
  const found = foundChat(chats, chat)
  if (number === null) found.gone = true
  else await spool.add(found.index, number, null)
}

async function addMessage(
  { spool, report, format }: Surveying,
  chats: Chats,
  item: Of<"message">,
  now: number,
): Promise<void> {
  const found = foundChat(chats, item.chat)
  const tell = (what: string, why: string) => report.leftOut({ what, why, at: item.at, chat: item.chat, id: item.id })
  const isNumbered = item.number !== undefined
  if (found.numbered !== undefined && found.numbered !== isNumbered)
    return report.problem("some messages of the chat have numbers, and others have none", item.at)
  found.numbered = isNumbered
  const messages = fitMessage(item, tell, now)
  if (isNumbered && messages.length > 1) return report.problem("body: is longer than the API's own texts", item.at)
  if (messages.length > 1) {
    tell("long text", `it has over ${BODY_MAX.toLocaleString("en")} characters: split into ${messages.length} messages`)
    found.laterParts += messages.length - 1
  }
  for (const message of messages)
    await spool.add(found.index, item.number ?? orderOf(format, found, item.sentAt), message)
}

/** A message without a time stays behind the one before it. */
function orderOf(format: Format, found: Found, sentAt: string | null): Key {
  if (format.order === "source") return 0
  const time = sentAt === null ? Number.NaN : Date.parse(sentAt)
  if (!Number.isNaN(time)) found.time = time
  return found.time
}
