// The only actions on queues that each function's role allows, by the queue's name in the template, and whether the
// function gets the secrets.

export type Rights = { queues: Record<string, string[]>; secrets: boolean }
const NOTHING: Rights = { queues: {}, secrets: false }
const READS: Rights = { queues: {}, secrets: true }
const WRITES: Rights = { queues: { PersistWritesQueue: ["GetQueueAttributes", "SendMessage"] }, secrets: true }
const CONSUMES = ["DeleteMessage", "GetQueueAttributes", "ReceiveMessage"]
const RIGHTS: Record<string, Rights> = {
  "get-health": NOTHING,
  "get-openapi": NOTHING,
  "get-docs": NOTHING,
  "reject-unknown-route": NOTHING,
  "get-readiness": { queues: { PersistWritesQueue: ["GetQueueAttributes"] }, secrets: true },
  "persist-writes": {
    queues: {
      PersistWritesQueue: [...CONSUMES, "SendMessage"],
      PersistWritesDeadLetterQueue: ["SendMessage"],
      IndexMessagesQueue: ["SendMessage"],
    },
    secrets: true,
  },
  "index-messages": {
    queues: { IndexMessagesQueue: [...CONSUMES, "SendMessage"], IndexMessagesDeadLetterQueue: ["SendMessage"] },
    secrets: true,
  },
  "prepare-stores": WRITES,
  "relay-outbox": { queues: { ...WRITES.queues, IndexMessagesQueue: ["SendMessage"] }, secrets: true },
  "sync-counts": READS,
}
/** Returns what a function may do. */
export const rightsOf = (name: string): Rights =>
  RIGHTS[name] ?? (/^(create|update|delete)-/.test(name) ? WRITES : /^(get|list|search)-/.test(name) ? READS : NOTHING)
