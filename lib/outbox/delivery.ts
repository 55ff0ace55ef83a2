/** The outbox for consumers and relay: what becomes of accepted events. */
import type { RedisClient } from "../clients/redis.ts"
import { keyOfText, keyText, type ResourceKey } from "../events.ts"
import { changesKey, parentText, pendingKey, pendingMember, SHARDS, shardKeys, shardOf } from "./keys.ts"
import { BURY, CLAIM, HAND_BACK, NEXT_DUE, REMOVE, REVIVE, SCAN_DEAD } from "./scripts/delivery.ts"

/** Entries per call of a scan: well under a millisecond of Redis' time. */
export const SCAN_COUNT = 500

export function createDelivery(redis: RedisClient) {
  /** Takes events of one shard off, except those replaced by newer ones. Returns how many. */
  async function remove(shard: string, events: (ResourceKey & { revision: string })[]): Promise<number> {
    const sets = events.flatMap((event) => [pendingKey(shard, parentText(event)), changesKey(event.application)])
    const removed = events.flatMap((event) => [keyText(event), event.revision, pendingMember(event)])
    return redis.run(REMOVE, { ...shardKeys(shard), sets }, { events: removed })
  }

  /** Claims due events; each is due again after a back-off. */
  const claim = (shard: string, count: number) => redis.run(CLAIM, shardKeys(shard), { count })

  /** Returns the ms until the first event of all shards is due, negative if overdue, undefined without events. */
  async function nextDue(): Promise<number | undefined> {
    const waits = await Promise.all(SHARDS.map((shard) => redis.run(NEXT_DUE, shardKeys(shard), {})))
    const known = waits.filter((wait) => wait !== undefined)
    return known.length > 0 ? Math.min(...known) : undefined
  }

  /** Marks an event dead if the outbox still holds it: it is read, but not relayed until revived. */
  async function bury(event: ResourceKey & { revision: string }, reason: string): Promise<void> {
    const keys = shardKeys(shardOf(event.application))
    await redis.run(BURY, keys, { field: keyText(event), revision: event.revision, reason })
  }

  /** Makes a dead event due at once. Returns whether it was dead. */
  const revive = (key: ResourceKey) => redis.run(REVIVE, shardKeys(shardOf(key.application)), { field: keyText(key) })

  /** Yields the keys of a shard's dead events, each at least once; those that die meanwhile may be missing. */
  async function* dead(shard: string): AsyncGenerator<ResourceKey> {
    for (let cursor = "0", started = false; !started || cursor !== "0"; started = true) {
      const { next, fields } = await redis.run(SCAN_DEAD, shardKeys(shard), { cursor, count: SCAN_COUNT })
      yield* fields.map(keyOfText)
      cursor = next
    }
  }

  /**
   * Leaves events of one shard to the relay: those that the outbox holds are due at once, unless the relay has sent
   * them before. Returns for each whether the outbox holds it or a newer one.
   */
  async function handBack(shard: string, events: (ResourceKey & { revision: string })[]): Promise<boolean[]> {
    const held = events.flatMap((event) => [keyText(event), event.revision])
    return redis.run(HAND_BACK, shardKeys(shard), { events: held })
  }

  return { remove, claim, nextDue, bury, revive, dead, handBack }
}
