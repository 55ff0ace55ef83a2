// While one shard settles, the others take writes and keep the events, which are sent once it has settled.
import { afterEach, expect, test } from "@jest/globals"
import { lifeKey, shardOf } from "../../lib/outbox/keys.ts"
import { settleShards } from "../../lib/write/settle.ts"
import { chatApi, directTransport, expectStatus } from "../steps/chat-api.ts"
import { deliver, drainQueues, removeRecords, takeRecords } from "../steps/drain.ts"
import { eventually } from "../steps/eventually.ts"
import { withRedis } from "../steps/redis.ts"
import { useTestStores } from "../steps/stores.ts"

const stores = useTestStores()
const api = chatApi(directTransport())
const SETTLED_WITHIN_MS = 30_000

afterEach(async () => {
  await drainQueues(stores())
  await eventually(async () => expect(await settleShards(stores())).toBe(true), SETTLED_WITHIN_MS)
})

/** Returns chats of two applications in different shards. */
async function givenTwo() {
  const token = await api.givenApplication()
  let other = await api.givenApplication()
  while (shardOf(other) === shardOf(token)) other = await api.givenApplication()
  const chats = { token, chat: await api.givenChat(token), other, otherChat: await api.givenChat(other) }
  await drainQueues(stores())
  return chats
}

const beginLife = (token: string) =>
  withRedis((redis) => redis.hset(lifeKey(shardOf(token)), "life", "one-that-has-ended"))
const heldUntil = (token: string) => withRedis((redis) => redis.hget(lifeKey(shardOf(token)), "held"))
const heldSince = (token: string, ms: number) =>
  withRedis((redis) => redis.hincrby(lifeKey(shardOf(token)), "held_from", -ms))

test("a shard that settles while an event is in the queue: waits, others are answered at once, and all is stored after", async () => {
  const { token, chat, other, otherChat } = await givenTwo()
  expect(await api.givenMessage(token, chat, "in the queue")).toBe(1)
  const queued = await takeRecords(stores(), "persist")
  await beginLife(token)
  // Keeps the queue from being empty.
  await stores().queues.persist.send([{ fence: "1", application: "a".repeat(24), chat: 0 }])
  const refused = api.createMessage(token, chat, { body: "too early" })
  await eventually(async () => expect(await heldUntil(other)).not.toBeNull(), SETTLED_WITHIN_MS)

  expect(await api.givenMessage(other, otherChat, "held")).toBe(1)
  expect(expectStatus(await api.updateMessage(other, otherChat, 1, { body: "held, too" }), 200).body).toBe("held, too")
  expect(expectStatus(await api.getMessage(other, otherChat, 1), 200).body).toBe("held, too")
  expectStatus(await refused, 503)
  const sent = await takeRecords(stores(), "persist")
  expect(sent.map(({ body }) => body).join()).not.toContain(other)

  expect(await deliver("persist", queued)).toEqual([])
  await eventually(
    async () => expect(expectStatus(await api.createMessage(token, chat), 201).number).toBe(2),
    SETTLED_WITHIN_MS,
  )
  await eventually(async () => {
    await drainQueues(stores())
    const rows = await stores().mysql.selectFrom("messages").select("body").where("application", "=", other).execute()
    expect(rows).toEqual([{ body: "held, too" }])
  }, SETTLED_WITHIN_MS)
  expect(await heldUntil(other)).toBeNull()
  await removeRecords(stores(), "persist", sent)
})

test("a queue that does not become empty for long: the others' events flow again after ten seconds, for as long", async () => {
  const { other } = await givenTwo()
  const shard = shardOf(other)
  const { outbox } = stores()
  const isHeld = async () => Number(await heldUntil(other)) > Date.now()
  await outbox.open(shard, true)
  expect(await isHeld()).toBe(true)
  await heldSince(other, 10_000)
  await withRedis((redis) => redis.hdel(lifeKey(shard), "held"))
  await outbox.open(shard, true)
  expect(await isHeld()).toBe(false)
  await heldSince(other, 10_001)
  await outbox.open(shard, true)
  expect(await isHeld()).toBe(true)
  await outbox.release(shard)
  expect(await isHeld()).toBe(false)
})
