// Which of two updates at once came later is known only from their answers, in whichever order these arrive.
import { describe, expect, test } from "@jest/globals"
import type { Answer } from "../load/client.ts"
import { createLedger } from "../load/ledger.ts"
import { createReplica } from "./replica.ts"
import { findNotOvertaken, findUntold } from "./untold.ts"

const START = Date.UTC(2026, 10, 1)
const at = (ms: number): string => new Date(START + ms).toISOString()

/** A message that is known to a reader as it was created, and then given text and metadata at once. */
function givenRivals() {
  const ledger = createLedger("run")
  const application = ledger.beginCreation("application", undefined, "test")
  const chat = ledger.beginCreation("chat", application, "test")
  const message = ledger.beginCreation("message", chat, "test")
  const body = { number: 1, created_at: at(0), updated_at: at(0) }
  ledger.acknowledge(chat.creation, { body } as Answer)
  ledger.acknowledge(message.creation, { body } as Answer)
  const replica = createReplica({ chat: 0, wrong: () => {}, mayBeLost: () => false })
  replica.take({ id: "1", type: "message.created", at: at(0), chat_number: 1, number: 1, data: {} })
  const rivals = ledger.beginRivals(message)
  for (const write of rivals) ledger.attempt(write, { sentAt: START + 100, tookMs: 50, status: 200 } as Answer)
  const first = ledger.acknowledged.length
  const reader = { application, chat: undefined, from: "beginning" as const, beganAt: START, replica }
  const answer = (which: 0 | 1, ms: number) =>
    ledger.acknowledge(rivals[which], { body: { number: 1, updated_at: at(ms) } } as Answer, false)
  /** Returns what a page misses that was asked for and answered then, of what had been acknowledged before. */
  const missed = (askedMs: number, answeredMs: number, beforeEnd: () => void) => {
    const { untold, overtaken } = findUntold(reader, ledger.acknowledged, first, ledger.acknowledged.length)
    beforeEnd()
    const [askedAt, answeredAt] = [START + askedMs, START + answeredMs]
    return [...untold, ...findNotOvertaken(overtaken.map((write) => ({ write, askedAt, answeredAt })))]
  }
  return { answer, missed, rivals }
}

describe.each([
  [0, 1],
  [1, 0],
] as const)("a page without update %i, which was answered before", (answered, other) => {
  test("when the other was accepted while the page was read: misses nothing", () => {
    const { answer, missed } = givenRivals()
    answer(answered, 110)
    expect(missed(200, 300, () => answer(other, 250))).toEqual([])
  })

  test("when the other was accepted before it: misses that update", () => {
    const { answer, missed, rivals } = givenRivals()
    answer(answered, 110)
    expect(missed(200, 300, () => answer(other, 105))).toEqual([expect.stringContaining(rivals[answered].id)])
  })

  test("when the other was refused: misses that update", () => {
    const { answer, missed, rivals } = givenRivals()
    answer(answered, 110)
    const refuse = () => {
      rivals[other].outcome = "refused"
    }
    expect(missed(200, 300, refuse)).toEqual([expect.stringContaining(rivals[answered].id)])
  })
})
