/**
 * DESIGN. The dead-letter queues, for the operator. A dead letter holds an envelope, and the reason if a consumer gave
 * one; the outbox keeps the entry of a write event, marked dead. A queue can only be read by receiving, so each command
 * holds the letters for a while, acts, and makes those that stay visible again at once.
 *
 * Promised: a letter is removed only after its events have been sent again or dropped. May happen twice: a letter is
 * sent again and stays if the command is killed in between; its events are found stale.
 *
 * A queue in memory forgets its letters when it restarts. What they told of is still marked dead in the outbox and in
 * pending_index, where it is found when all letters have been seen.
 */
import type { Message } from "@aws-sdk/client-sqs"
import { keyRanges } from "../clients/key-ranges.ts"
import { reachMysql } from "../clients/mysql.ts"
import { isFence, keyText, type NewerEvent, type ResourceKey } from "../events.ts"
import { SHARDS } from "../outbox/keys.ts"
import type { Queue } from "../queue/queue.ts"
import { QUEUES, type QueuedEvent } from "../queue/queues.ts"
import type { Stores } from "../stores.ts"

/** Letters of a queue that one command sees, so that it needs only some MB; the next run sees the others. */
export const LETTERS_MAX = 1_000
/** Longer than a command takes to send them; the letters of a killed command are hidden no longer than this. */
const HOLD_SECONDS = 60
/** SQS asks only some of its servers, so a single empty answer may be wrong. */
const EMPTY_RECEIVES_MAX = 3
const BATCH_MESSAGES_MAX = 10

/** `id` is the message's in SQS, `queue` the name of the source queue. */
export type DeadLetter = {
  id: string
  queue: string
  reason: string
  sentAt: Date
  body: string
  /** The body's events; undefined if it is unreadable. */
  events: (QueuedEvent | NewerEvent)[] | undefined
}
type Held = DeadLetter & { receiptHandle: string }

export type Fate = { gone: true } | { gone: false; why: string }

const queuesOf = ({ queues }: Stores): Queue<QueuedEvent>[] => Object.values(queues)

/**
 * Passes the dead letters of all queues, about LETTERS_MAX of each, to `handle`, and removes those that it says are
 * gone. Returns whether there may be more.
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

/** Receives until the queue is empty, or LETTERS_MAX is reached; then returns true. */
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

/** Makes letters visible again; those that cannot be released come back when their hold ends. */
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

/** Sends a letter's events to their queue again and revives their outbox entries. An unreadable letter stays. */
export async function redriveLetter(stores: Stores, { queue, events = [] }: DeadLetter): Promise<Fate> {
  const target = queuesOf(stores).find(({ name }) => name === queue)
  if (!target || events.length === 0) return { gone: false, why: "it cannot be read" }
  if (queue === QUEUES.persist.name) {
    for (const event of events) if (!isFence(event)) await stores.outbox.revive(event)
  }
  await target.send(events)
  return { gone: true }
}

/** Dead events of the outbox and dead documents that no letter tells of. */
export type Lost = { events: ResourceKey[]; documents: ResourceKey[] }

/**
 * Returns what is dead without one of these letters, which must be all that there are; about LETTERS_MAX of each kind.
 * What is dying at this moment may be among it, which does no harm: it is sent twice.
 */
export async function findLost({ outbox, mysql }: Stores, letters: readonly DeadLetter[]): Promise<Lost> {
  const keysIn = (queue: string) => {
    const events = letters.filter((letter) => letter.queue === queue).flatMap((letter) => letter.events ?? [])
    return new Set(events.flatMap((event) => (isFence(event) ? [] : [keyText(event)])))
  }
  const [writes, documents] = [keysIn(QUEUES.persist.name), keysIn(QUEUES.index.name)]
  const lost = new Map<string, ResourceKey>()
  for (const shard of SHARDS) {
    if (lost.size >= LETTERS_MAX) break
    for await (const key of outbox.dead(shard)) if (!writes.has(keyText(key))) lost.set(keyText(key), key)
  }
  const dead = mysql.selectFrom("pending_index").select(["application", "chat", "message"]).where("due_at", "is", null)
  const rows = await reachMysql(() => dead.limit(documents.size + LETTERS_MAX).execute())
  return { events: [...lost.values()], documents: rows.filter((key) => !documents.has(keyText(key))) }
}

/** Makes what was lost due at once, so that the relay sends it again. */
export async function reviveLost({ outbox, mysql }: Stores, { events, documents }: Lost): Promise<void> {
  for (const event of events) await outbox.revive(event)
  if (documents.length === 0) return
  await reachMysql(() =>
    mysql
      .updateTable("pending_index")
      .set({ due_at: new Date(), attempts: 0 })
      .where(keyRanges(documents, "message"))
      .where("due_at", "is", null)
      .execute(),
  )
}
