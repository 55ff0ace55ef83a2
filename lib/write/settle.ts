/**
 * DESIGN. When Redis begins a new life, events accepted before may still be in the persist queue, and until they are
 * stored MySQL does not know the highest numbers. So a shard takes no writes until the queue has been seen empty after
 * its generation began. Under load the queue would never be empty. So meanwhile the other shards take writes, but keep
 * the events in the outbox (they are *held*), as if the queue were away; once the shard is settled they are sent. A
 * shard that cannot be reached is held by nobody, and only delays the moment at which the queue is empty.
 *
 * If data was lost, the outbox may be an older copy: its events are sent again, and the shard waits until they are found
 * stale and taken off.
 */
import { setTimeout as sleep } from "node:timers/promises"
import { retentionOf } from "../config.ts"
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

type Opened = Awaited<ReturnType<Stores["outbox"]["open"]>>
type Run = { end: Promise<boolean>; settled: Set<string>; step: PromiseWithResolvers<void> }

/** One run per process, shared by all waiting requests. */
const underWay = new WeakMap<Stores["redis"], Run>()

/**
 * Settles every shard that can be reached, and returns as soon as `shard` is settled, or all are. Returns false if the
 * queue is not drained within two seconds. Throws DependencyAway.
 */
export async function settleShards(stores: Stores, shard?: string): Promise<boolean> {
  // Keyed by redis, since rate limits give each request its own outbox.
  const { redis } = stores
  const run = underWay.get(redis) ?? start(stores)
  while (underWay.get(redis) === run) {
    if (shard !== undefined && run.settled.has(shard)) return true
    await Promise.race([run.end, run.step.promise])
  }
  return run.end
}

function start(stores: Stores): Run {
  const run: Run = { end: Promise.resolve(false), settled: new Set(), step: Promise.withResolvers() }
  run.end = drain(stores, run).finally(() => underWay.delete(stores.redis))
  // Whoever waits gets the error; nobody may.
  run.end.catch(() => undefined)
  underWay.set(stores.redis, run)
  return run
}

/** Uses the monotonic clock, since a step of the wall clock must not make a queue look quiet. */
async function drain(stores: Stores, run: Run): Promise<boolean> {
  const deadline = performance.now() + WAIT_MAX_MS
  const ageOf = createAges()
  for (let holds = false; ; holds = true) {
    const opened = await openAll(stores, holds)
    const unsettled = opened.filter(({ settled }) => !settled)
    if (unsettled.length === 0) {
      await releaseAll(stores, opened)
      return true
    }
    note(run, opened)
    for (const { shard, stale } of opened) if (stale) await sendDue(stores, shard)
    const ripe = unsettled.filter((shard) => ageOf(shard) >= SETTLE_AFTER_MS && !shard.stale)
    if (holds && ripe.length > 0 && (await isEmpty(stores))) {
      await Promise.all(ripe.map((one) => unlessAway(settle(stores, one))))
      continue
    }
    const youngest = Math.min(...unsettled.map(ageOf))
    const waitMs = ripe.length > 0 ? POLL_MS : Math.max(POLL_MS, SETTLE_AFTER_MS - youngest)
    if (performance.now() + waitMs > deadline) return false
    await sleep(waitMs)
  }
}

/** Settles a shard, unless it has stale events. Those that are stored already may only wait for a reader of MySQL. */
async function settle({ outbox, config }: Stores, { shard, generation }: Opened): Promise<void> {
  const lagMs = retentionOf(config)
  if (lagMs !== undefined) await outbox.retire(shard, lagMs)
  await outbox.settle(shard, generation)
}

/** Wakes the requests whose shards are settled. */
function note(run: Run, opened: Opened[]): void {
  run.settled = new Set(opened.flatMap(({ shard, settled }) => (settled ? [shard] : [])))
  run.step.resolve()
  run.step = Promise.withResolvers()
}

/** Returns a function for the age of a shard's generation, of which a clock that was set back is not believed. */
function createAges(): (opened: Opened) => number {
  const seenSince = new Map<string, number>()
  return ({ shard, generation, ageMs }) => {
    const name = `${shard} ${generation}`
    const since = seenSince.get(name) ?? performance.now()
    seenSince.set(name, since)
    return Math.max(ageMs, performance.now() - since)
  }
}

/** Opens every shard that can be reached. Throws DependencyAway if none can. */
async function openAll({ outbox }: Stores, holds: boolean): Promise<Opened[]> {
  const asked = await Promise.allSettled(SHARDS.map((shard) => outbox.open(shard, holds)))
  const opened = asked.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []))
  const failure = asked.find((one) => one.status === "rejected")
  if (failure && (opened.length === 0 || !(failure.reason instanceof DependencyAway))) throw failure.reason
  return opened
}

async function isEmpty({ queues }: Stores): Promise<boolean> {
  const { visible, inFlight, delayed } = await queues.persist.depth()
  return visible + inFlight + delayed === 0
}

/** Also what a process held back that has not come to an end since. */
async function releaseAll(stores: Stores, opened: Opened[]): Promise<void> {
  const held = opened.filter(({ holds }) => holds)
  await Promise.all(held.map(({ shard }) => unlessAway(stores.outbox.release(shard))))
  for (const { shard } of held) await unlessAway(sendDue(stores, shard))
}

/** Sends the events that are due: those that were held, or that an older copy of Redis brought back. */
async function sendDue({ outbox, queues }: Stores, shard: string): Promise<void> {
  for (;;) {
    const events = await outbox.claim(shard, CLAIM_COUNT)
    await unlessAway(queues.persist.send(events))
    if (events.length < CLAIM_COUNT) return
  }
}

/** The relay does what fails here. */
async function unlessAway(step: Promise<unknown>): Promise<void> {
  await step.catch((error: unknown) => {
    if (!(error instanceof DependencyAway)) throw error
  })
}
