/**
 * DESIGN. When Redis begins a new life, events accepted before may still be in the persist queue, and until they are
 * persisted MySQL does not know the highest numbers. So a shard holds its writes back until the queue has been seen empty
 * after the shard's generation began. All shards are made to wait meanwhile, or under load those that go on would never
 * let the queue be empty. Where data was lost, the outbox may have come back older: its events are sent again, and the
 * shard waits until they are found stale and taken off.
 */
import { setTimeout as sleep } from "node:timers/promises"
import { DependencyAway } from "../errors.ts"
import { SHARDS } from "../outbox/keys.ts"
import type { Stores } from "../stores.ts"

/** A process that accepted an event just before has sent it by then as a rule: a send is given up after half of it. */
const SETTLE_AFTER_MS = 1_000
const POLL_MS = 100
/** A request waits this long rather than answer 503: on a fresh start that is all it takes. */
const WAIT_MAX_MS = 2_000

/** Claimed and sent at a time, as by the relay. */
const CLAIM_COUNT = 500

/** One at a time in a process: all the requests that wait share it. */
const underWay = new WeakMap<Stores["redis"], Promise<boolean>>()

/** Settles every shard. Returns false when the queue has not been drained within two seconds. Throws DependencyAway. */
export function settleShards(stores: Stores): Promise<boolean> {
  // Not the outbox: under rate limits each request has its own view of it.
  const { redis } = stores
  const running = underWay.get(redis)
  if (running !== undefined) return running
  const started = drain(stores).finally(() => underWay.delete(redis))
  underWay.set(redis, started)
  return started
}

/** Durations are measured by the monotonic clock: a step of the wall clock must not make a queue look quiet. */
async function drain(stores: Stores): Promise<boolean> {
  const { outbox, queues } = stores
  const deadline = performance.now() + WAIT_MAX_MS
  let [quietSince, seenSince] = [performance.now(), 0]
  let generations = ""
  const waiting = new Map<string, string>()
  for (;;) {
    // Another process may have settled them meanwhile, or be doing so: what it has settled need not wait again.
    const seen = await Promise.all(SHARDS.map((shard) => outbox.open(shard, false)))
    if (seen.every(({ settled }) => settled)) return true
    for (const { shard, settled, generation } of seen) if (!settled) waiting.set(shard, generation)
    const shards = await Promise.all(SHARDS.map((shard) => outbox.open(shard, true, waiting.get(shard))))
    for (const { shard, stale } of shards) if (stale) await sendStale(stores, shard)
    if (shards.some(({ settled, stale }) => settled || stale)) quietSince = performance.now()
    const opened = shards.map(({ generation }) => generation).join()
    if (opened !== generations) seenSince = performance.now()
    generations = opened
    // Two ways to tell how old the generations are at least, since a clock that was set back makes them young for long.
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

/** Sends what an older copy of Redis has brought back; what is not sent now the relay sends. */
async function sendStale({ outbox, queues }: Stores, shard: string): Promise<void> {
  for (;;) {
    const events = await outbox.claim(shard, CLAIM_COUNT)
    await queues.persist.send(events).catch((error: unknown) => {
      if (!(error instanceof DependencyAway)) throw error
    })
    if (events.length < CLAIM_COUNT) return
  }
}
