/** Carries the shards of an earlier release to the tags that spread evenly: lib/outbox/scripts/tags.ts explains how. */
import { randomUUID } from "node:crypto"
import { sql } from "kysely"
import { withNamedLock } from "../clients/named-lock.ts"
import type { RedisClient } from "../clients/redis.ts"
import { arrivingKey, formerName, lifeKey, SHARDS } from "../outbox/keys.ts"
import { isAtFormerTag } from "../outbox/lives.ts"
import { CLEAR, CLOSE, EXPORT, type Exported, FREEZE, IMPORT, PREPARE, SWEEP, THAW } from "../outbox/scripts/tags.ts"
import type { Stores } from "../stores.ts"

/** Keys per call: idempotency records mostly, of 150 bytes each. */
const KEYS_MAX = 200
/** Values per call, where keys have many: a call's arguments have to fit on the stack, where 100,000 do. */
const VALUES_MAX = 10_000
/** Calls under way at once, which keep both servers busy and leave room for others in between. */
const CALLS_MAX = 4
/** How often a freeze is renewed: several times before it would end. */
const RENEW_MS = 1_000
/** Fields of a life that say where it is, and nothing of the shard. */
const OF_TAG = new Set(["life", "run", "frozen", "attempt"])

export type Carried = { shard: string; keys: number; frozenMs: number }
export type Spread = { carried: Carried[]; swept: number }

type SpreadOptions = { signal?: AbortSignal; onShard?: (done: number, carried: Carried | undefined) => void }

/** It spares two processes errors; what keeps them from harm is in the scripts. */
const lockName = sql<string>`concat('spread ', left(sha2(database(), 256), 40))`

type Carrying = { redis: RedisClient; token: string; shard: string; from: ReturnType<typeof formerKeys>; to: OwnKeys }
type OwnKeys = { life: string; arriving: string }

const formerKeys = (shard: string) => ({
  life: formerName(lifeKey(shard)),
  absent: formerName(lifeKey(shard)).replace("life", "absent"),
})
const tagOf = (key: string): string => key.slice(0, key.indexOf("}") + 1)
/** Tags consist of letters, digits, "-" and "_", which mean themselves in a pattern. */
const patternOf = (key: string): string => `${tagOf(key)}:*`
/** The shard's own tag begins as the former one does. */
const patternOfBoth = (shard: string): string => `{${shard}*}:*`

/**
 * Carries each shard that is at its former tag, one after the other, and removes what is left there. Shards that are done
 * are passed over, so it can be aborted and run again. Throws DependencyAway, and an Error for a shard that cannot be
 * carried now; that shard goes on where it is.
 */
export async function spreadShards(
  stores: Pick<Stores, "mysql" | "redis" | "outbox">,
  options: SpreadOptions = {},
): Promise<Spread> {
  const underWay = () => new Error("Another process spreads the shards.")
  return withNamedLock(stores.mysql, lockName, underWay, () => spreadAll(stores, options))
}

async function spreadAll(
  { redis, outbox }: Pick<Stores, "redis" | "outbox">,
  { signal, onShard }: SpreadOptions,
): Promise<Spread> {
  const spread: Spread = { carried: [], swept: 0 }
  for (const [index, shard] of SHARDS.entries()) {
    signal?.throwIfAborted()
    let carried: Carried | undefined
    if (await isAtFormerTag(redis, shard)) {
      // Lets it enter the present life of Redis, if nobody has used it since.
      await outbox.open(shard, false)
      carried = await carry(redis, shard)
      spread.carried.push(carried)
    }
    spread.swept += await sweep(redis, shard)
    onShard?.(index + 1, carried)
  }
  return spread
}

async function carry(redis: RedisClient, shard: string): Promise<Carried> {
  const to = { life: lifeKey(shard), arriving: arrivingKey(shard) }
  const carrying: Carrying = { redis, token: randomUUID(), shard, from: formerKeys(shard), to }
  const { token, from } = carrying
  const startedAt = performance.now()
  const frozen = await redis.run(FREEZE, from, { token, renews: 0 })
  if (!frozen) throw cannot(carrying, "is being carried by another process, or moved by the cluster")
  try {
    if (!(await redis.run(PREPARE, to, { token, attempt: frozen.attempt })))
      throw cannot(carrying, "is at its tag by now")
    const keys = await copyAll(carrying)
    if (!(await redis.run(CLOSE, from, { token, frozen: frozen.state })))
      throw cannot(carrying, "was written to meanwhile")
    const frozenMs = Math.round(performance.now() - startedAt)
    await isAtFormerTag(redis, shard)
    return { shard, keys, frozenMs }
  } catch (error) {
    // It ends by itself, too. A tag that is closed has no freeze.
    await redis.run(THAW, from, { token }).catch(() => undefined)
    throw error
  }
}

