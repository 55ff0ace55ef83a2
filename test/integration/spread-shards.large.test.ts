// Shards with more than one call can carry, or that take longer to find than a freeze lasts.
import { setTimeout as sleep } from "node:timers/promises"
import { expect, jest, test } from "@jest/globals"
import { formerName, keysWith, lifeKey, outboxKey, shardOf } from "../../lib/outbox/keys.ts"
import { FREEZE_MS } from "../../lib/outbox/scripts/prelude.ts"
import type { Stores } from "../../lib/stores.ts"
import { chatApi, directTransport } from "../steps/chat-api.ts"
import { isFormer, onFormer, spread, type World } from "../steps/former-world.ts"
import { withRedis } from "../steps/redis.ts"
import { useTestStores } from "../steps/stores.ts"

const TEST_LIMIT_MS = 120_000
/** With its fields, more values than a call's arguments may be. */
const APPLICATIONS = 300
/** As many as Redis still keeps in one piece, and returns at once. */
const FIELDS = 510
const STEP_MS = 1_000

const stores = useTestStores()
jest.setTimeout(TEST_LIMIT_MS)
const api = chatApi(directTransport())

test("many applications with hundreds of chats: are carried with all their numbers", async () => {
  await onFormer(stores(), async (own, worlds) => {
    const { token, chat } = worlds[0] as World
    const shard = shardOf(token)
    const tokens = Array.from({ length: APPLICATIONS }, (_, index) => `${shard}${index}`.padEnd(24, "x"))
    const fields = Object.fromEntries(Array.from({ length: FIELDS }, (_, index) => [`c${index}`, `${index}`]))
    await withRedis(async (redis) => {
      for (const one of tokens) await redis.hset(formerName(keysWith(one).application), fields)
    })
    await spread(own)
    await withRedis(async (redis) => {
      for (const one of tokens) expect(await redis.hlen(keysWith(one).application)).toBe(FIELDS)
      const last = tokens.at(-1) as string
      expect(await redis.hgetall(keysWith(last).application)).toEqual(fields)
    })
    expect(await api.givenMessage(token, chat)).toBe(2)
  })
})

test("a search for keys that takes longer than a freeze: the freeze is renewed until all are copied", async () => {
  await onFormer(stores(), async (own, worlds) => {
    let slow = true
    const slowly = (redis: Stores["redis"]): Stores["redis"] => ({
      ...redis,
      async scan(key, pattern, onPart) {
        if (onPart && slow) {
          slow = false
          for (let waitedMs = 0; waitedMs <= FREEZE_MS; waitedMs += STEP_MS) {
            await sleep(STEP_MS)
            await onPart()
          }
        }
        return redis.scan(key, pattern, onPart)
      },
    })
    await spread(own, slowly)
    expect(slow).toBe(false)
    for (const { token, chat } of worlds) {
      expect(await isFormer(token)).toBe(false)
      expect(await api.givenMessage(token, chat)).toBe(2)
    }
  })
})

test("a former tag that a failover has opened again: is closed, and what it has is removed", async () => {
  await onFormer(stores(), async (own, worlds) => {
    await spread(own)
    const { token, chat } = worlds[0] as World
    const shard = shardOf(token)
    const [life, outbox] = [formerName(lifeKey(shard)), formerName(outboxKey(shard))]
    await withRedis(async (redis) => {
      await redis.unlink(life)
      await redis.hset(life, { generation: "1", revision: "1" })
      await redis.hset(outbox, "planted", "{}")
    })
    await spread(own)
    await withRedis(async (redis) => {
      expect(await redis.get(life)).toBe("closed")
      expect(await redis.exists(outbox)).toBe(0)
    })
    expect(await api.givenMessage(token, chat)).toBe(2)
  })
})
