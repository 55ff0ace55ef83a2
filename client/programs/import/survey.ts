// Reads a source as a whole, before anything is written: what is to be sent goes to the spool, the rest to the report.
import { fitChat, fitMessage, type NewChat } from "./fit.ts"
import type { Format, FormatOptions, Item, Source } from "./format.ts"
import { BadSource } from "./reading.ts"
import type { Report } from "./report.ts"
import type { Key, Spool } from "./spool.ts"

/** What a message of a numbered chat that has no number of its own comes after. */
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
}

type Found = { index: number; id: string; chat: NewChat; number?: number; numbered: boolean; gone: boolean; time: Key }
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
      else if (item.kind === "problem") report.problem(item.why, item.at)
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
    .map(({ index, id, chat, number, numbered }) => {
      return { index, id, chat, number, numbered, messages: spool.countOf(index) }
    })
    .sort((a, b) => (a.number ?? AFTER_NUMBERS) - (b.number ?? AFTER_NUMBERS) || a.index - b.index)
}

function foundChat(chats: Chats, id: string): Found {
  const known = chats.get(id)
  if (known !== undefined) return known
  const found: Found = { index: chats.size, id, chat: {}, numbered: false, gone: false, time: Number.NEGATIVE_INFINITY }
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
  if (item.number !== undefined) found.numbered = true
  const key = item.number ?? (found.numbered ? AFTER_NUMBERS + found.index : orderOf(format, found, item.sentAt))
  for (const message of fitMessage(item, tell, now)) await spool.add(found.index, key, message)
}

/** A message without a time stays behind the one before it. */
function orderOf(format: Format, found: Found, sentAt: string | null): Key {
  if (format.order === "source") return 0
  const time = sentAt === null ? Number.NaN : Date.parse(sentAt)
  if (!Number.isNaN(time)) found.time = time
  return found.time
}
