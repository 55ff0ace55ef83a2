// Functions of the release before changes: they neither note places nor remove them. Their effects are planted.
import { expect, test } from "@jest/globals"
import { createApplication } from "../../lib/applications.ts"
import { createChat } from "../../lib/chats.ts"
import { createMessage, deleteMessage, updateMessage } from "../../lib/messages.ts"
import { applicationKey, changesKey, lifeKey, outboxKey, shardOf } from "../../lib/outbox/keys.ts"
import { drainQueues, takeRecords } from "../steps/drain.ts"
import { follow, short } from "../steps/follow.ts"
import { withRedis } from "../steps/redis.ts"
import { useTestStores } from "../steps/stores.ts"

const stores = useTestStores()

async function givenChat() {
  const token = (await createApplication(stores(), { name: "Followed" })).resource.token
  const chat = (await createChat(stores(), token, { name: null })).resource.number
  await drainQueues(stores())
  const { next } = await follow(stores(), token)
  return { token, chat, next }
}

/** Creates a message as an older function does: without a place, and without noting the shard's revision. */
async function createAsOlder(token: string, chat: number): Promise<void> {
  const life = lifeKey(shardOf(token))
  const noted = await withRedis((redis) => redis.hmget(life, "noted", "unnoted"))
  const { number } = (await createMessage(stores(), token, chat, { body: "older" })).resource
  await withRedis(async (redis) => {
    await redis.zrem(changesKey(token), `${token}/${chat}/${number}`)
    for (const [name, value] of [
      ["noted", noted[0]],
      ["unnoted", noted[1]],
    ] as const)
      await (value ? redis.hset(life, name, value) : redis.hdel(life, name))
  })
}

const create = (token: string, chat: number) => createMessage(stores(), token, chat, { body: "newer" })
const numbers = (...of: number[]) => of.map((number) => `message.created 1/${number}`)

test("an older function's write that is pending: followed: is told", async () => {
  const { token, chat, next } = await givenChat()
  await createAsOlder(token, chat)
  expect((await follow(stores(), token, { from: next })).changes.map(short)).toEqual(numbers(1))
})

test("older and newer functions' writes in turn: followed: are told in order, also to a second reader", async () => {
  const { token, chat, next } = await givenChat()
  for (let i = 0; i < 3; i++) {
    await create(token, chat)
    await createAsOlder(token, chat)
  }
  await create(token, chat)
  for (const _ of [1, 2])
    expect((await follow(stores(), token, { from: next, limit: 2 })).changes.map(short)).toEqual(
      numbers(1, 2, 3, 4, 5, 6, 7),
    )
})

test("an older function that writes while places are given: the page: ends before that write, which the next has", async () => {
  const { token, chat, next } = await givenChat()
  await createAsOlder(token, chat)
  const own = stores()
  let isOver = false
  const during = {
    ...own,
    outbox: {
      ...own.outbox,
      async placeChanges(application: string) {
        await own.outbox.placeChanges(application)
        if (!isOver) await createAsOlder(token, chat)
        isOver = true
      },
    },
  }
  const first = await follow(during, token, { from: next })
  expect(first.changes.map(short)).toEqual(numbers(1))
  expect((await follow(own, token, { from: first.next })).changes.map(short)).toEqual(numbers(2))
})

test("an outbox of the older release at the first deployment: followed: is told whole", async () => {
  const { token, chat, next } = await givenChat()
  for (let i = 0; i < 5; i++) await create(token, chat)
  await withRedis(async (redis) => {
    await redis.del(changesKey(token))
    await redis.hdel(lifeKey(shardOf(token)), "noted", "unnoted")
    await redis.hdel(applicationKey(token), "r")
  })
  expect((await follow(stores(), token, { from: next, limit: 2 })).changes.map(short)).toEqual(numbers(1, 2, 3, 4, 5))
  // Later writes find the places given.
  await create(token, chat)
  expect(await withRedis((redis) => redis.zcard(changesKey(token)))).toBe(6)
})

test("writes of each kind that are stored: leave no place behind, though nobody reads the changes", async () => {
  const { token, chat } = await givenChat()
  await create(token, chat)
  await updateMessage(stores(), token, chat, 1, { body: "changed" })
  await createChat(stores(), token, { name: null })
  await deleteMessage(stores(), token, chat, 1)
  expect(await withRedis((redis) => redis.zcard(changesKey(token)))).toBe(2)
  await drainQueues(stores())
  expect(await withRedis((redis) => redis.exists(changesKey(token)))).toBe(0)
})

test("an event that an older function took off: followed: is told from MySQL, and its place is removed", async () => {
  const { token, chat, next } = await givenChat()
  await create(token, chat)
  const field = `${token}/${chat}/1`
  const score = (await withRedis((redis) => redis.zscore(changesKey(token), field))) as string
  await drainQueues(stores())
  await withRedis((redis) => redis.zadd(changesKey(token), score, field))
  expect((await follow(stores(), token, { from: next })).changes.map(short)).toEqual(numbers(1))
  expect(await withRedis((redis) => redis.zcard(changesKey(token)))).toBe(0)
})

test("an event that an older function replaced: followed: is told at its new place, once", async () => {
  const { token, chat, next } = await givenChat()
  await create(token, chat)
  await create(token, chat)
  const field = `${token}/${chat}/1`
  // An older function's update: the entry is newer than its place.
  await withRedis(async (redis) => {
    const life = lifeKey(shardOf(token))
    const revision = Number(await redis.hget(life, "revision")) + 5_000
    const entry = JSON.parse((await redis.hget(outboxKey(shardOf(token)), field)) as string)
    const changed = JSON.stringify({ ...entry, revision: String(revision), body: "older" })
    await redis.hset(outboxKey(shardOf(token)), field, changed)
    await redis.hset(life, "revision", String(revision))
  })
  const { changes } = await follow(stores(), token, { from: next, limit: 1 })
  expect(changes.map(short)).toEqual(["message.created 1/2", "message.updated 1/1"])
  await takeRecords(stores(), "persist")
})
