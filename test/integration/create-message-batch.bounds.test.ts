// A batch at each of its bounds: the outbox's, the rate limits', those of the queue and of a statement of MySQL.
import { describe, expect, test } from "@jest/globals"
import { format, type SqlValue } from "mysql2"
import { connectMysql } from "../../lib/clients/mysql.ts"
import { LIMITS } from "../../lib/limits.ts"
import { shardKeys, shardOf } from "../../lib/outbox/keys.ts"
import { persistWrites } from "../../lib/persist/persist-records.ts"
import { consume } from "../../lib/queue/consumer.ts"
import { expectUnavailable } from "../steps/away-cases.ts"
import { chatApi, chatPath, directTransport, expectStatus } from "../steps/chat-api.ts"
import { drainQueues, sqsRecord } from "../steps/drain.ts"
import { expectProblem } from "../steps/expect-problem.ts"
import type { Answered } from "../steps/gateway-event.ts"
import { withRedis } from "../steps/redis.ts"
import { useTestStores, withEnvironment } from "../steps/stores.ts"
import { givenWorld, type World } from "../steps/world.ts"

const stores = useTestStores()
const api = chatApi(directTransport())

/** MariaDB refuses larger statements by default; MySQL takes four times as much. */
const PACKET_BYTES_MAX = 16 * 1024 * 1024
/** The records of a batch of persist-writes, by serverless.yml. */
const RECORDS_MAX = 100
/** The bytes of an envelope with more than one event, by lib/queue/sender.ts. */
const ENVELOPE_BYTES_MAX = 25_000

const bodies = (count: number, body = "x") => Array.from({ length: count }, () => body)
const batch = ({ token, chat }: World, count: number, body?: string) =>
  api.createMessageBatch(token, chat, bodies(count, body))
const numbersOf = ({ body }: Answered): number[] => body.data.map(({ number }: { number: number }) => number)
const listed = async ({ token, chat }: World) => numbersOf(await api.listMessages(token, chat, { limit: 100 }))

/** What the scripts keep of a shard. */
const stateOf = ({ token }: World) =>
  withRedis(async (redis) => {
    const { outbox, due, life } = shardKeys(shardOf(token))
    return [await redis.hlen(outbox), await redis.zcard(due), await redis.hgetall(life)]
  })

describe("an outbox without room for a whole batch", () => {
  test("of events, takes none of it with 503, and all of a smaller one", async () => {
    const world = await givenWorld(api, stores(), "pending")
    const before = await stateOf(world)
    const bound = { OUTBOX_EVENTS_MAX: String(Number(before[0]) + 3) }
    await withEnvironment(bound, async () => {
      expectUnavailable(await batch(world, 4))
      expect(await stateOf(world)).toEqual(before)
      expect(numbersOf(await batch(world, 3))).toEqual([2, 3, 4])
      expectUnavailable(await batch(world, 1))
    })
    expect(await listed(world)).toEqual([1, 2, 3, 4])
  })

  test("of bytes, takes none of it with 503, and all of a smaller one", async () => {
    await drainQueues(stores())
    const world = await givenWorld(api, stores(), "stored")
    const before = await stateOf(world)
    await withEnvironment({ OUTBOX_BYTES_MAX: "5000" }, async () => {
      expectUnavailable(await batch(world, 3, "x".repeat(2_000)))
      expect(await stateOf(world)).toEqual(before)
      expect(numbersOf(await batch(world, 2, "x".repeat(2_000)))).toEqual([2, 3])
    })
  })

  test("counts the bytes of a batch exactly: with everything stored it is empty again", async () => {
    const world = await givenWorld(api, stores(), "pending")
    expectStatus(await batch(world, 7, "文".repeat(50)), 201)
    await drainQueues(stores())
    expect(await stateOf(world)).toMatchObject([0, 0, { bytes: "0" }])
  })
})

