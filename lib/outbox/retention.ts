/** Stored events that stay in the outbox while a reader of MySQL may not have them: see docs/decisions. */
import type { RedisClient } from "../clients/redis.ts"
import { keyOfText, keyText, type ResourceKey } from "../events.ts"
import type { createDelivery } from "./delivery.ts"
import { shardKeys } from "./keys.ts"
import type { OutboxLimits } from "./outbox.ts"
import { MARK, RETIRE } from "./scripts/retention.ts"

type Stored = ResourceKey & { revision: string }

export function createRetention(
  redis: RedisClient,
  { remove }: Pick<ReturnType<typeof createDelivery>, "remove">,
  limits: OutboxLimits,
) {
  /**
   * Takes a shard's events off that were stored longer ago than `lagMs`; sooner if the outbox is nearly full. Returns the
   * ms until the next of them, or undefined if none is left. What is taken off twice at once does no harm.
   */
  async function retire(shard: string, lagMs: number): Promise<number | undefined> {
    for (let done: string[] = []; ; ) {
      const { nextMs, events } = await redis.run(RETIRE, shardKeys(shard), { ...limits, lagMs, done })
      if (events.length === 0) return nextMs
      await remove(
        shard,
        events.map(({ revision, field }) => ({ revision, ...keyOfText(field) })),
      )
      // Only now, or a process that dies in between would leave them in the outbox.
      done = events.map(({ revision, field }) => `${revision} ${field}`)
    }
  }

  /** Marks events of one shard as stored, except those replaced by newer ones, and takes off what may go. */
  async function retain(shard: string, events: Stored[], lagMs: number): Promise<void> {
    const marked = events.flatMap((event) => [keyText(event), event.revision])
    await Promise.all([redis.run(MARK, shardKeys(shard), { events: marked }), retire(shard, lagMs)])
  }

  return { retain, retire }
}
