/**
 * DESIGN. Sending to a queue by group commit: what arrives while a send is under way goes with the next one, packed into
 * envelopes (JSON arrays) of one group each. A lone event is sent at once. What nobody waits for lingers for a moment, so
 * that more goes with it: a call costs about the same whatever it carries.
 *
 * Promised: a send resolves only once the queue has taken every one of its events, and fails at once while the breaker
 * of the queue is open. May happen twice: an event whose send was answered too late. Absent: order, and trying again (the
 * outbox and pending_index do that).
 */
import type { QueueMessage, SqsClient } from "../clients/sqs.ts"
import { DependencyAway } from "../errors.ts"

/** SQS takes ten messages in one call. */
const BATCH_MESSAGES_MAX = 10
/** Below the 256 KiB that the sum of a call could have for most of SQS's life, less what attributes take. */
const BATCH_BYTES_MAX = 250_000
/** A tenth of a call, so that ten applications share one; a larger event has an envelope of its own. */
const ENVELOPE_BYTES_MAX = 25_000
/** A consumer takes its batch in groups of envelopes, each of a thousand events or so. */
const ENVELOPE_EVENTS_MAX = 100
/** What nobody waits for is sent this late at most: a part of what the way through the queue takes anyway. */
const LINGER_MS = 100
/** So much is sent at once: ten full envelopes. Fewer may be of many applications, and fill no call yet. */
const LINGER_EVENTS_MAX = BATCH_MESSAGES_MAX * ENVELOPE_EVENTS_MAX
/** Two calls under way keep the queue busy while the answer of one is read; more would only make smaller batches. */
const CALLS_MAX = 2

/** `reason` is that of a dead letter. With `lingers` nobody waits for the send, so it may wait for others. */
export type SendOptions = { delaySeconds?: number; reason?: string; lingers?: boolean }

type Message = Omit<QueueMessage, "body">
type Waiting = { key: string; message: Message; text: string; bytes: number; settle: (error?: unknown) => void }
type Envelope = QueueMessage & { bytes: number; waiting: Waiting[] }

/** SQS refuses U+FFFE and U+FFFF, the only characters of JSON text that it does not take. */
const queueSafe = (json: string): string => json.replaceAll("\uFFFE", "\\ufffe").replaceAll("\uFFFF", "\\uffff")

export function createSender(sqs: Pick<SqsClient, "sendBatch" | "check" | "isAway">, queueUrl: string) {
  let queue: Waiting[] = []
  let calls = 0
  let scheduled = false
  /** Whether somebody waits for something that waits here. */
  let urgent = false
  let lingering = false

  /** Sends what waits: at once, or once there is enough for a call or it has lingered. */
  function schedule(hasLingered = false): void {
    if (scheduled || calls >= CALLS_MAX || queue.length === 0) return
    if (!urgent && !hasLingered && queue.length < LINGER_EVENTS_MAX) {
      if (!lingering) setTimeout(endLingering, LINGER_MS)
      lingering = true
      return
    }
    scheduled = true
    setImmediate(() => {
      scheduled = false
      const { envelopes, rest } = pack(queue)
      queue = rest
      urgent &&= rest.length > 0
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
      for (const [index, { waiting }] of envelopes.entries()) {
        const error = refused.has(index)
          ? new DependencyAway("sqs", new Error("the queue refused a message"))
          : undefined
        for (const one of waiting) one.settle(error)
      }
    } catch (error) {
      for (const { waiting } of envelopes) for (const one of waiting) one.settle(error)
      if (sqs.isAway()) for (const one of queue.splice(0)) one.settle(error)
    } finally {
      calls--
      schedule()
    }
  }

  /** Sends the JSON texts of a group; SQS lets no group's flood delay others. Throws DependencyAway when not all went. */
  return async (group: string, events: string[], { lingers = false, ...options }: SendOptions = {}): Promise<void> => {
    sqs.check()
    const message = { group, ...options }
    const key = JSON.stringify(message)
    const sent = events.map((event) => {
      const text = queueSafe(event)
      return new Promise<void>((resolve, reject) => {
        const settle = (error?: unknown) => (error === undefined ? resolve() : reject(error as Error))
        queue.push({ key, message, text, bytes: Buffer.byteLength(text) + 1, settle })
      })
    })
    urgent ||= !lingers
    schedule()
    await Promise.all(sent)
  }
}

/** Packs what waits into the envelopes of one call, oldest first; `rest` waits for the next. */
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
