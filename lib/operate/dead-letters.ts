/**
 * DESIGN. The dead-letter queues, for the operator. A dead letter holds an envelope, and the reason where a consumer
 * gave one; of a write event the outbox keeps the entry, marked dead. A queue can only be read by receiving, so every
 * command holds the letters for a while, does what it is to do, and lets those that stay be received again at once.
 *
 * Promised: a letter is removed only after what it held has been sent again or dropped. May happen twice: a letter is
 * sent again and stays, if the command is killed in between; its events are found stale.
 */
import type { Message } from "@aws-sdk/client-sqs"
import { isFence, type NewerEvent } from "../events.ts"
import type { Queue } from "../queue/queue.ts"
import { QUEUES, type QueuedEvent } from "../queue/queues.ts"
import type { Stores } from "../stores.ts"

/** Letters of a queue that one command looks at, so that it needs no more than some MB; the others it sees the next time. */
export const LETTERS_MAX = 1_000
/** Longer than it takes to send so many again; a command that is killed hides its letters for no longer. */
const HOLD_SECONDS = 60
/** SQS asks some of its servers only, so an empty answer may be wrong; so many in a row are not. */
const EMPTY_RECEIVES_MAX = 3
const BATCH_MESSAGES_MAX = 10

/** `id` is the queue's own of the message, `queue` the name of the queue that it came from. */
export type DeadLetter = {
  id: string
  queue: string
  reason: string
  sentAt: Date
  body: string
  /** Those of the body; undefined where it cannot be read. */
  events: (QueuedEvent | NewerEvent)[] | undefined
}
type Held = DeadLetter & { receiptHandle: string }

/** What became of a letter: it went, or it stays and why. */
export type Fate = { gone: true } | { gone: false; why: string }

const queuesOf = ({ queues }: Stores): Queue<QueuedEvent>[] => Object.values(queues)

/**
 * Shows `handle` the dead letters of all queues, about LETTERS_MAX of each at most, and removes those that it says are
 * gone. Returns whether there may be more letters than it has shown.
 */
export async function visitDeadLetters(stores: Stores, handle: (letter: DeadLetter) => Promise<Fate>) {
  let more = false
  for (const queue of queuesOf(stores)) {
    const url = queue.deadLettersUrl
    const held = new Map<string, Held>()
    try {
      more = (await hold(stores, queue, held)) || more
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
async function hold({ sqs }: Stores, queue: Queue<QueuedEvent>, held: Map<string, Held>) {
  for (let empty = 0; empty < EMPTY_RECEIVES_MAX; ) {
    if (held.size >= LETTERS_MAX) return true
    const messages = await sqs.receive(queue.deadLettersUrl, HOLD_SECONDS)
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

function toLetter(queue: Queue<QueuedEvent>, message: Message): Held {
  const body = message.Body ?? ""
  const decoded = queue.decode(body)
  return {
    id: message.MessageId ?? "",
    queue: queue.name,
    reason: message.MessageAttributes?.reason?.StringValue ?? "received too often",
    sentAt: new Date(Number(message.Attributes?.SentTimestamp ?? 0)),
    body,
    events: decoded && [...decoded.events, ...decoded.newer],
    receiptHandle: message.ReceiptHandle ?? "",
  }
}

/** Sends a letter's events to their queue again and revives their outbox entries; one that cannot be read stays. */
export async function redriveLetter(stores: Stores, { queue, events = [] }: DeadLetter): Promise<Fate> {
  const target = queuesOf(stores).find(({ name }) => name === queue)
  if (!target || events.length === 0) return { gone: false, why: "it cannot be read" }
  if (queue === QUEUES.persist.name) {
    for (const event of events) if (!isFence(event)) await stores.outbox.revive(event)
  }
  await target.send(events)
  return { gone: true }
}
