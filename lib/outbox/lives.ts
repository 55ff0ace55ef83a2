import type { RedisClient, Script } from "../clients/redis.ts"
import { DependencyAway } from "../errors.ts"
import { arrivingKey, formerName, lifeKey, shardOfName } from "./keys.ts"
import { ENTER } from "./scripts/recovery.ts"
import { CLOSE_UNUSED, FIND, TAKE } from "./scripts/tags.ts"

/** A shard may have to be found, entered and, if it is carried to another tag meanwhile, found again. */
const ATTEMPTS_MAX = 5

/**
 * Returns the client for the outbox's scripts, which finds the shards and lets them enter the present life of Redis. A
 * script that refuses has changed nothing of the shard's data, and is run again.
 *
 * NOLIFE: the shard has no life at the tag. It is looked for at the former tag of earlier releases (scripts/tags.ts), and
 * the process remembers where it was found. WRONGTYPE at the former tag: it has left it.
 *
 * OTHERLIFE, in a cluster: the shard was last used in another life of Redis. It enters the present one as it is if the
 * cluster has only moved it, else in a new generation.
 */
export function withLives(redis: RedisClient): RedisClient {
  /** The shards that were found at their former tags. */
  const former = new Set<string>()

  async function run<Keys, Args, Reply>(script: Script<Keys, Args, Reply>, keys: Keys, args: Args): Promise<Reply> {
    const [life = ""] = script.keysOf(keys)
    const shard = shardOfName(life)
    for (let attempt = 1; ; attempt++) {
      const isFormer = former.has(shard)
      try {
        return await redis.run(isFormer ? withFormerNames(script) : script, keys, args)
      } catch (error) {
        const lives = livesIn(error)
        const isElsewhere = isNoLife(error) || (isFormer && isWrongType(error))
        if (attempt === ATTEMPTS_MAX || (!isElsewhere && !lives)) throw error
        const hasLeft = (isElsewhere || isFormer) && (await find(shard, lives !== undefined)) !== isFormer
        if (lives && !hasLeft) await enter(isFormer ? formerName(life) : life, lives)
      }
    }
  }

  /** Remembers and returns whether the shard is at its former tag. */
  async function find(shard: string, cancels: boolean): Promise<boolean> {
    const isFormer = await isAtFormerTag(redis, shard, cancels)
    if (isFormer) former.add(shard)
    else former.delete(shard)
    return isFormer
  }

  async function enter(life: string, lives: { from: string; to: string }): Promise<void> {
    const moved = (await redis.hasMoved(life, lives.from, lives.to)) ? 1 : 0
    await redis.run(ENTER, { life }, { ...lives, moved }).catch((error: unknown) => {
      // The shard has left its former tag just now, as the next attempt will find.
      if (!isWrongType(error)) throw error
    })
  }

  const reaches = (key: string) => redis.reaches(former.has(shardOfName(key)) ? formerName(key) : key)
  return { ...redis, run, reaches }
}

/**
 * Returns whether a shard is at its former tag. One that is nowhere begins at its own. `cancels`: if it is at its former
 * tag it stays there, whoever is carrying it.
 */
export async function isAtFormerTag(redis: RedisClient, shard: string, cancels = false): Promise<boolean> {
  const keys = { life: lifeKey(shard), arriving: arrivingKey(shard) }
  if (await redis.run(FIND, keys, { cancels: cancels ? 1 : 0 })) return false
  const mark = await redis.run(CLOSE_UNUSED, { life: formerName(keys.life) }, {})
  if (mark === undefined) return true
  await redis.run(TAKE, keys, { mark })
  return false
}

const withFormerNames = <Keys, Args, Reply>(script: Script<Keys, Args, Reply>): Script<Keys, Args, Reply> => ({
  ...script,
  keysOf: (keys) => script.keysOf(keys).map(formerName),
})

/** Returns what a server said when a script failed. */
function refusalIn(error: unknown): string {
  const refusal = error instanceof DependencyAway ? error.cause : error
  return refusal instanceof Error ? refusal.message : ""
}

const isNoLife = (error: unknown): boolean => refusalIn(error).startsWith("NOLIFE")
const isWrongType = (error: unknown): boolean => /^(ERR .*)?WRONGTYPE/.test(refusalIn(error))

/** Returns the former and the present life that a script named when it refused; it had changed nothing. */
function livesIn(error: unknown): { from: string; to: string } | undefined {
  const [, from, to] = /^OTHERLIFE (\S+) (\S+)/.exec(refusalIn(error)) ?? []
  return from === undefined || to === undefined ? undefined : { from, to }
}
