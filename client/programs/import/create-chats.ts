// Creates the chats of an import, in order, and keeps their numbers if the source is an export of this API.
import type { Chat } from "../../src/api-types.ts"
import type { NewChat } from "./fit.ts"
import { type Sending, unlessGone } from "./send-chat.ts"
import { fingerprint } from "./state.ts"
import { PLACEHOLDER } from "./steps.ts"
import type { SurveyedChat } from "./survey.ts"

const PLACEHOLDER_CHAT: NewChat = { metadata: PLACEHOLDER.metadata ?? {} }

/** Creates the chats that are missing. Without `keeps` or in an application that has chats, they get the next numbers. */
export async function createChats(sending: Sending, chats: SurveyedChat[]): Promise<void> {
  const { state, signal, keeps } = sending
  const unnoted = await chatsAfter(sending, state.lastChat)
  for (const chat of chats) {
    if (state.chats.has(chat.id)) continue
    while (keeps && chat.number !== undefined && state.lastChat + 1 < chat.number) {
      if (signal.aborted) return
      const number = await create(sending, PLACEHOLDER_CHAT, `placeholder before ${chat.id}`, unnoted)
      await state.add({ placeholder: number })
    }
    if (signal.aborted) return
    const number = await create(sending, chat.chat, chat.id, unnoted)
    await state.add({ chat: chat.id, number, done: 0, last: 0, hash: "" })
    if (keeps && chat.number !== undefined && chat.number !== number) tellMoved(sending, chat, number)
  }
  for (const placeholder of [...state.placeholders]) {
    if (signal.aborted) return
    await unlessGone(sending.application.chat(placeholder).delete())
    await state.add({ placeholder, gone: true })
  }
}

/** Returns the chats above this number in order: an earlier run may have created some and not noted it. */
async function chatsAfter({ application }: Sending, number: number): Promise<Chat[]> {
  const chats: Chat[] = []
  for await (const chat of application.chats({ order: "desc" })) {
    if (chat.number <= number) break
    chats.unshift(chat)
  }
  return chats
}

/** Creates a chat, unless an earlier run has. */
async function create({ application, state }: Sending, chat: NewChat, id: string, unnoted: Chat[]): Promise<number> {
  const made = unnoted.findIndex((one) => isSame(one, chat))
  if (made >= 0) return (unnoted.splice(0, made + 1).at(-1) as Chat).number
  const about = JSON.stringify([state.head.id, id, state.lastChat, chat])
  const { number } = await application.createChat(chat, { idempotencyKey: `import-${fingerprint(about)}` })
  return number
}

const isSame = (made: Chat, { name = "", metadata = {} }: NewChat): boolean =>
  made.messages_count === 0 && (made.name ?? "") === name && JSON.stringify(made.metadata) === JSON.stringify(metadata)

function tellMoved({ report }: Sending, chat: SurveyedChat, number: number): void {
  const why = `chat ${chat.number} has become ${number}: the application had chats already`
  report.leftOut({ what: "number of a chat", why, at: { file: "" }, chat: chat.id })
}
