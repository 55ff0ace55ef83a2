import type { RedisClient } from "../clients/redis.ts"
import { SHARDS, shardKeys } from "../outbox/keys.ts"
import { OLDEST, SURVEY } from "../outbox/scripts/survey.ts"

/** Entries per call: well under a millisecond of Redis' time. */
const SCAN_COUNT = 500

export type ShardSurvey = {
  shard: string
  /** Whether writes are taken; false also for a shard that Redis does not know yet. */
  settled: boolean
  events: number
  bytes: number
  dead: number
}
export type OutboxSurvey = {
  shards: ShardSurvey[]
  /** The least revision (µs) of an event that is not dead, if there is one. */
  oldestRevision: number | undefined
  /** Whether all events were examined; if not, there may be older ones. */
  complete: boolean
}

/** Surveys all shards, and looks for the oldest event for about `budgetMs`. Throws DependencyAway. */
export async function surveyOutbox({ redis }: { redis: RedisClient }, budgetMs: number): Promise<OutboxSurvey> {
  const deadline = performance.now() + budgetMs
  const revisions: number[] = []
  const shards = await Promise.all(
    SHARDS.map(async (shard): Promise<ShardSurvey> => {
      const { first, ...survey } = await redis.run(SURVEY, shardKeys(shard), {})
      if (first) revisions.push(first)
      return { shard, ...survey }
    }),
  )
  let complete = true
  // Scans in sequence, so that Redis serves others in between.
  for (const { shard, events } of shards) {
    if (events === 0) continue
    for (let cursor = "0", started = false; !started || cursor !== "0"; started = true) {
      if (performance.now() > deadline) {
        complete = false
        break
      }
      const { next, least } = await redis.run(OLDEST, shardKeys(shard), { cursor, count: SCAN_COUNT })
      cursor = next
      if (least) revisions.push(least)
    }
  }
  return { shards, oldestRevision: revisions.length > 0 ? Math.min(...revisions) : undefined, complete }
}
