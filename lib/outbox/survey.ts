/** What the shards of the outbox hold, for the operator: read by scripts that change nothing, a bounded piece at a time. */
import type { RedisClient } from "../clients/redis.ts"
import { deadKey, dueKey, lifeKey, outboxKey, SHARDS } from "./keys.ts"
import type { Script } from "./scripts/writes.ts"

/** Entries that one call looks at: well under a millisecond of Redis' time. */
const SCAN_COUNT = 500

const SURVEY: Script = {
  name: "survey",
  lua: `#!lua flags=no-writes,allow-oom
-- KEYS 1 life 2 outbox 3 due 4 dead
-- returns {settled 0|1, events, bytes, dead, revision of what is due first or ''}
local run = redis.call('INFO', 'server'):match('run_id:(%w+)')
local s = redis.call('HMGET', KEYS[1], 'run', 'drained', 'bytes')
local first = redis.call('ZRANGE', KEYS[3], 0, 0)[1]
local entry = first and redis.call('HGET', KEYS[2], first)
return { s[1] == run and s[2] == '1' and 1 or 0, redis.call('HLEN', KEYS[2]), tonumber(s[3] or '0'),
  redis.call('HLEN', KEYS[4]), entry and entry:match('^{"revision":"(%d+)"') or '' }
`,
}

const OLDEST: Script = {
  name: "oldest",
  lua: `#!lua flags=no-writes,allow-oom
-- KEYS 1 outbox
-- ARGV 1 cursor 2 count
-- returns {next cursor ('0' at the end), least revision among the entries seen or ''}
local reply = redis.call('HSCAN', KEYS[1], ARGV[1], 'COUNT', ARGV[2])
local least
for i = 2, #reply[2], 2 do
  local revision = tonumber(reply[2][i]:match('^{"revision":"(%d+)"'))
  if revision and (not least or revision < least) then least = revision end
end
return { reply[1], least and string.format('%.0f', least) or '' }
`,
}

export type ShardSurvey = {
  shard: string
  /** Whether writes are taken now; false also for a shard that Redis knows nothing of yet. */
  settled: boolean
  events: number
  bytes: number
  dead: number
}
export type OutboxSurvey = {
  shards: ShardSurvey[]
  /** The least revision (µs) of an event; undefined when there is none. */
  oldestRevision: number | undefined
  /** Whether all events were looked at; if not, there may be older ones. */
  complete: boolean
}

/** Surveys all shards, and looks for the oldest event for about `budgetMs`. Throws DependencyAway. */
export async function surveyOutbox({ redis }: { redis: RedisClient }, budgetMs: number): Promise<OutboxSurvey> {
  const deadline = performance.now() + budgetMs
  const revisions: number[] = []
  const shards = await Promise.all(
    SHARDS.map(async (shard): Promise<ShardSurvey> => {
      const keys = [lifeKey(shard), outboxKey(shard), dueKey(shard), deadKey(shard)]
      const [settled, events, bytes, dead, first] = await redis.run(SURVEY, keys, [])
      if (first) revisions.push(Number(first))
      return { shard, settled: settled === 1, events: Number(events), bytes: Number(bytes), dead: Number(dead) }
    }),
  )
  let complete = true
  // One after the other: Redis serves everyone else in between.
  for (const { shard, events } of shards) {
    if (events === 0) continue
    for (let cursor = "0", started = false; !started || cursor !== "0"; started = true) {
      if (performance.now() > deadline) {
        complete = false
        break
      }
      const [next, least] = await redis.run(OLDEST, [outboxKey(shard)], [cursor, SCAN_COUNT])
      cursor = String(next)
      if (least) revisions.push(Number(least))
    }
  }
  return { shards, oldestRevision: revisions.length > 0 ? Math.min(...revisions) : undefined, complete }
}
