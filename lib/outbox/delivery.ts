/** The outbox as consumers and relay see it: what becomes of events that were accepted. */
import type { RedisClient } from "../clients/redis.ts"
import { keyText, type ResourceKey } from "../events.ts"
import { parentText, pendingKey, pendingMember, SHARDS, shardKeys, shardOf } from "./keys.ts"
import { BURY, CLAIM, HAND_BACK, NEXT_DUE, REMOVE, REVIVE } from "./scripts/delivery.ts"

export function createDelivery(redis: RedisClient) {
  /** Takes events off (all of one shard); those that a newer event has replaced stay. Answers how many went. */
  async function remove(shard: string, events: (ResourceKey & { revision: string })[]): Promise<number> {
    const pending = events.map((event) => pendingKey(shard, parentText(event)))
    const removed = events.flatMap((event) => [keyText(event), event.revision, pendingMember(event)])
    return redis.run(REMOVE, { ...shardKeys(shard), pending }, { events: removed })
  }

  /** Claims up to `count` events that are due; each is due again after a back-off. */
  const claim = (shard: string, count: number) => redis.run(CLAIM, shardKeys(shard), { count })

  /** The time in ms until the first event of all shards is due, below 0 when it has been; undefined without events. */
  async function nextDue(): Promise<number | undefined> {
    const waits = await Promise.all(SHARDS.map((shard) => redis.run(NEXT_DUE, shardKeys(shard), {})))
    const known = waits.filter((wait) => wait !== undefined)
    return known.length > 0 ? Math.min(...known) : undefined
  }

  /** Marks an event dead, if the outbox still holds it: it is read, but not relayed until it is revived. */
  async function bury(event: ResourceKey & { revision: string }, reason: string): Promise<void> {
    const keys = shardKeys(shardOf(event.application))
    await redis.run(BURY, keys, { field: keyText(event), revision: event.revision, reason })
  }

  /** Makes a dead event due at once. Answers whether it was dead. */
  const revive = (key: ResourceKey) => redis.run(REVIVE, shardKeys(shardOf(key.application)), { field: keyText(key) })

  /**
   * Leaves events (all of one shard), whose queue message will go, to the relay: those that the outbox holds are due at
   * once, unless the relay has sent them before. Answers for each whether the outbox holds it or a newer one.
   */
  async function handBack(shard: string, events: (ResourceKey & { revision: string })[]): Promise<boolean[]> {
    const held = events.flatMap((event) => [keyText(event), event.revision])
    return redis.run(HAND_BACK, shardKeys(shard), { events: held })
  }

  return { remove, claim, nextDue, bury, revive, handBack }
}
