/**
 * The two dead-letter queues, for the operator. A dead message holds an envelope, and the reason where a consumer gave
 * one; of a write event the outbox keeps the entry, marked dead.
 */
import type { Message } from "@aws-sdk/client-sqs"
import { z } from "zod"
import { IndexEvent, PersistEvent } from "../events.ts"
import type { Stores } from "../stores.ts"
import type { Sender } from "./sender.ts"

export type DeadLetter = { queue: "persist-writes" | "index-messages"; reason: string; sentAt: string; body: string }

const reasonOf = (message: Message): string => message.MessageAttributes?.reason?.StringValue ?? "received too often"

/** What lies in both queues now. Listing hides the messages for the visibility timeout of their queue. */
export async function listDeadLetters({ sqs, config }: Stores): Promise<DeadLetter[]> {
  const letters: DeadLetter[] = []
  for (const [queue, url] of [
    ["persist-writes", config.PERSIST_DEAD_LETTER_QUEUE_URL],
    ["index-messages", config.INDEX_DEAD_LETTER_QUEUE_URL],
  ] as const) {
    for (;;) {
      const messages = await sqs.receive(url)
      if (messages.length === 0) break
      for (const message of messages) {
        const sentAt = new Date(Number(message.Attributes?.SentTimestamp ?? 0)).toISOString()
        letters.push({ queue, reason: reasonOf(message), sentAt, body: message.Body ?? "" })
      }
    }
  }
  return letters
}

/**
 * Sends all dead letters to their queues again and revives their outbox entries. Answers how many messages went; those
 * that cannot be read stay.
 */
export async function redriveDeadLetters(stores: Stores): Promise<number> {
  const { config, persistQueue, indexQueue, outbox } = stores
  const writes = await redrive(stores, config.PERSIST_DEAD_LETTER_QUEUE_URL, persistQueue, async (body) => {
    const events = z.array(PersistEvent).parse(JSON.parse(body))
    for (const event of events) if (!("fence" in event)) await outbox.revive(event)
    return events
  })
  const index = await redrive(stores, config.INDEX_DEAD_LETTER_QUEUE_URL, indexQueue, async (body) =>
    z.array(IndexEvent).parse(JSON.parse(body)),
  )
  return writes + index
}

type Read = (body: string) => Promise<{ application: string }[]>

async function redrive({ sqs }: Stores, queueUrl: string, target: Sender, read: Read): Promise<number> {
  let count = 0
  for (;;) {
    const messages = await sqs.receive(queueUrl)
    if (messages.length === 0) return count
    for (const { Body, ReceiptHandle } of messages) {
      const events = await read(Body ?? "").catch((error: unknown) => unlessUnreadable(error))
      const [first] = events
      if (!first) continue
      await target.send(
        first.application,
        events.map((event) => JSON.stringify(event)),
      )
      await sqs.remove(queueUrl, [ReceiptHandle ?? ""])
      count++
    }
  }
}

function unlessUnreadable(error: unknown): [] {
  if (error instanceof SyntaxError || error instanceof z.ZodError) return []
  throw error
}
