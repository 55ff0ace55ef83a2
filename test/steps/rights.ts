// The only actions on queues that each function's role allows, by the queue's name in the template, and whether it
// may read the secret.

export type Rights = { queues: Record<string, string[]>; secret: boolean }
const NOTHING: Rights = { queues: {}, secret: false }
const READS: Rights = { queues: {}, secret: true }
/** AWS authorises the batch by the same name, which some emulators do not know. */
const SENDS = "SendMessage*"
const WRITES: Rights = { queues: { PersistWritesQueue: ["GetQueueAttributes", SENDS] }, secret: true }
const CONSUMES = ["DeleteMessage", "GetQueueAttributes", "ReceiveMessage"]
const RIGHTS: Record<string, Rights> = {
  "get-health": NOTHING,
  "get-openapi": NOTHING,
  "get-docs": NOTHING,
  "get-problem": NOTHING,
  "reject-unknown-route": NOTHING,
  "get-readiness": { queues: { PersistWritesQueue: ["GetQueueAttributes"] }, secret: true },
  "get-metrics": {
    queues: {
      PersistWritesQueue: ["GetQueueAttributes"],
      PersistWritesDeadLetterQueue: ["GetQueueAttributes"],
      IndexMessagesQueue: ["GetQueueAttributes"],
      IndexMessagesDeadLetterQueue: ["GetQueueAttributes"],
    },
    secret: true,
  },
  "persist-writes": {
    queues: {
      PersistWritesQueue: [...CONSUMES, SENDS],
      PersistWritesDeadLetterQueue: [SENDS],
      IndexMessagesQueue: [SENDS],
    },
    secret: true,
  },
  "index-messages": {
    queues: { IndexMessagesQueue: [...CONSUMES, SENDS], IndexMessagesDeadLetterQueue: [SENDS] },
    secret: true,
  },
  "prepare-stores": WRITES,
  "relay-outbox": { queues: { ...WRITES.queues, IndexMessagesQueue: [SENDS] }, secret: true },
  "sync-counts": READS,
}
/** Returns what a function may do. */
export const rightsOf = (name: string): Rights =>
  RIGHTS[name] ?? (/^(create|update|delete)-/.test(name) ? WRITES : /^(get|list|search)-/.test(name) ? READS : NOTHING)
