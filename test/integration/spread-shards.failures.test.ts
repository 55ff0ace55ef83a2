// Shards that are carried to their own tags by a command that dies, or meets another, and a Redis that loses its data.
import { randomUUID } from "node:crypto"
import { expect, jest, test } from "@jest/globals"
import { arrivingKey, formerName, lifeKey, outboxKey, SHARDS, shardOf } from "../../lib/outbox/keys.ts"
import { CLOSE, FREEZE, IMPORT, PREPARE, TAKE, THAW } from "../../lib/outbox/scripts/tags.ts"
import type { Stores } from "../../lib/stores.ts"
import { expectUnavailable } from "../steps/away-cases.ts"
import { chatApi, directTransport, expectStatus, messagePath } from "../steps/chat-api.ts"
import { consecutive, keepCreating } from "../steps/cluster-writes.ts"
import { drainQueues, whileConsuming } from "../steps/drain.ts"
import { eventually } from "../steps/eventually.ts"
import { createPatiently, dyingAt, isFormer, onFormer, SOON_MS, spread, type World } from "../steps/former-world.ts"
import { withRedis } from "../steps/redis.ts"
import { useTestStores } from "../steps/stores.ts"

const TEST_LIMIT_MS = 120_000
/** A little longer than a freeze lasts by itself. */
const THAWED_WITHIN_MS = 7_000

const stores = useTestStores()
jest.setTimeout(TEST_LIMIT_MS)
const api = chatApi(directTransport())

test("a command that dies before it closes a tag: writes are 503 for seconds, and what it copied is not brought back", async () => {
  await onFormer(stores(), async (own, worlds) => {
    const inOrder = worlds.toSorted((a, b) => SHARDS.indexOf(shardOf(a.token)) - SHARDS.indexOf(shardOf(b.token)))
    const { token, chat } = inOrder[0] as World
    const shard = shardOf(token)
    const until = (redis: Stores["redis"]): Stores["redis"] => ({
      ...redis,
      run(script, keys, args) {
        const dies = script.keysOf(keys)[0] === formerName(lifeKey(shard)) && [CLOSE, THAW].includes(script as never)
        return dies ? Promise.reject(new Error("died")) : redis.run(script, keys, args)
      },
    })
    await expect(spread(own, until)).rejects.toThrow("died")
    expectUnavailable(await api.createMessage(token, chat))
    expectUnavailable(await api.updateMessage(token, chat, 1, { body: "frozen" }))
    expectStatus(await api.getMessage(token, chat, 1), 200)
    expectStatus(await api.listMessages(token, chat), 200)
    // Stored meanwhile, the event stays in the frozen outbox; the relay takes care of it.
    await drainQueues(own)
    await eventually(async () => expect(await api.givenMessage(token, chat)).toBe(2), THAWED_WITHIN_MS)
    expectStatus(await api.deleteMessage(token, chat, 1), 204)
    await own.outbox.remove(
      shard,
      (await own.outbox.read(token, chat, [{ application: token, chat, message: 2 }])).entries.flatMap(
        (entry) => entry ?? [],
      ),
    )
    await spread(own)
    expect(await withRedis((redis) => redis.hkeys(outboxKey(shard)))).not.toContain(`${token}/${chat}/2`)
    expectStatus(await api.getMessage(token, chat, 1), 404)
    expect(await api.givenMessage(token, chat)).toBe(3)
  })
})

test("a command that dies once a tag is closed: the next write goes on at the shard's own tag", async () => {
  await onFormer(stores(), async (own, worlds) => {
    await expect(spread(own, dyingAt(TAKE))).rejects.toThrow("died")
    for (const { token, chat } of worlds) expect(await api.givenMessage(token, chat)).toBe(2)
    await spread(own)
    for (const { token, chat } of worlds) expect(await api.givenMessage(token, chat)).toBe(3)
  })
})

