import { afterAll, beforeAll, describe, expect, test } from "@jest/globals"
import { Redis } from "ioredis"
import type { Dependency } from "../../lib/errors.ts"
import { lifeKey, outboxKey, SHARDS } from "../../lib/outbox/keys.ts"
import type { SearchStores } from "../../lib/stores.ts"
import { settleShards } from "../../lib/write/settle.ts"
import { chatApi, directTransport, expectStatus } from "../steps/chat-api.ts"
import { drainQueues, takeRecords } from "../steps/drain.ts"
import { eventually } from "../steps/eventually.ts"
import { type OwnRedis, startRedis } from "../steps/own-redis.ts"
import { away, useTestStores, withEnvironment } from "../steps/stores.ts"
import { timed } from "../steps/timed.ts"

const stores = useTestStores()
const api = chatApi(directTransport())

const DEPENDENCIES: Dependency[] = ["mysql", "redis", "sqs", "elasticsearch"]
const state = (word: "up" | "down") => ({ state: word, latency_ms: expect.any(Number) })
const all = Object.fromEntries(DEPENDENCIES.map((name) => [name, state("up")]))

test("with all dependencies there, readiness is 200 and each is up, with its latency", async () => {
  const answer = await api.call({ path: "/health/ready" })
  expect(expectStatus(answer, 200)).toEqual({ status: "ready", dependencies: all })
})

test.each(DEPENDENCIES)("with %s away, readiness is 503 and only that one is down", async (dependency) => {
  const answer = await withEnvironment(away(dependency), () => api.call({ path: "/health/ready" }))
  expect(expectStatus(answer, 503)).toEqual({
    status: "not_ready",
    dependencies: { ...all, [dependency]: state("down") },
  })
  expect(Number(answer.headers["retry-after"])).toBeGreaterThan(0)
})

describe("of a Redis that answers, readiness is what a write would meet:", () => {
  /** Shortly after the time-out of a check. */
  const ANSWERED_WITHIN_MS = 1_500
  let redis: OwnRedis
  let client: Redis
  beforeAll(async () => {
    redis = await startRedis()
    client = new Redis(redis.url)
    await eventually(() => client.ping(), 5_000)
  })
  afterAll(async () => {
    client.disconnect()
    await redis.remove()
  })

  /** Runs `act` on the test's own Redis, whose shards are settled. */
  const onOwn = (act: (own: SearchStores) => Promise<void>) =>
    withEnvironment({ REDIS_URL: redis.url }, async (own) => {
      await eventually(async () => expect(await settleShards(own)).toBe(true), 10_000)
      await act(own)
    })
  const ready = () => api.call({ path: "/health/ready" })

  /** Expects that only Redis is down, in time, and that a write is refused as well. */
  async function expectDown(): Promise<void> {
    const { answer, tookMs } = await timed(ready())
    expect(expectStatus(answer, 503).dependencies).toEqual({ ...all, redis: state("down") })
    expect(tookMs).toBeLessThan(ANSWERED_WITHIN_MS)
    expectStatus(await api.createApplication(), 503)
  }
  const expectUp = async () => void expectStatus(await ready(), 200)

  test.each([
    ["a replica", () => client.replicaof("127.0.0.1", "1"), () => client.replicaof("NO", "ONE")],
    ["full", () => client.config("SET", "maxmemory", "1"), () => client.config("SET", "maxmemory", "0")],
    [
      "paused for writes",
      () => client.call("CLIENT", "PAUSE", "60000", "WRITE"),
      () => client.call("CLIENT", "UNPAUSE"),
    ],
    [
      "without enough replicas",
      () => client.config("SET", "min-replicas-to-write", "1"),
      () => client.config("SET", "min-replicas-to-write", "0"),
    ],
  ])("%s: down, and up again afterwards", async (_, begin, end) => {
    await onOwn(async () => {
      await expectUp()
      await begin()
      try {
        await expectDown()
      } finally {
        await end()
      }
      await eventually(expectUp, 5_000)
    })
  })

  test("one shard's outbox full: down", async () => {
    await onOwn(async () => {
      await client.hset(lifeKey("Q"), "bytes", `${stores().config.OUTBOX_BYTES_MAX}`)
      expect(expectStatus(await ready(), 503).dependencies.redis).toEqual(state("down"))
      await client.hset(lifeKey("Q"), "bytes", "0")
      await expectUp()
    })
  })

  test("a new life with an empty queue: up, since a write is taken; with events in the queue: down, until they are stored", async () => {
    await onOwn(async (own) => {
      for (const shard of SHARDS) await client.hset(lifeKey(shard), "life", "another")
      await expectUp()
      await own.queues.persist.send([{ fence: "1", application: "a".repeat(24), chat: 0 }])
      await eventually(expectDown, 5_000)
      await takeRecords(own, "persist")
      await eventually(expectUp, 5_000)
      expectStatus(await api.createApplication(), 201)
      await drainQueues(own)
    })
  })

  test("an older copy, whose events may have been changed since: down until they are taken off", async () => {
    await onOwn(async () => {
      await client.hdel(lifeKey("Q"), "generation")
      await client.hset(outboxKey("Q"), "Q".repeat(24), "{}")
      expect(expectStatus(await ready(), 503).dependencies.redis).toEqual(state("down"))
      await client.del(outboxKey("Q"))
      await expectUp()
    })
  })

  test("asked: writes nothing", async () => {
    await onOwn(async () => {
      const written = async () => /aof_current_size:\d+/.exec(await client.info("persistence"))?.[0]
      const before = await written()
      expect(before).toBeDefined()
      await expectUp()
      expect(await written()).toBe(before)
    })
  })
})
