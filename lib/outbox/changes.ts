/** The outbox for those who read changes: what was written to an application and is not stored yet, by revision. */
import type { RedisClient } from "../clients/redis.ts"
import { keyText, type ResourceKey } from "../events.ts"
import { changesKey, keysWith, shardKeys, shardOf } from "./keys.ts"
import { COVER, PASS_OVER, PLACE, READ_CHANGES, SCAN } from "./scripts/changes.ts"
import type { Judge } from "./scripts/rates.ts"

/** Bounds what one script looks at: some milliseconds even if most of it belongs to other chats. */
const SCAN_MAX = 500

export type ChangesRange = {
  application: string
  /** 0 for all of the application. */
  chat: number
  /** The revision that the changes must exceed. */
  after: number
  count: number
}

export function createChanges(redis: RedisClient, seen: Map<string, number>, judge: Judge) {
  const seenIn = (application: string) => seen.get(shardOf(application)) ?? 0

  /** Returns the pending changes in a range. `placed` is what placeChanges has returned, if it was called. */
  async function readChanges({ application, ...range }: ChangesRange, placed = 0) {
    const judgement = judge(shardOf(application), application)
    const keys = { ...keysWith(application), buckets: judgement.buckets }
    const args = { ...range, seen: seenIn(application), application, placed, scan: SCAN_MAX, quotas: judgement.quotas }
    return (await redis.run(READ_CHANGES, keys, args))(judgement)
  }

  /** Gives each event of the application's shard its place among the changes; older functions did not. */
  async function placeChanges(application: string): Promise<void> {
    const shard = shardOf(application)
    let cursor = "0"
    do {
      const { next, fields } = await redis.run(SCAN, shardKeys(shard), { cursor, count: SCAN_MAX })
      cursor = next
      if (fields.length === 0) continue
      const changes = fields.map((field) => changesKey(field.split("/")[0] ?? ""))
      await redis.run(PLACE, { ...shardKeys(shard), changes }, { fields })
    } while (cursor !== "0")
  }

  /** Raises the shard's revision to `stored`, the greatest that MySQL has of the application, if `generation` holds. */
  const coverChanges = (generation: string, application: string, stored: number) =>
    redis.run(COVER, keysWith(application), { seen: seenIn(application), generation, application, stored })

  /**
   * Returns whether each write of an application is passed over: a later one of the resource is pending, or its chat was
   * deleted. Returns nothing if `generation` is over.
   */
  function passOver(generation: string, application: string, writes: { key: ResourceKey; revision: number }[]) {
    const fields = writes.flatMap(({ key, revision }) => [keyText(key), revision])
    const args = { seen: seenIn(application), generation, writes: fields }
    return redis.run(PASS_OVER, shardKeys(shardOf(application)), args)
  }

  return { readChanges, placeChanges, coverChanges, passOver }
}
