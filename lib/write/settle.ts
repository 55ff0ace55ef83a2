/**
 * DESIGN. When Redis begins a new life, events accepted before may still be in the persist queue, and until they are
 * stored MySQL does not know the highest numbers. So a shard takes no writes until the queue has been seen empty after
 * its generation began. All shards wait meanwhile; under load the queue would otherwise never be empty. If data was
 * lost, the outbox may be an older copy: its events are sent again, and the shard waits until they are found stale and
 * taken off.
 */
import { setTimeout as sleep } from "node:timers/promises"
import { DependencyAway } from "../errors.ts"
import { SHARDS } from "../outbox/keys.ts"
import type { Stores } from "../stores.ts"

/** By then a process has usually sent an event that it accepted before, since a send's time-out is half of this. */
const SETTLE_AFTER_MS = 1_000
const POLL_MS = 100
/** A request waits this long before it is answered 503; a fresh start needs no more. */
const WAIT_MAX_MS = 2_000

/** Claims per batch, as in the relay. */
const CLAIM_COUNT = 500

/** One run per process, shared by all waiting requests. */
const underWay = new WeakMap<Stores["redis"], Promise<boolean>>()

/** Settles every shard. Returns false if the queue is not drained within two seconds. Throws DependencyAway. */
export function settleShards(stores: Stores): Promise<boolean> {
  // Keyed by redis, since rate limits give each request its own outbox.
  const { redis } = stores
  const running = underWay.get(redis)
  if (running !== undefined) return running
  const started = drain(stores).finally(() => underWay.delete(redis))
  underWay.set(redis, started)
  return started
}

/** Uses the monotonic clock, since a step of the wall clock must not make a queue look quiet. */
async function drain(stores: Stores): Promise<boolean> {
  const { outbox, queues } = stores
  const deadline = performance.now() + WAIT_MAX_MS
  let [quietSince, seenSince] = [performance.now(), 0]
  let generations = ""
  const waiting = new Map<string, string>()
  for (;;) {
    // Shards that another process has settled meanwhile need not wait again.
    const seen = await Promise.all(SHARDS.map((shard) => outbox.open(shard, false)))
    if (seen.every(({ settled }) => settled)) return true
    for (const { shard, settled, generation } of seen) if (!settled) waiting.set(shard, generation)
    const shards = await Promise.all(SHARDS.map((shard) => outbox.open(shard, true, waiting.get(shard))))
    for (const { shard, stale } of shards) if (stale) await sendStale(stores, shard)
    if (shards.some(({ settled, stale }) => settled || stale)) quietSince = performance.now()
    const opened = shards.map(({ generation }) => generation).join()
    if (opened !== generations) seenSince = performance.now()
    generations = opened
    // Two measures of the generations' least age, since a clock set back makes them look young for long.
    const ageMs = Math.max(performance.now() - seenSince, Math.min(...shards.map((shard) => shard.ageMs)))
    const quietMs = Math.min(performance.now() - quietSince, ageMs)
    if (quietMs >= SETTLE_AFTER_MS) {
      const { visible, inFlight, delayed } = await queues.persist.depth()
      if (visible + inFlight + delayed === 0) {
        const settled = await Promise.all(shards.map(({ shard, generation }) => outbox.settle(shard, generation)))
        if (settled.every(Boolean)) return true
      }
    }
    const waitMs = Math.max(POLL_MS, SETTLE_AFTER_MS - quietMs)
    if (performance.now() + waitMs > deadline) return false
    await sleep(waitMs)
  }
}

/** Sends the events that an older copy of Redis brought back; the relay sends the rest. */
async function sendStale({ outbox, queues }: Stores, shard: string): Promise<void> {
  for (;;) {
    const events = await outbox.claim(shard, CLAIM_COUNT)
    await queues.persist.send(events).catch((error: unknown) => {
      if (!(error instanceof DependencyAway)) throw error
    })
    if (events.length < CLAIM_COUNT) return
  }
}
