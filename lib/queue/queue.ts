/** An open queue sends and decodes events; nothing else converts them to and from text. */
import * as z from "zod"
import type { QueueDepth, SqsClient } from "../clients/sqs.ts"
import type { Config } from "../config.ts"
import { EVENT_VERSION, isNewer, NewerEvent } from "../events.ts"
import { packEvents, splitBytes, splitEvents, TEXTS, unpackEvents, unsplitEvents } from "./packs.ts"
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
  const send = createSender(sqs, url, { bytes: splitBytes, body: packEvents })
  const sendDeadLetter = createSender(sqs, deadLettersUrl, TEXTS)
  return {
    ...definition,
    url,
    deadLettersUrl,
    async send(events, { group, ...options } = {}) {
      const groups = Map.groupBy(events, ({ application }) => group ?? application)
      const sendAll = ([name, list]: [string, { application: string }[]]) =>
        send(
          name,
          list.every(({ application }) => application === name) ? splitEvents(list) : unsplitEvents(list),
          options,
        )
      await Promise.all([...groups].map(sendAll))
    },
    bury: (letter, reason) =>
      sendDeadLetter(typeof letter === "string" ? "unreadable" : letter.application, [JSON.stringify(letter)], {
        reason,
      }),
    depth: () => sqs.depth(url),
    decode: decoder<QueuedEvent>(definition.event),
  }
}

/**
 * Returns what decodes a queue's messages, for code that knows events up to `version`. Its schemas are made once, when
 * the first message is decoded: only consumers need them.
 */
export function decoder<E>(event: z.ZodType<E>, version = EVENT_VERSION): Queue<E>["decode"] {
  let lists: ReturnType<typeof listsOf<E>> | undefined
  return (body) => {
    lists ??= listsOf(event)
    try {
      const parsed: unknown = JSON.parse(body)
      if (!Array.isArray(parsed)) return undefined
      const items = unpackEvents(parsed)
      if (!items.some((item) => isOfNewer(item, version))) return { events: lists.events.parse(items), newer: [] }
      const { true: newer = [], false: known = [] } = Object.groupBy(items, (item) => `${isOfNewer(item, version)}`)
      return { events: lists.events.parse(known), newer: lists.newer.parse(newer) }
    } catch {
      return undefined
    }
  }
}

/** Returns whether an item is an event of a newer version; the schemas look at the rest of it. */
const isOfNewer = (item: unknown, version: number): boolean => {
  const v = typeof item === "object" && item !== null && "v" in item ? item.v : undefined
  return Number.isInteger(v) && isNewer({ v: v as number }, version)
}

const listsOf = <E>(event: z.ZodType<E>) => ({
  events: z.array(event),
  newer: z.array(NewerEvent),
})
