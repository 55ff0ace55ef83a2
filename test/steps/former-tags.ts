// Redis as a release before the tags of lib/outbox/keys.ts left it: a shard's name alone is its tag.
import type { RedisCommander } from "ioredis"
import { formerName, lifeKey, SHARDS, shardKeys } from "../../lib/outbox/keys.ts"

const OWN_TAG = /^\{[\w-]{2,}\}:/
const TAGGED = /^\{[\w-]+\}:/

/** Returns the names of the keys at the shards' own tags, and at the former ones. */
export async function keysByTag(redis: RedisCommander): Promise<{ own: string[]; former: string[] }> {
  const ofShards = (await redis.keys("*")).filter((key) => TAGGED.test(key) && !key.startsWith("{applications}"))
  return {
    own: ofShards.filter((key) => OWN_TAG.test(key)),
    former: ofShards.filter((key) => !OWN_TAG.test(key)),
  }
}

/** Gives every key of the shards its former name, on a single server. */
export async function giveFormerNames(redis: RedisCommander): Promise<void> {
  for (const life of SHARDS.map((shard) => formerName(lifeKey(shard))))
    if ((await redis.type(life)) === "string") await redis.unlink(life)
  for (const key of (await keysByTag(redis)).own) await redis.rename(key, formerName(key))
}

/** Has a shard that was never used begin at its former tag. */
export const lifeOfFormer = (shard: string): [key: string, ...fields: string[]] => [
  formerName(shardKeys(shard).life),
  ...["generation", "1", "lost", "0", "drained", "0", "revision", "0", "noted", "0", "bytes", "0"],
]
