/**
 * DESIGN. A chat's messages are sent in order, one batch after the other, each all or none. Nothing is doubled by a crash
 * at any moment: what the state file does not know of yet is found by comparing the end of the chat with what would be
 * sent next; and a request that is still on its way then has the same Idempotency-Key as its repetition.
 */
import type { Message, MessageInput } from "../../src/api-types.ts"
import type { ApplicationHandle } from "../../src/application.ts"
import type { ChatHandle } from "../../src/chat.ts"
import { NotFoundError } from "../../src/errors.ts"
import type { Report } from "./report.ts"
import type { Spool } from "./spool.ts"
import { type ChatState, fingerprint, type State } from "./state.ts"
import { batched, holesOf, isPlaceholder, messagesDone, type Step, stepsAfter } from "./steps.ts"
import type { SurveyedChat } from "./survey.ts"

/** Placeholders of a chat that are deleted at the same time. */
const DELETES = 10

export type Sending = {
  application: ApplicationHandle
  spool: Spool
  state: State
  report: Report
  /** Whether the numbers of an export of this API are kept. */
  keeps: boolean
  /** Once aborted, no further request is begun. */
  signal: AbortSignal
  sent(messages: number): void
}

/** Sends what is missing of a chat that was created. */
export async function sendChat(sending: Sending, chat: SurveyedChat): Promise<void> {
  const { application, state, signal } = sending
  let at = state.chats.get(chat.id) as ChatState
  const handle = application.chat(at.number)
  if (state.isResumed) at = await caughtUp(sending, chat, handle, at)
  let kept = true
  for await (const batch of batched(stepsAfter({ ...sending, chat }, at))) {
    if (signal.aborted) return
    const numbers = await sendBatch(sending, handle, at, batch)
    const hash = (batch.at(-1) as Step).hash
    const before = at.done
    at = { ...at, done: before + batch.length, last: numbers.at(-1) as number, hash }
    await state.add(at)
    tellSent(sending, chat, before, at.done)
    const moved = batch.findIndex(({ number }, index) => number !== undefined && number !== numbers[index])
    if (moved >= 0 && kept) tellMoved(sending, chat, batch[moved] as Step, numbers[moved] as number)
    kept &&= moved < 0
  }
  if (at.cleared || holesOf({ ...sending, chat }) === 0) return
  if (await clear(handle, signal)) await state.add({ ...at, cleared: true })
}

function sendBatch(
  { state }: Sending,
  handle: ChatHandle,
  { done, chat }: ChatState,
  batch: Step[],
): Promise<number[]> {
  const about = JSON.stringify([state.head.id, chat, done, batch.length, batch.at(-1)?.hash])
  const messages = batch.map(({ json }) => JSON.parse(json) as MessageInput)
  return handle.sendBatch(messages, { idempotencyKey: `import-${fingerprint(about)}` })
}

/** Returns the state with all that an earlier run has sent and not noted. */
async function caughtUp(
  sending: Sending,
  chat: SurveyedChat,
  handle: ChatHandle,
  known: ChatState,
): Promise<ChatState> {
  let at = known
  const steps = stepsAfter({ ...sending, chat }, at)
  let { value: step } = await steps.next()
  if (step === undefined) return at
  for await (const message of handle.messages({ after: at.last })) {
    // What somebody else has written meanwhile is passed over.
    if (step === undefined || !isSame(message, step)) continue
    at = { ...at, done: at.done + 1, last: message.number, hash: step.hash }
    step = (await steps.next()).value
  }
  await steps.return(undefined)
  if (at !== known) await sending.state.add(at)
  tellSent(sending, chat, known.done, at.done)
  return at
}

/** Tells how many messages of the source were among the steps from one to another. */
function tellSent(sending: Sending, chat: SurveyedChat, from: number, to: number): void {
  const stepping = { ...sending, chat }
  sending.sent(messagesDone(stepping, to) - messagesDone(stepping, from))
}

function isSame(message: Message, { json }: Step): boolean {
  const { body, sender = null, sent_at = null, metadata = {} } = JSON.parse(json) as MessageInput
  return (
    message.body === body &&
    message.sender === sender &&
    JSON.stringify(message.metadata) === JSON.stringify(metadata) &&
    (message.sent_at === null ? sent_at === null : Date.parse(message.sent_at) === Date.parse(sent_at ?? ""))
  )
}

function tellMoved({ report }: Sending, chat: SurveyedChat, { number }: Step, got: number): void {
  const why = `message ${number} of the chat has become ${got}, and those after it are moved too: somebody else wrote into it`
  report.leftOut({ what: "numbers of messages", why, at: { file: "" }, chat: chat.id })
}

/** Deletes the placeholders of a chat. Returns whether none is left. */
async function clear(handle: ChatHandle, signal: AbortSignal): Promise<boolean> {
  for await (const { data } of handle.messages().pages()) {
    const numbers = data.filter(({ metadata }) => isPlaceholder(metadata)).map(({ number }) => number)
    for (let from = 0; from < numbers.length; from += DELETES) {
      if (signal.aborted) return false
      await Promise.all(numbers.slice(from, from + DELETES).map((number) => unlessGone(handle.deleteMessage(number))))
    }
  }
  return true
}

/** Waits for a delete. What is not there any more needs none. */
export async function unlessGone(deleted: Promise<void>): Promise<void> {
  try {
    await deleted
  } catch (error) {
    if (!(error instanceof NotFoundError)) throw error
  }
}
