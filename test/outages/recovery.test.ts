// Numbers when Redis begins a new life with its data, without it, or with an older copy.
import { randomUUID } from "node:crypto"
import { expect, test } from "@jest/globals"
import { createApplication } from "../../lib/applications.ts"
import { createChat, deleteChat } from "../../lib/chats.ts"
import { ApiError } from "../../lib/errors.ts"
import { createMessage, deleteMessage, getMessage, listMessages, updateMessage } from "../../lib/messages.ts"
import { applicationKey, dueKey, lifeKey, outboxKey, pendingKey, shardOf } from "../../lib/outbox/keys.ts"
import type { SearchStores } from "../../lib/stores.ts"
import { drainQueues, whileConsuming } from "../steps/drain.ts"
import { messagesPath } from "../steps/paths.ts"
import { onEachServer, withRedis } from "../steps/redis.ts"
import { useTestStores, withEnvironment } from "../steps/stores.ts"

/** Small, so that a skip can be checked to be exactly this. */
const BOUND = 1_000
const SMALL_BOUND = { OUTBOX_EVENTS_MAX: String(BOUND) }

/** A busy machine takes a while to empty the queue. */
const RECOVERY_LIMIT_MS = 30_000

const stores = useTestStores()

/** Creates a message, repeated on 503 with its key like a client would: a late one may have been accepted. */
async function createPatiently(own: SearchStores, token: string, chat: number): Promise<number> {
  const deadline = performance.now() + RECOVERY_LIMIT_MS
  const idempotency = { key: randomUUID(), path: messagesPath(token, chat) }
  for (;;) {
    try {
      return (await createMessage(own, token, chat, { body: "patient" }, idempotency)).resource.number
    } catch (error) {
      if (!(error instanceof ApiError) || error.code !== "unavailable" || performance.now() > deadline) throw error
      await new Promise((resolve) => setTimeout(resolve, 200))
    }
  }
}

async function givenChatWithMessages(own: SearchStores, count: number) {
  const token = (await createApplication(own, { name: "Recovery" })).resource.token
  const chat = (await createChat(own, token, { name: null })).resource.number
  for (let i = 0; i < count; i++) await createMessage(own, token, chat, { body: `before ${i}` })
  return { token, chat }
}

const wipe = () => onEachServer((redis) => redis.flushdb())

/** Makes the scripts see a restart of Redis with all its data. */
const restart = (token: string) =>
  withRedis((redis) => redis.hset(lifeKey(shardOf(token)), "life", "one-that-has-ended"))

test("a Redis that restarted with its data: the next message: has the next number", async () => {
  const { token, chat } = await givenChatWithMessages(stores(), 3)
  await restart(token)
  expect(await whileConsuming(stores(), () => createPatiently(stores(), token, chat))).toBe(4)
})

test("a Redis that was wiped: the next numbers: lie the outbox bound above the highest persisted, and go on densely", async () => {
  await withEnvironment(SMALL_BOUND, async (own) => {
    const { token, chat } = await givenChatWithMessages(own, 3)
    await drainQueues(own)
    await wipe()
    const numbers = await whileConsuming(own, async () => [
      await createPatiently(own, token, chat),
      await createPatiently(own, token, chat),
    ])
    expect(numbers).toEqual([3 + BOUND + 1, 3 + BOUND + 2])
    const next = (await whileConsuming(own, () => createChat(own, token, { name: null }))).resource.number
    expect(next).toBe(chat + BOUND + 1)
  })
})

test("a Redis that was wiped twice, with nothing persisted in between: the numbers: are never given again", async () => {
  await withEnvironment(SMALL_BOUND, async (own) => {
    const { token, chat } = await givenChatWithMessages(own, 2)
    await drainQueues(own)
    const given = new Set([1, 2])
    for (let round = 0; round < 3; round++) {
      await wipe()
      const number = await whileConsuming(own, () => createPatiently(own, token, chat))
      // Its number was given, then lost with the outbox and the queue: only its client knows it.
      await own.sqs.receive(own.config.PERSIST_QUEUE_URL)
      for (let i = 0; i < 5; i++) {
        const more = (await createMessage(own, token, chat, { body: "lost" })).resource.number
        expect(given.has(more)).toBe(false)
        given.add(more)
      }
      expect(given.has(number)).toBe(false)
      given.add(number)
    }
    expect(given.size).toBe(2 + 3 * 6)
  })
})

test("a Redis whose events are still in the queue when it is wiped: a creation: is 503 or served, never 404", async () => {
  await withEnvironment(SMALL_BOUND, async (own) => {
    const { token, chat } = await givenChatWithMessages(own, 2)
    await wipe()
    const early = await createMessage(own, token, chat, { body: "early" }).catch((error: unknown) => error)
    expect(early).toMatchObject({ code: "unavailable" })
    const read = await getMessage(own, token, chat, 1).catch((error: unknown) => error)
    expect(read).toMatchObject({ code: "unavailable" })
    const number = await whileConsuming(own, () => createPatiently(own, token, chat))
    expect(number).toBe(2 + BOUND + 1)
    const { data } = await listMessages(own, token, chat, { limit: 10, order: "asc" })
    expect(data.map((message) => message.number)).toEqual([1, 2, number])
  })
})

