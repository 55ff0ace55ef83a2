/** An open queue sends and decodes events; nothing else converts them to and from text. */
import * as z from "zod"
import type { QueueDepth, SqsClient } from "../clients/sqs.ts"
import type { Config } from "../config.ts"
import { EVENT_VERSION, isNewer, NewerEvent } from "../events.ts"
import { QUEUES, type QueueDefinition, type QueuedEvent, type QueueKey } from "./queues.ts"
import { createSender, type SendOptions } from "./sender.ts"

export type Decoded<E> = { events: E[]; newer: NewerEvent[] }
export type Queue<E> = Pick<QueueDefinition, "name" | "deadLetters" | "unreadable"> & {
  url: string
  deadLettersUrl: string
  /** Sends events by application, or as one `group`. Throws DependencyAway unless the queue has taken all. */
  send(events: readonly (E | NewerEvent)[], options?: SendOptions & { group?: string }): Promise<void>
  /** Sends an event, or the text of an unreadable message, to the dead letters. Throws DependencyAway. */
  bury(letter: E | string, reason: string): Promise<void>
  depth(): Promise<QueueDepth>
  /** Returns a message's events, or undefined unless it is a list of this queue's events. */
  decode(body: string): Decoded<E> | undefined
}
export type Queues = { [Key in QueueKey]: Queue<z.infer<(typeof QUEUES)[Key]["event"]>> }

export function createQueues(sqs: SqsClient, config: Config): Queues {
  const opened = Object.entries(QUEUES).map(([key, definition]) => [key, createQueue(sqs, config, definition)])
  return Object.fromEntries(opened) as Queues
}

function createQueue(sqs: SqsClient, config: Config, definition: QueueDefinition): Queue<QueuedEvent> {
  const url = config[definition.urlVariable]
  const deadLettersUrl = config[definition.deadLettersUrlVariable]
  const send = createSender(sqs, url)
  const sendDeadLetter = createSender(sqs, deadLettersUrl)
  return {
    ...definition,
    url,
    deadLettersUrl,
    async send(events, { group, ...options } = {}) {
      const groups = Map.groupBy(events, ({ application }) => group ?? application)
      const texts = (list: readonly object[]) => list.map((event) => JSON.stringify(event))
      await Promise.all([...groups].map(([name, list]) => send(name, texts(list), options)))
    },
    bury: (letter, reason) =>
      sendDeadLetter(typeof letter === "string" ? "unreadable" : letter.application, [JSON.stringify(letter)], {
        reason,
      }),
    depth: () => sqs.depth(url),
    decode: (body) => decode<QueuedEvent>(definition.event, body),
  }
}

/** Decodes as a Queue does, for code that knows events up to `version`. */
export function decode<E>(event: z.ZodType<E>, body: string, version = EVENT_VERSION): Decoded<E> | undefined {
  try {
    const items = z.array(z.looseObject({ v: z.int().optional() })).parse(JSON.parse(body))
    const events = z.array(event).parse(items.filter((item) => !isNewer(item, version)))
    return { events, newer: z.array(NewerEvent).parse(items.filter((item) => isNewer(item, version))) }
  } catch {
    return undefined
  }
}