describe("a batch under rate limits", () => {
  const limited = (perMinute: number, act: () => Promise<unknown>) =>
    withEnvironment({ RATE_LIMIT_APPLICATION: String(perMinute) }, act)
  const remaining = ({ headers }: Answered) => Number(/r=(\d+)/.exec(String(headers.ratelimit))?.[1])

  test("counts once for each message, and is refused as a whole with the time to wait", async () => {
    const world = await givenWorld(api, stores(), "pending")
    const before = await stateOf(world)
    await limited(10, async () => {
      const first = await batch(world, 6)
      expect([numbersOf(first), remaining(first)]).toEqual([[2, 3, 4, 5, 6, 7], 4])
      const refused = await batch(world, 6)
      expectProblem(refused, 429, "rate_limited")
      expect(remaining(refused)).toBe(4)
      // Two of the six find no room, and each takes six seconds.
      expect(Number(refused.headers["retry-after"])).toBeGreaterThan(6)
      expect(Number(refused.headers["retry-after"])).toBeLessThanOrEqual(12)
      const fitting = await batch(world, 4)
      expect([numbersOf(fitting), remaining(fitting)]).toEqual([[8, 9, 10, 11], 0])
      expectProblem(await batch(world, 1), 429, "rate_limited")
    })
    expect((await stateOf(world))[0]).toBe(Number(before[0]) + 10)
  })

  test("larger than a minute's requests, is 422 and takes nothing from them", async () => {
    const world = await givenWorld(api, stores(), "pending")
    await limited(5, async () => {
      const answer = await batch(world, 6)
      expectProblem(answer, 422, "invalid_request")
      expect(answer.body.errors).toEqual([{ in: "body", path: "messages", message: expect.stringContaining("5") }])
      expect(answer.headers).not.toHaveProperty("retry-after")
      expect(numbersOf(await batch(world, 5))).toEqual([2, 3, 4, 5, 6])
    })
  })

  test("in parallel, is admitted up to the limit, and the numbers are dense", async () => {
    const world = await givenWorld(api, stores(), "pending")
    await limited(20, async () => {
      const answers = await Promise.all(Array.from({ length: 12 }, () => batch(world, 3)))
      expect(answers.filter(({ status }) => status === 201)).toHaveLength(6)
    })
    expect(await listed(world)).toEqual(Array.from({ length: 19 }, (_, index) => index + 1))
  })
})

describe("the largest batch", () => {
  test.each([
    ["a hundred messages of 10,000 ASCII characters", 100, "x".repeat(10_000)],
    ["26 messages of 10,000 characters of four bytes", 26, "🙂".repeat(10_000)],
    ["17 messages of 10,000 control characters", 17, "\u0001".repeat(10_000)],
    ["30 messages of 10,000 characters that the queue refuses", 30, "\uffff".repeat(10_000)],
  ])("of %s, is answered, stored and read", async (_what, count, body) => {
    const world = await givenWorld(api, stores(), "stored")
    const answer = await batch(world, count, body)
    const { data } = expectStatus(answer, 201)
    expect(
      Buffer.byteLength(JSON.stringify({ messages: bodies(count, body).map((one) => ({ body: one })) })),
    ).toBeLessThan(LIMITS.batchBytesMax)
    expect(data.map((message: { body: string }) => message.body === body)).toEqual(bodies(count).map(() => true))
    await drainQueues(stores())
    const { mysql } = stores()
    const rows = await mysql
      .selectFrom("messages")
      .select(["number", "body"])
      .where("application", "=", world.token)
      .where("number", ">", 1)
      .execute()
    expect(rows.filter((row) => row.body === body)).toHaveLength(count)
    expect(await stateOf(world)).toMatchObject([0, 0, { bytes: "0" }])
  })

  test("in bytes, is taken whole, and one byte more is 413", async () => {
    const world = await givenWorld(api, stores(), "pending")
    const path = `${chatPath(world.token, world.chat)}/messages/batch`
    const text = (more: string) => JSON.stringify({ messages: [{ body: "x" }], more })
    const post = (bytes: number) => api.call({ method: "POST", path, text: text("x".repeat(bytes - text("").length)) })
    expectStatus(await post(LIMITS.batchBytesMax), 201)
    expectProblem(await post(LIMITS.batchBytesMax + 1), 413, "body_too_large")
  })
})

describe("a full batch of the persist queue", () => {
  let chats = 0
  const event = (message: number, body: string) => ({
    revision: String(2_000_000_000_000_000 + message),
    application: "z".repeat(24),
    chat: chats,
    message,
    created_at: 2_000_000_000_000,
    body,
  })
  /** Returns as many events as an envelope may have, at least one. */
  function envelope(index: number, body: string) {
    const perEnvelope = Math.max(1, Math.floor(ENVELOPE_BYTES_MAX / JSON.stringify(event(99_999, body)).length))
    return Array.from({ length: perEnvelope }, (_, place) => event(1 + index * perEnvelope + place, body))
  }

  test.each([
    ["the longest bodies in bytes", "🙂".repeat(10_000)],
    ["the longest bodies that MySQL's syntax doubles", "'".repeat(10_000)],
    ["bodies that fill the envelopes and that MySQL's syntax doubles", "'".repeat(2_300)],
  ])("with %s, makes statements of half a packet at most, and is stored", async (_what, body) => {
    await drainQueues(stores())
    chats++
    const records = Array.from({ length: RECORDS_MAX }, (_, index) => sqsRecord(envelope(index, body)))
    let largest = 0
    const client = connectMysql(stores().config.MYSQL_URL, {
      log: ({ query }) => {
        largest = Math.max(largest, Buffer.byteLength(format(query.sql, [...query.parameters] as SqlValue[])))
      },
    })
    try {
      expect(await consume(async () => persistWrites({ ...stores(), mysql: client.db }), records)).toEqual([])
    } finally {
      await client.close()
    }
    expect(largest).toBeGreaterThan(3_000_000)
    expect(largest).toBeLessThan(PACKET_BYTES_MAX / 2)
  })
})
