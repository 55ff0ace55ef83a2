/**
 * DESIGN. Sends to a queue by group commit: events that arrive while a call is under way go with the next one, packed
 * into envelopes of one group each. A lone event that a caller awaits is sent at once; others linger for
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
type Waiting<Item> = { item: Item; bytes: number; settle: (error?: unknown) => void }
type Envelope<Item> = QueueMessage & { waiting: Waiting<Item>[] }

/** How events become the body of a message; `bytes` is what one adds to it after another one. */
export type Packing<Item> = {
  bytes: (item: Item, before: Item | undefined) => number
  body: (group: string, items: Item[]) => string
}

type Sqs = Pick<SqsClient, "sendBatch" | "check" | "isAway">

export function createSender<Item>(sqs: Sqs, queueUrl: string, packing: Packing<Item>) {
  const queue = createLine(packing)
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

  async function transmit(envelopes: Envelope<Item>[]): Promise<void> {
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

  /** Sends events as a group, which SQS keeps from delaying others. Throws DependencyAway unless all went. */
  return async (group: string, events: Item[], { lingers = false, ...options }: SendOptions = {}): Promise<void> => {
    sqs.check()
    if (events.length === 0) return
    const message = { group, ...options }
    const lane = queue.laneOf(message)
    const sent = events.map(
      (item) =>
        new Promise<void>((resolve, reject) => {
          const settle = (error?: unknown) => (error === undefined ? resolve() : reject(error as Error))
          queue.add(lane, item, settle)
        }),
    )
    urgent ||= !lingers
    schedule()
    await Promise.all(sent)
  }
}

/** The events that wait to go in envelopes with the same group and options. A lane without any is not kept. */
type Lane<Item> = { message: Message; waiting: Waiting<Item>[] }

/** Returns an empty line of events that wait to be sent: those of a lane oldest first, and the lanes in turn. */
function createLine<Item>({ bytes: bytesOf, body }: Packing<Item>) {
  const lanes = new Map<string, Lane<Item>>()
  let count = 0
  let bytes = 0

  /** Removes the events of the next envelope from a lane. An event above ENVELOPE_BYTES_MAX gets an envelope of its own. */
  function takeEnvelope({ waiting }: Lane<Item>, room: number): Waiting<Item>[] {
    let taken = 0
    let full = 0
    for (const one of waiting) {
      const isFull = full + one.bytes > (taken === 0 ? room : Math.min(room, ENVELOPE_BYTES_MAX))
      if (isFull || taken >= ENVELOPE_EVENTS_MAX) break
      taken++
      full += one.bytes
    }
    count -= taken
    bytes -= full
    return waiting.splice(0, taken)
  }

  return {
    isEmpty: () => count === 0,
    fillsCall: () => count >= LINGER_EVENTS_MAX || bytes >= BATCH_BYTES_MAX,
    laneOf(message: Message): Lane<Item> {
      const key = JSON.stringify(message)
      const lane = lanes.get(key) ?? { message, waiting: [] }
      lanes.set(key, lane)
      return lane
    },
    add(lane: Lane<Item>, item: Item, settle: Waiting<Item>["settle"]): void {
      const one = { item, bytes: bytesOf(item, lane.waiting.at(-1)?.item), settle }
      lane.waiting.push(one)
      count++
      bytes += one.bytes
    },
    /** Returns the envelopes of a call; what does not fit waits for the next. */
    takeCall(): Envelope<Item>[] {
      const envelopes: Envelope<Item>[] = []
      let room = BATCH_BYTES_MAX
      for (const [key, lane] of lanes) {
        if (envelopes.length >= BATCH_MESSAGES_MAX) break
        const before = bytes
        const waiting = takeEnvelope(lane, room)
        if (waiting.length === 0) break
        room -= before - bytes
        const items = waiting.map(({ item }) => item)
        envelopes.push({ ...lane.message, body: body(lane.message.group, items), waiting })
        // A lane with more is visited again, after the others.
        lanes.delete(key)
        if (lane.waiting.length > 0) lanes.set(key, lane)
      }
      return envelopes
    },
    takeAll(): Waiting<Item>[] {
      const all = [...lanes.values()].flatMap(({ waiting }) => waiting)
      lanes.clear()
      count = 0
      bytes = 0
      return all
    },
  }
}

const eventsOf = <Item>(envelopes: Envelope<Item>[]): Waiting<Item>[] => envelopes.flatMap(({ waiting }) => waiting)

/** Rejects events, and logs why at once: a role without the right, say, would otherwise look like a queue that is away. */
function fail<Item>(unsent: Waiting<Item>[], error: unknown, queueUrl: string): void {
  const { code, refused } = sqsFailure(error)
  const details = { queue: queueUrl.split("/").at(-1), events: unsent.length, code, error: describeError(error, 1) }
  if (refused) log.warn("events refused by the queue", details)
  else log.warn("events not sent", details)
  for (const one of unsent) one.settle(error)
}
