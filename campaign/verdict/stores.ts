// Reads the stores directly, past the API and the links, for samples and the verdict.
import { setTimeout as sleep } from "node:timers/promises"
import { readConfig } from "../../lib/config.ts"
import { lifeKey, outboxKey } from "../../lib/outbox/keys.ts"
import type { QueueKey } from "../../lib/queue/queues.ts"
import { buildStores } from "../../lib/search-runtime.ts"
import type { SearchStores } from "../../lib/stores.ts"
import { createRedisReader } from "./redis-reader.ts"

/** A store that takes longer counts as away; samples are a second apart. */
const ANSWER_MS = 900

export type DirectStores = {
  stores: SearchStores
  /** Returns the number of events in the 64 outboxes. */
  outboxEvents(): Promise<number>
  /** Returns the bytes that the shards count for their outboxes. */
  outboxBytes(): Promise<number>
  redisMemoryBytes(): Promise<number>
  queueDepth(queue: QueueKey): Promise<number>
  deadLetters(queue: QueueKey): Promise<number>
  pendingIndexRows(): Promise<number>
  /** Returns the number of tombstones with rows below them. */
  openPurges(): Promise<number>
  close(): Promise<void>
}

/** Returns the result of `ask`, or null when it fails or takes too long. */
export async function unlessAway<T>(ask: () => Promise<T>, limitMs = ANSWER_MS): Promise<T | null> {
  const answer = ask().catch(() => null)
  return Promise.race([answer, sleep(limitMs, null, { ref: false })])
}

/** Connects to the stores in `env`; `redisUrls` returns the nodes of Redis where it is a cluster. */
export function connectStores(env: Record<string, string>, redisUrls?: () => string[]): DirectStores {
  return directStores(buildStores(readConfig(env)), redisUrls)
}

/** Returns a view of existing stores. Its `close` closes them too. */
export function directStores(
  { stores, close }: { stores: SearchStores; close: () => Promise<void> },
  redisUrls?: () => string[],
): DirectStores {
  const { config, mysql, sqs, queues } = stores
  const redis = createRedisReader(redisUrls ?? (() => [config.REDIS_URL]), ANSWER_MS)
  const sum = (values: unknown[]): number => values.reduce<number>((total, value) => total + Number(value ?? 0), 0)
  const outboxSizes = () => redis.ofEachShard((pipeline, shard) => pipeline.hlen(outboxKey(shard)))
  const depthAt = async (url: string) => {
    const { visible, inFlight, delayed } = await sqs.depth(url)
    return visible + inFlight + delayed
  }

  return {
    stores,
    outboxEvents: async () => sum(await outboxSizes()),
    outboxBytes: async () => sum(await redis.ofEachShard((pipeline, shard) => pipeline.hget(lifeKey(shard), "bytes"))),
    redisMemoryBytes: redis.memoryBytes,
    queueDepth: (queue) => depthAt(queues[queue].url),
    deadLetters: (queue) => depthAt(queues[queue].deadLettersUrl),
    async pendingIndexRows() {
      const { rows } = await mysql
        .selectFrom("pending_index")
        .select((eb) => eb.fn.countAll<number>().as("rows"))
        .executeTakeFirstOrThrow()
      return Number(rows)
    },
    async openPurges() {
      const { rows } = await mysql
        .selectFrom("tombstones")
        .select((eb) => eb.fn.countAll<number>().as("rows"))
        .where("purge_at", "is not", null)
        .executeTakeFirstOrThrow()
      return Number(rows)
    },
    async close() {
      redis.close()
      await close()
    },
  }
}