test("two commands at once: one of them carries each shard", async () => {
  await onFormer(stores(), async (own, worlds) => {
    const ended = await Promise.allSettled([spread(own), spread(own)])
    for (const one of ended) if (one.status === "rejected") expect(String(one.reason)).toContain("Another process")
    expect(ended.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"])
    for (const { token, chat } of worlds) expect(await api.givenMessage(token, chat)).toBe(2)
  })
})

test("an attempt that another has replaced: is refused by every script", async () => {
  await onFormer(stores(), async (own, worlds) => {
    const { token: application } = worlds[0] as World
    const shard = shardOf(application)
    const from = { life: formerName(lifeKey(shard)), absent: `{${shard}}:absent` }
    const to = { life: lifeKey(shard), arriving: arrivingKey(shard) }
    const { redis } = own
    const freeze = (token: string, renews = 0) => redis.run(FREEZE, from, { token, renews })
    await own.outbox.open(shard, false)
    const prepare = (token: string, attempt = "0") => redis.run(PREPARE, to, { token, attempt })
    const end = (token: string) => withRedis((raw) => raw.hset(from.life, "frozen", `${Date.now() - 1} ${token}`))
    const first = await freeze("first")
    expect(await freeze("second")).toBeUndefined()
    await redis.run(THAW, from, { token: "second" })
    expect(await freeze("first", 1)).toEqual(first)
    await end("first")
    expect(await freeze("first", 1)).toBeUndefined()
    const second = await freeze("second")
    expect(await prepare("second", second?.attempt)).toBe(true)
    expect(await prepare("first", first?.attempt)).toBe(false)
    const parts = ["hash", -1, 2, "f", "planted"]
    const all = [outboxKey(shard)]
    await expect(redis.run(IMPORT, { ...to, all }, { token: "first", parts })).rejects.toMatchObject({
      cause: { message: expect.stringMatching(/^TAKENOVER/) },
    })
    expect(await withRedis((raw) => raw.exists(outboxKey(shard)))).toBe(0)
    const frozen = second?.state ?? ""
    expect(await redis.run(CLOSE, from, { token: "first", frozen })).toBe(false)
    await end("second")
    expect(await redis.run(CLOSE, from, { token: "second", frozen })).toBe(false)
    await spread(own)
    expect(await prepare("late", `${Number.MAX_SAFE_INTEGER}`)).toBe(false)
    await expect(redis.run(IMPORT, { ...to, all }, { token: "second", parts })).rejects.toMatchObject({
      cause: { message: expect.stringMatching(/^TAKENOVER/) },
    })
  })
})

test("a Redis that is wiped after the move: the shards begin at their own tags, with numbers beyond the bound", async () => {
  const BOUND = 1_000
  await onFormer(
    stores(),
    async (own, worlds) => {
      await spread(own)
      const { token, chat } = worlds[0] as World
      await drainQueues(own)
      await withRedis((redis) => redis.flushdb())
      await whileConsuming(own, async () => {
        expect(await createPatiently({ token, chat }, randomUUID())).toBe(1 + BOUND + 1)
      })
      expect(await isFormer(token)).toBe(false)
      expect(await withRedis((redis) => redis.get(formerName(lifeKey(shardOf(token)))))).toBe("closed")
    },
    { OUTBOX_EVENTS_MAX: "1000" },
  )
})

test("a Redis that is wiped before the move: the shards begin at their own tags", async () => {
  await onFormer(stores(), async (own, worlds) => {
    const { token, chat } = worlds[0] as World
    expect(await api.givenMessage(token, chat)).toBe(2)
    await drainQueues(own)
    await withRedis((redis) => redis.flushdb())
    await whileConsuming(own, async () => {
      const creating = keepCreating({ token, chat })
      await eventually(() => expect(creating.numbers.length).toBeGreaterThan(3), SOON_MS)
      const { numbers } = await creating.stop()
      expect(numbers[0]).toBeGreaterThan(2)
      expect(numbers).toEqual(consecutive(numbers))
    })
    expect(await isFormer(token)).toBe(false)
    expectStatus(await api.call({ path: messagePath(token, chat, 1) }), 200)
  })
})
