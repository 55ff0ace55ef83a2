/** A queue of the table, open: it takes and gives events, and nothing else turns them into text. */
import * as z from "zod"
import type { QueueDepth, SqsClient } from "../clients/sqs.ts"
import type { Config } from "../config.ts"
import { type EventOf, QUEUES, type QueueDefinition, type QueuedEvent, type QueueKey } from "./queues.ts"
import { createSender, type SendOptions } from "./sender.ts"

export type Queue<E> = {
  name: string
  url: string
  deadLettersName: string
  deadLettersUrl: string
  /**
   * Sends events grouped by application, or as the one `group`, so that one's flood does not delay the others. Throws
   * DependencyAway when the queue has not taken all of them.
   */
  send(events: readonly E[], options?: SendOptions & { group?: string }): Promise<void>
  /** Sends an event, or the text of a message that cannot be read, to the dead letters. Throws DependencyAway. */
  bury(letter: E | string, reason: string): Promise<void>
  /** Returns how many messages the queue has. Throws DependencyAway. */
  depth(): Promise<QueueDepth>
  /** Returns the events of a message, or undefined if it is no list of this queue's events. */
  decode(body: string): E[] | undefined
  /** The reason of a dead letter whose message cannot be read. */
  unreadable: string
}

export type Queues = { [Key in QueueKey]: Queue<EventOf<Key>> }

export function createQueues(sqs: SqsClient, config: Config): Queues {
  const opened = Object.entries(QUEUES).map(([key, definition]) => [key, createQueue(sqs, config, definition)])
  return Object.fromEntries(opened) as Queues
}

function createQueue(
  sqs: SqsClient,
  config: Config,
  { name, deadLetters, urlVariable, deadLettersUrlVariable, event, unreadable }: QueueDefinition,
): Queue<QueuedEvent> {
  const url = config[urlVariable]
  const deadLettersUrl = config[deadLettersUrlVariable]
  const sender = createSender(sqs, url)
  const deadLettersSender = createSender(sqs, deadLettersUrl)
  return {
    name,
    url,
    deadLettersName: deadLetters,
    deadLettersUrl,
    unreadable,
    async send(events, { group, ...options } = {}) {
      const groups = Map.groupBy(events, ({ application }) => group ?? application)
      const texts = (list: readonly QueuedEvent[]) => list.map((one) => JSON.stringify(one))
      await Promise.all([...groups].map(([of, list]) => sender.send(of, texts(list), options)))
    },
    async bury(letter, reason) {
      const group = typeof letter === "string" ? "unreadable" : letter.application
      await deadLettersSender.send(group, [JSON.stringify(letter)], { reason })
    },
    depth: () => sqs.depth(url),
    decode: (body) => decode(event, body),
  }
}

function decode(event: z.ZodType<QueuedEvent>, body: string): QueuedEvent[] | undefined {
  try {
    return z.array(event).parse(JSON.parse(body))
  } catch {
    return undefined
  }
}
