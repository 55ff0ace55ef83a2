/**
 * DESIGN. The two dead-letter queues, for the operator. A dead letter holds an envelope, and the reason where a consumer
 * gave one; of a write event the outbox keeps the entry, marked dead. A queue can only be read by receiving, so every
 * command holds the letters for a while, does what it is to do, and lets those that stay be received again at once.
 *
 * Promised: a letter is removed only after what it held has been sent again or dropped. May happen twice: a letter is
 * sent again and stays, if the command is killed in between; its events are found stale. A command that is killed leaves
 * the letters hidden until its hold has passed.
 */
import type { Message } from "@aws-sdk/client-sqs"
import * as z from "zod"
import { IndexEvent, isFence, PersistEvent } from "../events.ts"
import type { Stores } from "../stores.ts"

/** Letters of a queue that one command looks at, so that it needs no more than some MB; the others it sees the next time. */
export const LETTERS_MAX = 1_000
/** Longer than it takes to send so many again; a command that is killed hides its letters for no longer. */
const HOLD_SECONDS = 60
/** SQS asks some of its servers only, so an empty answer may be wrong; so many in a row are not. */
const EMPTY_RECEIVES_MAX = 3
const BATCH_MESSAGES_MAX = 10

export type DeadLetter = {
  /** The queue's own id of the message. */
  id: string
  queue: "persist-writes" | "index-messages"
  reason: string
  sentAt: Date
  /** As it is in the queue. */
  body: string
  /** Of the body; undefined where it cannot be read. Write events where `queue` is persist-writes, else keys. */
  events: (PersistEvent | IndexEvent)[] | undefined
}
type Held = DeadLetter & { receiptHandle: string }

/** What became of a letter: it went, or it stays and why. */
export type Fate = { gone: true } | { gone: false; why: string }

const queues = ({ config }: Stores) =>
  [
    ["persist-writes", config.PERSIST_DEAD_LETTER_QUEUE_URL],
    ["index-messages", config.INDEX_DEAD_LETTER_QUEUE_URL],
  ] as const

/**
 * Shows `handle` the dead letters of both queues, about LETTERS_MAX of each at most, and removes those that it says are
 * gone. Returns whether there may be more letters than it has shown.
 */
export async function visitDeadLetters(stores: Stores, handle: (letter: DeadLetter) => Promise<Fate>) {
  let more = false
  for (const [queue, url] of queues(stores)) {
    const held = new Map<string, Held>()
    try {
      more = (await hold(stores, queue, url, held)) || more
      for (const letter of held.values()) {
        if (!(await handle(letter)).gone) continue
        await stores.sqs.remove(url, [letter.receiptHandle])
        held.delete(letter.id)
      }
    } finally {
      await release(stores, url, [...held.values()])
    }
  }
  return { more }
}

/** Receives until nothing comes or LETTERS_MAX is reached; then it answers true. */
async function hold({ sqs }: Stores, queue: DeadLetter["queue"], url: string, held: Map<string, Held>) {
  for (let empty = 0; empty < EMPTY_RECEIVES_MAX; ) {
    if (held.size >= LETTERS_MAX) return true
    const messages = await sqs.receive(url, HOLD_SECONDS)
    empty = messages.length === 0 ? empty + 1 : 0
    for (const message of messages) {
      const letter = toLetter(queue, message)
      held.set(letter.id, letter)
    }
  }
  return false
}

/** What cannot be released now is back once the hold has passed. */
async function release({ sqs }: Stores, url: string, letters: Held[]): Promise<void> {
  for (let at = 0; at < letters.length; at += BATCH_MESSAGES_MAX) {
    const handles = letters.slice(at, at + BATCH_MESSAGES_MAX).map(({ receiptHandle }) => receiptHandle)
    await sqs.release(url, handles).catch(() => undefined)
  }
}

function toLetter(queue: DeadLetter["queue"], message: Message): Held {
  const body = message.Body ?? ""
  return {
    id: message.MessageId ?? "",
    queue,
    reason: message.MessageAttributes?.reason?.StringValue ?? "received too often",
    sentAt: new Date(Number(message.Attributes?.SentTimestamp ?? 0)),
    body,
    events: parse(queue, body),
    receiptHandle: message.ReceiptHandle ?? "",
  }
}

function parse(queue: DeadLetter["queue"], body: string): DeadLetter["events"] {
  try {
    const events = queue === "persist-writes" ? z.array(PersistEvent) : z.array(IndexEvent)
    return events.parse(JSON.parse(body))
  } catch {
    return undefined
  }
}

/** Sends a letter's events to their queue again and revives their outbox entries; one that cannot be read stays. */
export async function redriveLetter(stores: Stores, { queue, events }: DeadLetter): Promise<Fate> {
  const [first] = events ?? []
  if (!events || !first) return { gone: false, why: "it cannot be read" }
  if (queue === "persist-writes") {
    for (const event of events) if (!isFence(event)) await stores.outbox.revive(event)
  }
  const target = queue === "persist-writes" ? stores.persistQueue : stores.indexQueue
  await target.send(
    first.application,
    events.map((event) => JSON.stringify(event)),
  )
  return { gone: true }
}
