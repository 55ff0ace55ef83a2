// Shards at the tags of an earlier release: they go on there, and are carried to their own tags under load.
import { randomUUID } from "node:crypto"
import { afterAll, beforeAll, expect, jest, test } from "@jest/globals"
import { applicationKey, formerName, lifeKey, outboxKey, SHARDS, shardOf } from "../../lib/outbox/keys.ts"
import { CLOSE } from "../../lib/outbox/scripts/tags.ts"
import type { Stores } from "../../lib/stores.ts"
import { ROOT } from "../../local/services/settings.ts"
import { chatApi, directTransport, expectStatus } from "../steps/chat-api.ts"
import { runNode } from "../steps/child.ts"
import { consecutive, storedNumbers } from "../steps/cluster-writes.ts"
import { drainQueues, whileConsuming } from "../steps/drain.ts"
import { eventually } from "../steps/eventually.ts"
import { followApi, replicaOf } from "../steps/follow.ts"
import { keysByTag } from "../steps/former-tags.ts"
import {
  createPatiently,
  givenChat,
  isFormer,
  keepWriting,
  onFormer,
  SOON_MS,
  spread,
  type World,
} from "../steps/former-world.ts"
import { startPreviousRelease } from "../steps/previous-release.ts"
import { withRedis } from "../steps/redis.ts"
import { childEnvironment } from "../steps/running-api.ts"
import { PREPARE_TIMEOUT_MS, useTestStores } from "../steps/stores.ts"

const TEST_LIMIT_MS = 120_000
const COMMAND_LIMIT_MS = 60_000

const stores = useTestStores()
jest.setTimeout(TEST_LIMIT_MS)
const api = chatApi(directTransport())
let previous: Awaited<ReturnType<typeof startPreviousRelease>>
beforeAll(async () => {
  previous = await startPreviousRelease()
}, PREPARE_TIMEOUT_MS)
afterAll(() => previous?.stop())

test("a Redis without data: the shards: are at their own tags, and the former ones are closed", async () => {
  await withRedis((redis) => redis.flushdb())
  const { token } = await whileConsuming(stores(), () => eventually(givenChat, SOON_MS))
  const { own, former } = await withRedis(keysByTag)
  expect(own).toContain(applicationKey(token))
  expect(former.sort()).toEqual(SHARDS.map((shard) => formerName(lifeKey(shard))).sort())
  for (const life of former) expect(await withRedis((redis) => redis.get(life))).toBe("closed")
})

test("shards at their former tags: used by this release and the previous one: go on there without a gap", async () => {
  await onFormer(stores(), async (own, worlds) => {
    for (const { token, chat } of worlds) {
      expect(await api.givenMessage(token, chat)).toBe(2)
      expect(expectStatus(await previous.api.createMessage(token, chat, { body: "previous" }), 201).number).toBe(3)
      expect(await api.givenMessage(token, chat)).toBe(4)
      expect(await isFormer(token)).toBe(true)
    }
    await drainQueues(own)
    for (const { token } of worlds) expect(await storedNumbers(own, token)).toEqual([1, 2, 3, 4])
    expect((await withRedis(keysByTag)).own).toEqual([])
    const surveyed = await Promise.all(SHARDS.map((shard) => own.outbox.survey(shard)))
    expect(surveyed.map(({ events }) => events)).toEqual(SHARDS.map(() => 0))
    await spread(own)
  })
})

