/** A new queue needs an entry here, its function, and lines in serverless.yml, resources/ and elasticmq.conf. */
import type * as z from "zod"
import { IndexEvent, PersistEvent } from "../events.ts"

/** Receives before a message goes to the dead-letter queue; resources/ and elasticmq.conf repeat it. */
export const RECEIVES_MAX = 5

export const QUEUES = {
  persist: {
    name: "persist-writes",
    deadLetters: "persist-writes-dead-letters",
    urlVariable: "PERSIST_QUEUE_URL",
    deadLettersUrlVariable: "PERSIST_DEAD_LETTER_QUEUE_URL",
    event: PersistEvent,
    /** The reason given to a message that holds anything else. */
    unreadable: "not an envelope of events",
  },
  index: {
    name: "index-messages",
    deadLetters: "index-messages-dead-letters",
    urlVariable: "INDEX_QUEUE_URL",
    deadLettersUrlVariable: "INDEX_DEAD_LETTER_QUEUE_URL",
    event: IndexEvent,
    unreadable: "not a list of keys",
  },
} as const

export type QueueKey = keyof typeof QUEUES
export type QueueDefinition = (typeof QUEUES)[QueueKey]
export type QueueVariable = QueueDefinition["urlVariable" | "deadLettersUrlVariable"]
export type QueuedEvent = z.infer<QueueDefinition["event"]>

const BY_VARIABLE = Object.values(QUEUES).flatMap((queue) => [
  [queue.urlVariable, queue.name] as const,
  [queue.deadLettersUrlVariable, queue.deadLetters] as const,
])

export const QUEUE_VARIABLES = BY_VARIABLE.map(([variable]) => variable)

/** Returns all queue URLs of an SQS emulator, by variable. */
export const queueUrlsAt = (endpoint: string): Record<string, string> =>
  Object.fromEntries(
    BY_VARIABLE.map(([variable, name]) => [variable, `${endpoint.replace(/\/$/, "")}/000000000000/${name}`]),
  )