const cannot = ({ shard }: Carrying, why: string): Error => new Error(`The shard ${shard} ${why}: run this again.`)

/** Returns a function that renews the freeze from time to time, so that it lasts as long as the copy takes. */
function renewing(carrying: Carrying): () => Promise<void> {
  const { redis, from, token } = carrying
  let renewedAt = performance.now()
  return async () => {
    if (performance.now() - renewedAt < RENEW_MS) return
    renewedAt = performance.now()
    if (!(await redis.run(FREEZE, from, { token, renews: 1 }))) throw cannot(carrying, "was frozen for too short")
  }
}

/** Returns all keys at the former tag, and what an earlier attempt has left at the shard's own. */
async function findKeys(carrying: Carrying, renew: () => Promise<void>) {
  const { redis, shard, from, to } = carrying
  const found = await redis.scan(from.life, patternOfBoth(shard), renew)
  // Another server has the shard's own tag.
  const isApart = !found.has(to.arriving)
  const own = isApart ? await redis.scan(to.life, patternOf(to.life), renew) : found
  // Without these, the keys of another server were asked for.
  if (!found.has(from.life) || !own.has(to.arriving)) throw cannot(carrying, "is being moved by the cluster")
  const at = (keys: Set<string>, tag: string, besides: string[]) =>
    [...keys].filter((key) => tagOf(key) === tag && !besides.includes(key))
  return { former: at(found, tagOf(from.life), [from.life]), left: at(own, tagOf(to.life), [to.life, to.arriving]) }
}

/** Copies all keys, the life last. Returns how many there were. */
async function copyAll(carrying: Carrying): Promise<number> {
  const { redis, from, token, to } = carrying
  const renew = renewing(carrying)
  const { former, left } = await findKeys(carrying, renew)
  await inParts(left, async (all) => {
    await redis.run(CLEAR, { ...to, all }, { token })
    await renew()
  })
  await inParts(former, (names) => copyKeys(carrying, names, renew))
  const [life] = await redis.run(EXPORT, { all: [from.life] }, { cursor: "0" })
  if (!life) throw cannot(carrying, "has no life")
  const values = life.values.flatMap((name, at) =>
    at % 2 || OF_TAG.has(name) ? [] : [name, life.values[at + 1] ?? ""],
  )
  await redis.run(IMPORT, { ...to, all: [to.arriving] }, { token, parts: partsOf({ ...life, values }) })
  return former.length + 1
}

async function copyKeys({ redis, token, to }: Carrying, names: string[], renew: () => Promise<void>): Promise<void> {
  const ownName = (name: string) => `${tagOf(to.life)}${name.slice(tagOf(name).length)}`
  async function put(keys: string[], exported: Exported[]) {
    for (const { from, until } of boundedParts(exported)) {
      const parts = exported.slice(from, until).flatMap(partsOf)
      await redis.run(IMPORT, { ...to, all: keys.slice(from, until).map(ownName) }, { token, parts })
      await renew()
    }
  }
  const first = await redis.run(EXPORT, { all: names }, { cursor: "0" })
  await put(names, first)
  for (const [index, { cursor: next }] of first.entries()) {
    const name = names[index] ?? ""
    for (let cursor = next; cursor !== "0"; ) {
      const rest = await redis.run(EXPORT, { all: [name] }, { cursor })
      await put([name], rest)
      cursor = rest[0]?.cursor ?? "0"
    }
  }
}

/** Splits what was exported, so that each part has few values, or one key. */
function boundedParts(exported: Exported[]): { from: number; until: number }[] {
  const parts: { from: number; until: number }[] = []
  let values = Number.POSITIVE_INFINITY
  for (const [index, { values: own }] of exported.entries()) {
    values += own.length
    if (values > VALUES_MAX) {
      parts.push({ from: index, until: index })
      values = own.length
    }
    const last = parts.at(-1)
    if (last) last.until = index + 1
  }
  return parts
}

const partsOf = ({ kind, ms, values }: Exported) => [kind, ms, values.length, ...values]

/** Closes the former tag of a shard that is at its own, if need be, and removes what is left there. */
async function sweep(redis: RedisClient, shard: string): Promise<number> {
  const { life } = formerKeys(shard)
  await redis.run(SWEEP, { life, all: [] }, {})
  const left = [...(await redis.scan(life, patternOf(life)))].filter((key) => key !== life)
  await inParts(left, (all) => redis.run(SWEEP, { life, all }, {}))
  return left.length
}

/** Calls `act` for parts of the list, some at once. */
async function inParts(list: readonly string[], act: (part: string[]) => Promise<void>): Promise<void> {
  let next = 0
  const work = async () => {
    while (next < list.length) {
      const from = next
      next += KEYS_MAX
      await act(list.slice(from, from + KEYS_MAX))
    }
  }
  await Promise.all(Array.from({ length: CALLS_MAX }, work))
}
