import type { RedisClient, Script } from "../clients/redis.ts"
import { DependencyAway } from "../errors.ts"
import { ENTER } from "./scripts/recovery.ts"

/**
 * Returns the client for the outbox's scripts. In a cluster a script refuses a shard that was last used in another life
 * of Redis (OTHERLIFE). It is run again once the shard has entered the present one: as it is if the cluster has only
 * moved it, else in a new generation.
 */
export function withLives(redis: RedisClient): RedisClient {
  async function run<Keys, Args, Reply>(script: Script<Keys, Args, Reply>, keys: Keys, args: Args): Promise<Reply> {
    try {
      return await redis.run(script, keys, args)
    } catch (error) {
      const lives = livesIn(error)
      if (!lives) throw error
      const [life = ""] = script.keysOf(keys)
      const moved = (await redis.hasMoved(life, lives.from, lives.to)) ? 1 : 0
      await redis.run(ENTER, { life }, { ...lives, moved })
      return redis.run(script, keys, args)
    }
  }
  return { ...redis, run }
}

/** Returns the former and the present life that a script named when it refused; it had changed nothing. */
function livesIn(error: unknown): { from: string; to: string } | undefined {
  const text = error instanceof DependencyAway && error.cause instanceof Error ? error.cause.message : ""
  const [, from, to] = /^OTHERLIFE (\S+) (\S+)/.exec(text) ?? []
  return from === undefined || to === undefined ? undefined : { from, to }
}
