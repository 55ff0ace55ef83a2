// The steps of an erasure: their bounds and costs, and what happens beside them.
import { describe, expect, test } from "@jest/globals"
import { sql } from "kysely"
import { eraseMessages } from "../../lib/erasure.ts"
import { lifeKey, shardOf } from "../../lib/outbox/keys.ts"
import type { SearchStores } from "../../lib/stores.ts"
import { expectUnavailable } from "../steps/away-cases.ts"
import { chatApi, directTransport, expectStatus } from "../steps/chat-api.ts"
import { drainQueues, whileConsuming } from "../steps/drain.ts"
import { erase, givenSenders, livingNumbers } from "../steps/erasures.ts"
import { eventually } from "../steps/eventually.ts"
import { expectProblem } from "../steps/expect-problem.ts"
import { followApi, short } from "../steps/follow.ts"
import { withRedis } from "../steps/redis.ts"
import { useTestStores, withEnvironment } from "../steps/stores.ts"
import { givenWorld, reach, STAGES } from "../steps/world.ts"

const stores = useTestStores()
const api = chatApi(directTransport())

/** After a restart of Redis writes wait until the queue is empty. */
const RECOVERY_LIMIT_MS = 20_000

const times = <T>(count: number, value: T): T[] => Array.from({ length: count }, () => value)
const sum = (numbers: number[]): number => numbers.reduce((a, b) => a + b, 0)

/** Adds rows of a chat to MySQL, as if they had been stored long ago. */
async function plantRows(token: string, chat: number, numbers: number[], sender: string): Promise<void> {
  const now = new Date()
  const rest = { body: "planted", sender: Buffer.from(sender), revision: 1, created_at: now, updated_at: now }
  for (let at = 0; at < numbers.length; at += 1_000) {
    const rows = numbers.slice(at, at + 1_000).map((number) => ({ application: token, chat, number, ...rest }))
    await stores().mysql.insertInto("messages").values(rows).execute()
  }
}

describe("the steps of an erasure", () => {
  test.each(STAGES)("of messages that are %s, delete a hundred each, and end at the last", async (stage) => {
    const { token, chat } = await givenWorld(api, stores(), stage)
    await givenSenders(api, token, chat, [...times(120, "a"), ...times(60, "b"), ...times(105, "a")])
    await reach(stage, stores())
    expect(await erase(api, token, chat, "a")).toEqual([100, 100, 25])
    expect(await livingNumbers(api, token, chat)).toHaveLength(61)
    await reach("stored", stores())
    expect(await livingNumbers(api, token, chat)).toHaveLength(61)
  })

  test("through many pending messages of others, end at the last", async () => {
    const { token, chat } = await givenWorld(api, stores(), "pending")
    await givenSenders(api, token, chat, [...times(600, "b"), "a"])
    // A step reads 250 pending events.
    expect(await erase(api, token, chat, "a")).toEqual([0, 0, 1])
    await drainQueues(stores())
  })

  test("through a long chat, look at ten thousand numbers each", async () => {
    const { token, chat } = await givenWorld(api, stores(), "stored")
    await plantRows(token, chat, [10_000, 10_001, 20_000, 25_000], "a")
    await plantRows(token, chat, [25_001], "b")
    expect(await erase(api, token, chat, "a")).toEqual([1, 2, 1])
  })

  test("leave what the sender writes after the first", async () => {
    const { token, chat } = await givenWorld(api, stores(), "stored")
    await givenSenders(api, token, chat, times(150, "a"))
    const { next_cursor: cursor } = expectStatus(await api.eraseMessages(token, chat, { sender: "a" }), 200)
    const later = (await givenSenders(api, token, chat, times(7, "a"))).get("a") ?? []
    expect(await erase(api, token, chat, "a", cursor)).toEqual([50])
    expect(await livingNumbers(api, token, chat)).toEqual([1, ...later])
  })

  test("of which one is repeated since its answer was lost, delete all the same", async () => {
    const { token, chat } = await givenWorld(api, stores(), "stored")
    await givenSenders(api, token, chat, times(350, "a"))
    await reach("stored", stores())
    const query = { sender: "a" }
    for (let time = 0; time < 2; time++)
      expect(expectStatus(await api.eraseMessages(token, chat, query), 200).deleted).toBe(100)
    const { next_cursor: cursor } = expectStatus(await api.eraseMessages(token, chat, query), 200)
    for (let time = 0; time < 2; time++)
      expect(expectStatus(await api.eraseMessages(token, chat, { ...query, cursor }), 200).deleted).toBe(50 - 50 * time)
    expect(await livingNumbers(api, token, chat)).toEqual([1])
  })
})

test("a step in a chat of any size: reads no more than ten thousand rows", async () => {
  const { token, chat } = await givenWorld(api, stores(), "stored")
  await plantRows(
    token,
    chat,
    Array.from({ length: 22_000 }, (_, index) => index + 2),
    "b",
  )
  const rowsRead = async (own: SearchStores, from?: { after: number; last: number }) =>
    own.mysql.connection().execute(async (mysql) => {
      const read = async () => {
        const { rows } = await sql<{ Value: string }>`show session status like 'Handler_read%'`.execute(mysql)
        return sum(rows.map(({ Value }) => Number(Value)))
      }
      const before = await read()
      const { next } = await eraseMessages({ ...own, mysql }, token, chat, "a", from)
      return { rows: (await read()) - before, next }
    })
  const first = await rowsRead(stores())
  expect(first.next).toEqual({ after: 10_000, last: 22_001 })
  expect(first.rows).toBeGreaterThanOrEqual(9_999)
  for (const { rows } of [first, await rowsRead(stores(), { after: 10_000, last: 22_001 })])
    expect(rows).toBeLessThan(10_100)
})

