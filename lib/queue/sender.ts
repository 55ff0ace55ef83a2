/**
 * DESIGN. Sends to a queue by group commit: events that arrive while a call is under way go with the next one, packed
 * into envelopes (JSON arrays) of one group each. A lone event that a caller awaits is sent at once; others linger for
 * a moment, since a call costs about the same whatever it carries. Promised: a send resolves only once the queue has
 * taken all of its events, and fails at once while the queue's breaker is open. Each call that fails is logged here, so
 * that no sender needs to; while the breaker is open that is its probe, one a second. May happen twice: an event whose
 * call was answered too late. Absent: order, and retries (the outbox and pending_index provide them).
 */
import { type QueueMessage, type SqsClient, sqsFailure } from "../clients/sqs.ts"
import { DependencyAway } from "../errors.ts"
import { describeError, log } from "../log.ts"

/** SQS takes ten messages per call. */
const BATCH_MESSAGES_MAX = 10
/** Below SQS's long-time limit of 256 KiB per call, less what attributes take. */
const BATCH_BYTES_MAX = 250_000
/** A tenth of a call, so that ten applications share one; a larger event gets its own envelope. */
const ENVELOPE_BYTES_MAX = 25_000
/** Consumers group envelopes up to about a thousand events. */
const ENVELOPE_EVENTS_MAX = 100
/** Delay of events that nobody awaits: a fraction of the time that the queue takes anyway. */
const LINGER_MS = 100
/** Ends the lingering: ten full envelopes, which surely fill a call. So does a call's worth of bytes. */
const LINGER_EVENTS_MAX = BATCH_MESSAGES_MAX * ENVELOPE_EVENTS_MAX
/** Two concurrent calls keep the queue busy while one answer is read; more would only shrink batches. */
const CALLS_MAX = 2

/** `reason` is a dead letter's. With `lingers` nobody awaits the send, so it may wait for others. */
export type SendOptions = { delaySeconds?: number; reason?: string; lingers?: boolean }

type Message = Omit<QueueMessage, "body">
type Waiting = { key: string; message: Message; text: string; bytes: number; settle: (error?: unknown) => void }
type Envelope = QueueMessage & { bytes: number; waiting: Waiting[] }

/** Escapes U+FFFE and U+FFFF, the only characters of JSON text that SQS refuses. */
const queueSafe = (json: string): string => json.replaceAll("\uFFFE", "\\ufffe").replaceAll("\uFFFF", "\\uffff")

export function createSender(sqs: Pick<SqsClient, "sendBatch" | "check" | "isAway">, queueUrl: string) {
  const queue = createLine()
  let calls = 0
  let scheduled = false
  /** True while a caller awaits a queued event; then nothing lingers. */
  let urgent = false
  let lingering = false

  /** Sends the queued events at once, or, if nobody awaits them, when they fill a call or have lingered. */
  function schedule(hasLingered = false): void {
    if (scheduled || calls >= CALLS_MAX || queue.isEmpty()) return
    if (!urgent && !hasLingered && !queue.fillsCall()) {
      if (!lingering) setTimeout(endLingering, LINGER_MS)
      lingering = true
      return
    }
    scheduled = true
    setImmediate(() => {
      scheduled = false
      const envelopes = queue.takeCall()
      urgent &&= !queue.isEmpty()
      if (envelopes.length > 0) void transmit(envelopes)
      schedule()
    })
  }

  function endLingering(): void {
    lingering = false
    schedule(true)
  }

  async function transmit(envelopes: Envelope[]): Promise<void> {
    calls++
    try {
      const refused = new Set(await sqs.sendBatch(queueUrl, envelopes))
      const unsent = eventsOf(envelopes.filter((_, index) => refused.has(index)))
      if (unsent.length > 0) fail(unsent, new DependencyAway("sqs", new Error("the queue refused a message")), queueUrl)
      // Those that failed are settled already, and stay so.
      for (const one of eventsOf(envelopes)) one.settle()
    } catch (error) {
      fail([...eventsOf(envelopes), ...(sqs.isAway() ? queue.takeAll() : [])], error, queueUrl)
    } finally {
      calls--
      schedule()
    }
  }

  /** Sends JSON texts as a group, which SQS keeps from delaying others. Throws DependencyAway unless all went. */
  return async (group: string, events: string[], { lingers = false, ...options }: SendOptions = {}): Promise<void> => {
    sqs.check()
    const message = { group, ...options }
    const key = JSON.stringify(message)
    const sent = events.map((event) => {
      const text = queueSafe(event)
      return new Promise<void>((resolve, reject) => {
        const settle = (error?: unknown) => (error === undefined ? resolve() : reject(error as Error))
        queue.add({ key, message, text, bytes: Buffer.byteLength(text) + 1, settle })
      })
    })
    urgent ||= !lingers
    schedule()
    await Promise.all(sent)
  }
}

/** Returns an empty line of events that wait to be sent, oldest first. */
function createLine() {
  let waiting: Waiting[] = []
  let bytes = 0
  function replace(others: Waiting[]): void {
    waiting = others
    bytes = others.reduce((sum, one) => sum + one.bytes, 0)
  }
  return {
    isEmpty: () => waiting.length === 0,
    fillsCall: () => waiting.length >= LINGER_EVENTS_MAX || bytes >= BATCH_BYTES_MAX,
    add(one: Waiting): void {
      waiting.push(one)
      bytes += one.bytes
    },
    takeCall(): Envelope[] {
      const { envelopes, rest } = pack(waiting)
      replace(rest)
      return envelopes
    },
    takeAll(): Waiting[] {
      const all = waiting
      replace([])
      return all
    },
  }
}

const eventsOf = (envelopes: Envelope[]): Waiting[] => envelopes.flatMap(({ waiting }) => waiting)

/** Rejects events, and logs why at once: a role without the right, say, would otherwise look like a queue that is away. */
function fail(unsent: Waiting[], error: unknown, queueUrl: string): void {
  const { code, refused } = sqsFailure(error)
  const details = { queue: queueUrl.split("/").at(-1), events: unsent.length, code, error: describeError(error, 1) }
  if (refused) log.warn("events refused by the queue", details)
  else log.warn("events not sent", details)
  for (const one of unsent) one.settle(error)
}

/** Packs queued events into the envelopes of one call, oldest first; `rest` waits for the next. */
function pack(queue: Waiting[]): { envelopes: Envelope[]; rest: Waiting[] } {
  const envelopes: Envelope[] = []
  const open = new Map<string, Envelope>()
  const rest: Waiting[] = []
  let bytes = 0
  for (const one of queue) {
    if (bytes + one.bytes > BATCH_BYTES_MAX) {
      rest.push(one)
      continue
    }
    let envelope = open.get(one.key)
    const isFull = (envelope?.bytes ?? 0) + one.bytes > ENVELOPE_BYTES_MAX
    if (!envelope || isFull || envelope.waiting.length >= ENVELOPE_EVENTS_MAX) {
      if (envelopes.length >= BATCH_MESSAGES_MAX) {
        rest.push(one)
        continue
      }
      envelope = { ...one.message, body: "", bytes: 0, waiting: [] }
      envelopes.push(envelope)
      open.set(one.key, envelope)
    }
    envelope.waiting.push(one)
    envelope.bytes += one.bytes
    bytes += one.bytes
  }
  for (const envelope of envelopes) envelope.body = `[${envelope.waiting.map(({ text }) => text).join(",")}]`
  return { envelopes, rest }
}
