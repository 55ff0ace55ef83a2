// Messages of several senders, and their erasure step by step.
import { type ChatApi, chatPath, expectStatus } from "./chat-api.ts"

/** The steps of an erasure that never ends are cut off here. */
const STEPS_MAX = 200

/** Creates messages with these senders, a hundred at once. Returns the numbers of each sender's. */
export async function givenSenders(
  api: ChatApi,
  token: string,
  chat: number,
  senders: readonly (string | null)[],
): Promise<Map<string | null, number[]>> {
  const numbers = new Map<string | null, number[]>()
  for (let at = 0; at < senders.length; at += 100) {
    const messages = senders.slice(at, at + 100).map((sender, index) => ({ body: `message ${at + index}`, sender }))
    const path = `${chatPath(token, chat)}/messages/batch`
    const { data } = expectStatus(await api.call({ method: "POST", path, json: { messages } }), 201)
    for (const { number, sender } of data) numbers.set(sender, [...(numbers.get(sender) ?? []), number])
  }
  return numbers
}

/** Erases a sender's messages, from `cursor` or the beginning. Returns how many each step deleted. */
export async function erase(
  api: ChatApi,
  token: string,
  chat: number,
  sender: string,
  cursor: string | null = null,
): Promise<number[]> {
  const steps: number[] = []
  let next = cursor
  do {
    const query = { sender, ...(next !== null && { cursor: next }) }
    const step = expectStatus(await api.eraseMessages(token, chat, query), 200)
    steps.push(step.deleted)
    next = step.next_cursor
  } while (next !== null && steps.length < STEPS_MAX)
  return steps
}

/** Returns the numbers of all living messages. */
export async function livingNumbers(api: ChatApi, token: string, chat: number): Promise<number[]> {
  const numbers: number[] = []
  for (let cursor: string | null = null; ; ) {
    const query: Record<string, string | number> = { limit: 100, ...(cursor !== null && { cursor }) }
    const page = expectStatus(await api.listMessages(token, chat, query), 200)
    numbers.push(...page.data.map(({ number }: { number: number }) => number))
    cursor = page.next_cursor
    if (cursor === null) return numbers
  }
}
