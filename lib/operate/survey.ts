import { SCAN_COUNT } from "../outbox/delivery.ts"
import { SHARDS } from "../outbox/keys.ts"
import type { Stores } from "../stores.ts"

export type ShardSurvey = {
  shard: string
  /** Whether its server answers; if not, nothing else is known of it. */
  reached: boolean
  /** Whether writes are taken; false also for a shard that was never used. */
  settled: boolean
  events: number
  bytes: number
  dead: number
  /** Events that are stored, and retained for a reader of MySQL; the mark of a replaced one counts until it goes. */
  stored: number
}
export type OutboxSurvey = {
  shards: ShardSurvey[]
  /** The least revision (µs) of an event that is neither dead nor stored, if there is one. */
  oldestRevision: number | undefined
  /** Whether all events were examined; if not, there may be older ones. */
  complete: boolean
}

/** Surveys the shards, and looks for the oldest event for about `budgetMs`. Throws DependencyAway if none can be reached. */
export async function surveyOutbox({ outbox }: Pick<Stores, "outbox">, budgetMs: number): Promise<OutboxSurvey> {
  const deadline = performance.now() + budgetMs
  const revisions: number[] = []
  const surveyed = await Promise.allSettled(
    SHARDS.map(async (shard): Promise<ShardSurvey> => {
      const { first, ...survey } = await outbox.survey(shard)
      if (first) revisions.push(first)
      return { shard, reached: true, ...survey }
    }),
  )
  const failure = surveyed.find((one) => one.status === "rejected")
  if (failure && !surveyed.some((one) => one.status === "fulfilled")) throw failure.reason
  const shards = surveyed.map((one, index): ShardSurvey => {
    if (one.status === "fulfilled") return one.value
    return { shard: SHARDS[index] ?? "", reached: false, settled: false, events: 0, bytes: 0, dead: 0, stored: 0 }
  })
  let complete = true
  // Scans in sequence, so that Redis serves others in between.
  for (const { shard, events } of shards) {
    if (events === 0) continue
    for (let cursor = "0", started = false; !started || cursor !== "0"; started = true) {
      if (performance.now() > deadline) {
        complete = false
        break
      }
      const { next, least } = await outbox.oldest(shard, cursor, SCAN_COUNT)
      cursor = next
      if (least) revisions.push(least)
    }
  }
  return { shards, oldestRevision: revisions.length > 0 ? Math.min(...revisions) : undefined, complete }
}
