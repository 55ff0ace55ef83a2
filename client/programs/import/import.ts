// An import from its source to the API: survey, chats, messages.
import type { ApplicationHandle } from "../../src/application.ts"
import { FAILED, STOPPED } from "../failures.ts"
import { count, type Progress } from "../progress.ts"
import { createChats } from "./create-chats.ts"
import type { Format, FormatOptions, Source } from "./format.ts"
import { Report } from "./report.ts"
import { type Sending, sendChat } from "./send-chat.ts"
import { Spool } from "./spool.ts"
import { checkNoState, fingerprint, State } from "./state.ts"
import { holesOf, messagesDone, OtherSource } from "./steps.ts"
import { type SurveyedChat, survey } from "./survey.ts"

type Target = {
  url: string
  /** Whether the application is created for this import. */
  isNew: boolean
  /** Returns the application, and creates it before if it is new. */
  open(): Promise<ApplicationHandle>
}

export type Import = {
  source: Source
  format: Format
  options: FormatOptions
  /** Undefined for a dry run, in which nothing is sent. */
  target: Target | undefined
  statePath: string
  reportPath: string
  /** Chats that are sent side by side. */
  concurrency: number
  /** Whether the numbers of an export of this API are kept. */
  keeps: boolean
  signal: AbortSignal
  progress: Progress
  say(line: string): void
}

/** Runs an import and returns its exit code. */
export async function runImport(given: Import): Promise<number> {
  if (given.target?.isNew) await checkNoState(given.statePath)
  const spool = await Spool.create(`${given.statePath}.spool`)
  const report = new Report(given.reportPath)
  try {
    const chats = await surveyed(given, spool, report)
    if (chats === undefined) return STOPPED
    if (report.problems > 0) return FAILED
    if (given.target === undefined) {
      given.say("A dry run: nothing was sent.")
      return 0
    }
    return await send(given, given.target, { spool, report, chats })
  } finally {
    given.progress.end()
    await report.close()
    await spool.close()
    for (const line of report.summary()) given.say(line)
    if (report.problems > 0) given.say(`Nothing was imported. ${report.advice()}, and try again.`)
  }
}

/** Reads the source and says what is in it. Returns undefined if it was stopped. */
async function surveyed(given: Import, spool: Spool, report: Report): Promise<SurveyedChat[] | undefined> {
  const { source, format, options, progress, signal, keeps, say } = given
  let items = 0
  const each = () => {
    items++
    progress.show(() => `Reading: ${count(items, "item")}`)
    if (signal.aborted) throw new Stopped()
  }
  try {
    const chats = await survey({ source, format, options, spool, report }, each)
    progress.end()
    const messages = chats.reduce((sum, chat) => sum + chat.messages, 0)
    const parts = chats.reduce((sum, chat) => sum + chat.laterParts, 0)
    const split = parts === 0 ? "" : `, of which ${parts.toLocaleString("en")} go on with the long text before them`
    say(`${format.name}: ${count(chats.length, "chat")}, ${count(messages, "message")}${split}`)
    const holes = chats.reduce((sum, chat) => sum + holesOf({ spool, chat, keeps }), 0)
    if (holes > 0) say(`${count(holes, "placeholder")} to be created and deleted, so that messages keep their numbers`)
    return chats
  } catch (error) {
    if (error instanceof Stopped) return undefined
    throw error
  }
}

class Stopped extends Error {}

type Surveyed = { spool: Spool; report: Report; chats: SurveyedChat[] }

async function send(given: Import, { url, isNew, open }: Target, surveyed: Surveyed) {
  const { statePath, format, signal, progress, say, keeps } = given
  const { chats, spool } = surveyed
  const application = await open()
  const about = { url, application: fingerprint(application.token), format: format.name }
  const state = await State.open(statePath, about, () => greatestChat(application))
  const total = chats.reduce((sum, chat) => sum + chat.messages, 0)
  const doneOf = (chat: SurveyedChat) => messagesDone({ spool, chat, keeps }, state.chats.get(chat.id)?.done ?? 0)
  let done = chats.reduce((sum, chat) => sum + doneOf(chat), 0)
  if (state.isResumed) say(`Going on after ${count(done, "message")} that an earlier run has sent (${statePath}).`)
  const startedAt = performance.now()
  const first = done
  const sent = (messages: number) => {
    done += messages
    const perSecond = Math.round(((done - first) * 1000) / (performance.now() - startedAt))
    progress.show(() => `Sent: ${done.toLocaleString("en")} of ${count(total, "message")}, ${perSecond}/s`)
  }
  const sending: Sending = { application, state, signal, keeps, sent, ...surveyed }
  let goesOn = true
  try {
    await createChats(sending, chats)
    if (!signal.aborted) await sendAll(sending, given.concurrency, chats)
  } catch (error) {
    goesOn = !(error instanceof OtherSource)
    throw error
  } finally {
    await state.close()
    progress.end()
    if (done < total)
      say(`Sent ${done.toLocaleString("en")} of ${count(total, "message")}. ${goesOn ? howToGoOn(isNew) : ""}`.trim())
  }
  if (signal.aborted) return STOPPED
  const news = first < total ? "" : " All were there before."
  say(`Imported: ${count(chats.length, "chat")}, ${count(total, "message")}.${news} The state is kept in ${statePath}.`)
  return 0
}

const howToGoOn = (isNew: boolean): string =>
  isNew
    ? "The same command goes on, with the token above in CHAT_TOKEN instead of --create-application."
    : "The same command goes on."

async function greatestChat(application: ApplicationHandle): Promise<number> {
  for await (const { number } of application.chats({ order: "desc", limit: 1 })) return number
  return 0
}

/** Sends chats side by side, the largest first, so that the last one to end is not a large one that began late. */
async function sendAll(sending: Sending, concurrency: number, chats: SurveyedChat[]) {
  const left = chats.toSorted((a, b) => a.messages - b.messages)
  const stop = new AbortController()
  const own = { ...sending, signal: AbortSignal.any([sending.signal, stop.signal]) }
  const work = async (): Promise<void> => {
    for (let chat = left.pop(); chat !== undefined && !own.signal.aborted; chat = left.pop()) await sendChat(own, chat)
  }
  // When one fails, the others end what they are at, so that the state has all that was acknowledged.
  const failing = (error: unknown) => {
    stop.abort()
    throw error
  }
  const outcomes = await Promise.allSettled(Array.from({ length: concurrency }, () => work().catch(failing)))
  for (const outcome of outcomes) if (outcome.status === "rejected") throw outcome.reason
}
