/** The outbox as consumers and relay see it: what becomes of events that were accepted. */
import type { RedisClient } from "../clients/redis.ts"
import { keyText, type ResourceKey, WriteEvent } from "../events.ts"
import {
  attemptsKey,
  deadKey,
  dueKey,
  lifeKey,
  outboxKey,
  parentText,
  pendingKey,
  pendingMember,
  SHARDS,
  shardOf,
} from "./keys.ts"
import * as scripts from "./scripts/delivery.ts"

/** Doubled with each attempt up to the maximum, so that a long backlog does not flood the queue. */
const RELAY_BACKOFF_MS = 30_000
const RELAY_BACKOFF_MAX_MS = 300_000

export function createDelivery(redis: RedisClient) {
  /** Takes events off (all of one shard); those that a newer event has replaced stay. Answers how many went. */
  async function remove(shard: string, events: (ResourceKey & { revision: string })[]): Promise<number> {
    const keys = [lifeKey(shard), outboxKey(shard), dueKey(shard), attemptsKey(shard), deadKey(shard)]
    const args: string[] = []
    for (const event of events) {
      keys.push(pendingKey(shard, parentText(event)))
      args.push(keyText(event), event.revision, pendingMember(event))
    }
    const [removed] = await redis.run(scripts.REMOVE, keys, args)
    return Number(removed)
  }

  /** Claims up to `count` events that are due; each is due again after a back-off. */
  async function claim(shard: string, count: number): Promise<WriteEvent[]> {
    const keys = [outboxKey(shard), dueKey(shard), attemptsKey(shard)]
    const entries = await redis.run(scripts.CLAIM, keys, [count, RELAY_BACKOFF_MS, RELAY_BACKOFF_MAX_MS])
    return entries.map((entry) => WriteEvent.parse(JSON.parse(String(entry))))
  }

  /** The time in ms until the first event of all shards is due, below 0 when it has been; undefined without events. */
  async function nextDue(): Promise<number | undefined> {
    const replies = await Promise.all(
      SHARDS.map((shard) => redis.run(scripts.NEXT_DUE, [dueKey(shard)], [RELAY_BACKOFF_MAX_MS])),
    )
    const waits = replies.flatMap(([wait]) => (wait === undefined || wait === null ? [] : [Number(wait)]))
    return waits.length > 0 ? Math.min(...waits) : undefined
  }

  /** Marks an event dead, if the outbox still holds it: it is read, but not relayed until it is revived. */
  async function bury(event: ResourceKey & { revision: string }, reason: string): Promise<void> {
    const shard = shardOf(event.application)
    const keys = [outboxKey(shard), dueKey(shard), deadKey(shard)]
    await redis.run(scripts.BURY, keys, [keyText(event), event.revision, reason])
  }

  /** Makes a dead event due at once. Answers whether it was dead. */
  async function revive(key: ResourceKey): Promise<boolean> {
    const shard = shardOf(key.application)
    const keys = [outboxKey(shard), dueKey(shard), deadKey(shard), attemptsKey(shard)]
    return (await redis.run(scripts.REVIVE, keys, [keyText(key)]))[0] === 1
  }

  /**
   * Leaves events (all of one shard), whose queue message will go, to the relay: those that the outbox holds are due at
   * once, unless the relay has sent them before. Answers for each whether the outbox holds it or a newer one.
   */
  async function handBack(shard: string, events: (ResourceKey & { revision: string })[]): Promise<boolean[]> {
    const keys = [outboxKey(shard), dueKey(shard), attemptsKey(shard)]
    const args = events.flatMap((event) => [keyText(event), event.revision])
    return (await redis.run(scripts.HAND_BACK, keys, args)).map((value) => value === 1)
  }

  return { remove, claim, nextDue, bury, revive, handBack }
}