describe("rate limits of an erasure", () => {
  const limited = <T>(application: number, action: () => Promise<T>) =>
    withEnvironment({ RATE_LIMIT_APPLICATION: String(application) }, action)

  test("count each deleted message as one request, and a step deletes what they have room for", async () => {
    const { token, chat } = await givenWorld(api, stores(), "pending")
    const numbers = (await givenSenders(api, token, chat, times(12, "a"))).get("a") ?? []
    await limited(8, async () => {
      expectStatus(await api.getApplication(token), 200)
      const answer = await api.eraseMessages(token, chat, { sender: "a" })
      expect(expectStatus(answer, 200)).toEqual({ deleted: 7, next_cursor: expect.any(String) })
      expect(answer.headers.ratelimit).toMatch(/^"application";r=0;t=(60|5\d)$/)
      const refused = await api.eraseMessages(token, chat, { sender: "a", cursor: answer.body.next_cursor })
      expectProblem(refused, 429, "rate_limited")
      expect(Number(refused.headers["retry-after"])).toBeLessThanOrEqual(8)
    })
    expect(await livingNumbers(api, token, chat)).toEqual([1, ...numbers.slice(7)])
    expect(await erase(api, token, chat, "a")).toEqual([5])
  })

  test("of one request a minute, let a step delete one", async () => {
    const { token, chat } = await givenWorld(api, stores(), "pending")
    await givenSenders(api, token, chat, times(3, "a"))
    await limited(1, async () =>
      expect(expectStatus(await api.eraseMessages(token, chat, { sender: "a" }), 200).deleted).toBe(1),
    )
    expect(await erase(api, token, chat, "a")).toEqual([2])
  })
})

describe("an erasure beside others", () => {
  test("who change and read the messages, leaves none, and each is deleted once", async () => {
    const { token, chat } = await givenWorld(api, stores(), "stored")
    const numbers = (await givenSenders(api, token, chat, times(60, "a"))).get("a") ?? []
    const { cursor } = await followApi(api, token)
    await whileConsuming(stores(), async () => {
      const changes = numbers.map((number) => api.updateMessage(token, chat, number, { body: "changed" }, "PATCH"))
      const erasures = [erase(api, token, chat, "a"), erase(api, token, chat, "a")]
      const deleted = (await Promise.all(erasures)).flat()
      expect(sum(deleted)).toBe(60)
      for (const { status } of await Promise.all(changes)) expect([200, 404]).toContain(status)
    })
    await reach("stored", stores())
    expect(await livingNumbers(api, token, chat)).toEqual([1])
    const { changes } = await followApi(api, token, { cursor })
    expect(changes.map(short).sort()).toEqual(numbers.map((number) => `message.deleted ${chat}/${number}`).sort())
    expect(expectStatus(await api.searchMessages(token, chat, { sender: "a" }), 200).total).toBe(0)
  })

  test("who create messages of the sender, deletes those that were answered before it", async () => {
    const { token, chat } = await givenWorld(api, stores(), "stored")
    const before = (await givenSenders(api, token, chat, times(30, "a"))).get("a") ?? []
    const creations = times(20, null).map(() => api.createMessage(token, chat, { body: "beside", sender: "a" }))
    const [deleted, ...created] = await Promise.all([erase(api, token, chat, "a"), ...creations])
    const living = await livingNumbers(api, token, chat)
    expect(living.filter((number) => before.includes(number))).toEqual([])
    expect(sum(deleted)).toBe(before.length + created.length - (living.length - 1))
    await erase(api, token, chat, "a")
    await reach("stored", stores())
    expect(await livingNumbers(api, token, chat)).toEqual([1])
  })

  // An erasure that read MySQL first would miss what is stored before it reads the outbox.
  test.each(["before", "after"])("by which a message is stored %s the outbox is read, finds it", async (when) => {
    const { token, chat } = await givenWorld(api, stores(), "stored")
    await givenSenders(api, token, chat, ["a"])
    const own = stores()
    const outbox = { ...own.outbox }
    outbox.readPending = async (...asked) => {
      if (when === "before") await drainQueues(own)
      const pending = await own.outbox.readPending(...asked)
      if (when === "after") await drainQueues(own)
      return pending
    }
    expect(await eraseMessages({ ...own, outbox }, token, chat, "a")).toEqual({ deleted: 1, next: null })
    await reach("stored", own)
    expect(await livingNumbers(api, token, chat)).toEqual([1])
  })

  test("that fill the outbox, is 503, keeps what it has deleted, and is repeated", async () => {
    const { token, chat } = await givenWorld(api, stores(), "stored")
    await givenSenders(api, token, chat, times(20, "a"))
    await reach("stored", stores())
    await withEnvironment({ OUTBOX_EVENTS_MAX: "5" }, async () => {
      expectUnavailable(await api.eraseMessages(token, chat, { sender: "a" }))
      expect(await livingNumbers(api, token, chat)).toHaveLength(16)
      await drainQueues(stores())
      expect(await livingNumbers(api, token, chat)).toHaveLength(16)
    })
    expect(await erase(api, token, chat, "a")).toEqual([15])
  })

  test("who restart Redis, waits until it has settled", async () => {
    const { token, chat } = await givenWorld(api, stores(), "pending")
    await givenSenders(api, token, chat, ["a", "b"])
    await withRedis((redis) => redis.hset(lifeKey(shardOf(token)), "life", "one-that-has-ended"))
    await whileConsuming(stores(), () =>
      eventually(async () => {
        expect(expectStatus(await api.eraseMessages(token, chat, { sender: "a" }), 200).deleted).toBe(1)
      }, RECOVERY_LIMIT_MS),
    )
    expect(await livingNumbers(api, token, chat)).toEqual([1, 3])
  })
})