test("a Redis that came back behind MySQL: the next number: lies above all that were persisted, with the skip", async () => {
  await withEnvironment(SMALL_BOUND, async (own) => {
    const { token, chat } = await givenChatWithMessages(own, 5)
    await drainQueues(own)
    await withRedis((redis) => redis.hset(applicationKey(token), `c${chat}`, "2"))
    await restart(token)
    const number = await whileConsuming(own, () => createPatiently(own, token, chat))
    expect(number).toBe(5 + BOUND + 1)
  })
})

test("a Redis that came back older than an answer: the next number: is above what was answered though nothing stored it", async () => {
  await withEnvironment(SMALL_BOUND, async (own) => {
    const { token, chat } = await givenChatWithMessages(own, 2)
    await drainQueues(own)
    const life = lifeKey(shardOf(token))
    const before = await withRedis((redis) => redis.hget(life, "revision"))
    const lost = (await createMessage(own, token, chat, { body: "lost" })).resource.number
    // Restores counter, revision and outbox from before that write; the queue has lost the event, too.
    await withRedis(async (redis) => {
      await redis.hset(applicationKey(token), `c${chat}`, "2")
      await redis.hset(life, "revision", before as string)
    })
    await own.sqs.receive(own.config.PERSIST_QUEUE_URL)
    const number = await whileConsuming(own, () => createPatiently(own, token, chat))
    expect(number).toBeGreaterThan(lost)
  })
})

test("a Redis that came back with events that have been changed since: readers: see the changes once it has recovered", async () => {
  await withEnvironment(SMALL_BOUND, async (own) => {
    const { token, chat } = await givenChatWithMessages(own, 3)
    const shard = shardOf(token)
    const keys = [lifeKey(shard), outboxKey(shard), dueKey(shard), pendingKey(shard, `${token}/${chat}`)]
    const copy = await withRedis((redis) => Promise.all(keys.map((key) => redis.dumpBuffer(key))))
    await drainQueues(own)
    await deleteMessage(own, token, chat, 1)
    await updateMessage(own, token, chat, 2, { body: "changed" })
    await drainQueues(own)
    await withRedis((redis) =>
      Promise.all(keys.map((key, index) => redis.restore(key, 0, copy[index] as Buffer, "REPLACE"))),
    )
    const number = await whileConsuming(own, () => createPatiently(own, token, chat))
    const { data } = await listMessages(own, token, chat, { limit: 10, order: "asc" })
    expect(data.map((message) => [message.number, message.body])).toEqual([
      [2, "changed"],
      [3, "before 2"],
      [number, expect.any(String)],
    ])
    await expect(getMessage(own, token, chat, 1)).rejects.toMatchObject({ code: "not_found" })
    expect((await getMessage(own, token, chat, 2)).body).toBe("changed")
  })
})

test("a wiped Redis: many creations from two processes at once: give distinct numbers without a gap", async () => {
  await withEnvironment(SMALL_BOUND, async (first) => {
    const { token, chat } = await givenChatWithMessages(first, 3)
    await drainQueues(first)
    await wipe()
    await withEnvironment(SMALL_BOUND, async (second) => {
      const numbers = await whileConsuming(second, () =>
        Promise.all(Array.from({ length: 40 }, (_, i) => createPatiently(i % 2 ? first : second, token, chat))),
      )
      expect(numbers.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 40 }, (_, i) => 3 + BOUND + 1 + i))
    })
  })
})

test("a chat that was deleted before Redis was wiped: a creation in it: is 404", async () => {
  const { token, chat } = await givenChatWithMessages(stores(), 1)
  await deleteChat(stores(), token, chat)
  await drainQueues(stores())
  await wipe()
  const refused = whileConsuming(stores(), () => createPatiently(stores(), token, chat))
  await expect(refused).rejects.toMatchObject({ code: "not_found" })
})

const HOUR_US = 3_600_000_000
const inAnHour = () => Date.now() * 1_000 + HOUR_US

test("a Redis that restarted after its clock was set back: the next message: need not wait for the clock to catch up", async () => {
  const { token, chat } = await givenChatWithMessages(stores(), 3)
  // The last life began when the clock was an hour ahead.
  await withRedis((redis) => redis.hset(lifeKey(shardOf(token)), "generation", inAnHour()))
  await restart(token)
  expect(await whileConsuming(stores(), () => createPatiently(stores(), token, chat))).toBe(4)
})

test("a Redis that was wiped again after its clock was set back: the next numbers: lie above what was given in between", async () => {
  await withEnvironment(SMALL_BOUND, async (own) => {
    const { token, chat } = await givenChatWithMessages(own, 3)
    await drainQueues(own)
    // The first loss, with its fence, was when the clock was an hour ahead.
    await own.mysql
      .updateTable("counters")
      .set({ fenced: inAnHour(), highest: 3 + BOUND })
      .where("application", "=", token)
      .where("chat", "=", chat)
      .execute()
    await wipe()
    const number = await whileConsuming(own, () => createPatiently(own, token, chat))
    // Numbers given after the first loss, and lost now, went up to the bound above the highest persisted.
    expect(number).toBe(3 + BOUND + BOUND + 1)
    await drainQueues(own)
    expect(await whileConsuming(own, () => createPatiently(own, token, chat))).toBe(number + 1)
  })
})