test("shards carried under load by the command: each number is given once and stored, keys and changes hold", async () => {
  await onFormer(stores(), async (own, worlds) => {
    await whileConsuming(own, async () => {
      const first = worlds[0] as World
      const key = randomUUID()
      const before = await createPatiently(first, key)
      const { changes, cursor } = await followApi(api, first.token)
      const writing = worlds.map(keepWriting)
      for (const { numbers } of writing) await eventually(() => expect(numbers.size).toBeGreaterThan(5), SOON_MS)
      const args = ["local/ops.ts", "spread-shards", "--json"]
      const ran = await runNode(args, { cwd: ROOT, env: childEnvironment({}), limitMs: COMMAND_LIMIT_MS })
      expect([ran.code, ran.stderr]).toEqual([0, expect.any(String)])
      const { carried } = JSON.parse(ran.stdout)
      expect(carried).toHaveLength(SHARDS.length)
      const sizes = writing.map(({ numbers }) => numbers.size)
      for (const [index, { numbers }] of writing.entries())
        await eventually(() => expect(numbers.size).toBeGreaterThan((sizes[index] ?? 0) + 5), SOON_MS)
      const all = await Promise.all(writing.map((one) => one.stop()))
      for (const [index, numbers] of all.entries()) {
        expect(numbers).toEqual(consecutive(numbers))
        expect(numbers[0]).toBe(index === 0 ? 3 : 2)
      }
      expect(await createPatiently(first, key)).toBe(before)
      for (const [index, { numbers }] of writing.entries())
        for (const [repeated, number] of [...numbers].slice(0, 20))
          if (number % 5 !== 0) expect(await createPatiently(worlds[index] as World, repeated)).toBe(number)
      for (const [index, { token }] of worlds.entries()) {
        const kept = (all[index] ?? []).filter((number) => number % 5 !== 0)
        const live = own.mysql.selectFrom("messages").select("number").where("application", "=", token)
        await eventually(async () => {
          const rows = (await live.where("number", ">", index === 0 ? 2 : 1).execute()).map(({ number }) => number)
          expect(rows.sort((a, b) => a - b)).toEqual(kept)
        }, SOON_MS)
      }
      const later = await followApi(api, first.token, { cursor })
      const told = replicaOf(later.changes, replicaOf(changes))
      const whole = replicaOf((await followApi(api, first.token)).changes)
      expect([...told].sort()).toEqual([...whole].sort())
      for (const { token } of worlds) expect(await isFormer(token)).toBe(false)
      const { former } = await withRedis(keysByTag)
      expect(former.sort()).toEqual(SHARDS.map((shard) => formerName(lifeKey(shard))).sort())
    })
  })
})

test("a carried shard: goes on in its generation, with the rate limits and without a refusal", async () => {
  const [PER_MINUTE, REQUESTS] = [120, 100]
  await onFormer(
    stores(),
    async (own, worlds) => {
      const { token, chat } = worlds[0] as World
      const startedAt = performance.now()
      for (let i = 0; i < REQUESTS; i++) await api.givenMessage(token, chat)
      const { generation } = await own.outbox.open(shardOf(token), false)
      await spread(own)
      const answer = await api.createMessage(token, chat)
      expectStatus(answer, 201)
      const [, left] = /r=(\d+)/.exec(String(answer.headers.ratelimit)) ?? []
      const refilled = ((performance.now() - startedAt) / 60_000) * PER_MINUTE
      expect(Number(left)).toBeLessThanOrEqual(PER_MINUTE - REQUESTS + refilled)
      expect(await own.outbox.open(shardOf(token), false)).toMatchObject({ generation, settled: true })
    },
    { RATE_LIMIT_APPLICATION: "120" },
  )
})

test("the previous release after the move: is answered no number, and writes nothing", async () => {
  await onFormer(stores(), async (own, worlds) => {
    await spread(own)
    for (const { token, chat } of worlds) {
      const read = () => withRedis((redis) => redis.hgetall(outboxKey(shardOf(token))))
      const before = await read()
      const answer = await previous.api.createMessage(token, chat, { body: "too late" })
      expect([500, 503]).toContain(answer.status)
      expect(answer.body?.number).toBeUndefined()
      expect([500, 503]).toContain((await previous.api.updateMessage(token, chat, 1, { body: "late" })).status)
      expect(await read()).toEqual(before)
      expect(await api.givenMessage(token, chat)).toBe(2)
    }
    const { former } = await withRedis(keysByTag)
    expect(former.filter((name) => !name.endsWith(":life") && !name.includes(":rate:"))).toEqual([])
  })
})

test("the previous release during the move, which no freeze stops: nothing that it wrote is lost", async () => {
  await onFormer(stores(), async (own, worlds) => {
    const { token, chat } = worlds[0] as World
    const writing = (redis: Stores["redis"]): Stores["redis"] => ({
      ...redis,
      async run(script, keys, args) {
        const [life = ""] = script.keysOf(keys)
        if ((script as object) === CLOSE && life === formerName(lifeKey(shardOf(token))))
          expectStatus(await previous.api.createMessage(token, chat, { body: "meanwhile" }), 201)
        return redis.run(script, keys, args)
      },
    })
    await expect(spread(own, writing)).rejects.toThrow("was written to meanwhile")
    expect(await isFormer(token)).toBe(true)
    expect(await api.givenMessage(token, chat)).toBe(3)
    await spread(own)
    expect(await api.givenMessage(token, chat)).toBe(4)
    await drainQueues(own)
    expect(await storedNumbers(own, token)).toEqual([1, 2, 3, 4])
  })
})
