// Followers of changes when Redis begins a new life with its data, without it, or with an older copy, and without MySQL.
import { expect, test } from "@jest/globals"
import { createApplication } from "../../lib/applications.ts"
import { readChanges } from "../../lib/changes/read-changes.ts"
import { createChat } from "../../lib/chats.ts"
import type { ChangesPage } from "../../lib/contract.ts"
import { createMessage, updateMessage } from "../../lib/messages.ts"
import { changesKey, dueKey, lifeKey, outboxKey, pendingKey, shardOf } from "../../lib/outbox/keys.ts"
import { relay } from "../../lib/relay/relay.ts"
import type { SearchStores } from "../../lib/stores.ts"
import { drainQueues, whileConsuming } from "../steps/drain.ts"
import { eventually } from "../steps/eventually.ts"
import { follow, short } from "../steps/follow.ts"
import { onEachServer, withRedis } from "../steps/redis.ts"
import { away, useTestStores, withEnvironment } from "../steps/stores.ts"

/** A busy machine takes a while to empty the queue. */
const RECOVERY_LIMIT_MS = 30_000
const RELAY_BUDGET_MS = 3_000
const HOUR_US = 3_600_000_000

const stores = useTestStores()

async function givenMessages(own: SearchStores, count: number) {
  const token = (await createApplication(own, { name: "Followed" })).resource.token
  const chat = (await createChat(own, token, { name: null })).resource.number
  const quiet = (await createChat(own, token, { name: null })).resource.number
  for (let i = 0; i < count; i++) await createMessage(own, token, chat, { body: `before ${i}` })
  return { token, chat, quiet }
}

/** Gives them where an earlier test may have made this process know more of a shard than Redis does, which ends a life. */
const givenPatiently = (own: SearchStores, count: number) =>
  whileConsuming(own, () => eventually(() => givenMessages(own, count), RECOVERY_LIMIT_MS))

const wipe = () => onEachServer((redis) => redis.flushdb())
const restart = (token: string) =>
  withRedis((redis) => redis.hset(lifeKey(shardOf(token)), "life", "one-that-has-ended"))

/** Follows as a client does that asks again after a 503. */
const followPatiently = (own: SearchStores, token: string, from: ChangesPage["next"]) =>
  eventually(() => follow(own, token, { from }), RECOVERY_LIMIT_MS)

const createPatiently = (own: SearchStores, token: string, chat: number) =>
  eventually(() => createMessage(own, token, chat, { body: "after" }), RECOVERY_LIMIT_MS)

test("Redis restarts with its data between two pages: the reader: is told to wait, then gets the rest", async () => {
  const { token } = await givenMessages(stores(), 3)
  const first = await readChanges(stores(), token, { from: "beginning", chat: 0, limit: 3 })
  await restart(token)
  const refused = readChanges(stores(), token, { from: first.next, chat: 0, limit: 3 })
  await expect(refused).rejects.toMatchObject({ code: "unavailable" })
  const { changes } = await whileConsuming(stores(), async () => {
    // Without a write, the relay ends the wait.
    await relay(stores(), RELAY_BUDGET_MS)
    return followPatiently(stores(), token, first.next)
  })
  expect(changes.map(short)).toEqual(["message.created 1/2", "message.created 1/3"])
})

test("Redis is wiped between two pages, all being stored: the reader: gets what is stored, without waiting for a write to it", async () => {
  const { token, chat } = await givenMessages(stores(), 3)
  await drainQueues(stores())
  const first = await readChanges(stores(), token, { from: "beginning", chat: 0, limit: 3 })
  await wipe()
  // A process that knows nothing of what was lost.
  await withEnvironment({ OUTBOX_EVENTS_MAX: "1000" }, async (own) => {
    const rest = await whileConsuming(own, async () => {
      await relay(own, RELAY_BUDGET_MS)
      return followPatiently(own, token, first.next)
    })
    expect(rest.changes.map(short)).toEqual(["message.created 1/2", "message.created 1/3"])
    expect(rest.next.revision).toBeGreaterThanOrEqual(first.next.revision)
    const { number } = (await whileConsuming(own, () => createPatiently(own, token, chat))).resource
    const later = await followPatiently(own, token, rest.next)
    expect(later.changes.map(short)).toEqual([`message.created 1/${number}`])
  })
})

test("Redis comes back without its clock's last hour: rows above its revision: are told before the next write", async () => {
  const { token, chat, quiet } = await givenMessages(stores(), 1)
  // Written while the clock was an hour ahead, in a chat that nobody writes to any more.
  await withRedis((redis) => redis.hincrby(lifeKey(shardOf(token)), "revision", HOUR_US))
  await createMessage(stores(), token, quiet, { body: "ahead" })
  await drainQueues(stores())
  await withEnvironment({ OUTBOX_EVENTS_MAX: "1000" }, async (own) => {
    await wipe()
    const { changes, next } = await whileConsuming(own, async () => {
      await createPatiently(own, token, chat)
      return eventually(() => follow(own, token), RECOVERY_LIMIT_MS)
    })
    expect(changes.map(short)).toContain(`message.created ${quiet}/1`)
    expect(changes.at(-1)?.data).toMatchObject({ body: "after" })
    const again = await whileConsuming(own, () => createPatiently(own, token, chat))
    const later = await followPatiently(own, token, next)
    expect(later.changes.map(({ number }) => number)).toEqual([again.resource.number])
  })
})

test("Redis comes back as an older copy: the reader: goes on behind what it was told, and misses nothing that is stored", async () => {
  await withEnvironment({ OUTBOX_EVENTS_MAX: "1000" }, async (own) => {
    const { token, chat } = await givenMessages(own, 3)
    const shard = shardOf(token)
    const keys = [
      ...[lifeKey(shard), outboxKey(shard), dueKey(shard)],
      ...[pendingKey(shard, `${token}/${chat}`), changesKey(token)],
    ]
    const copy = await withRedis((redis) => Promise.all(keys.map((key) => redis.dumpBuffer(key))))
    await drainQueues(own)
    const before = await follow(own, token)
    await updateMessage(own, token, chat, 2, { body: "changed" })
    await drainQueues(own)
    await withRedis((redis) =>
      Promise.all(keys.map((key, index) => redis.restore(key, 0, copy[index] as Buffer, "REPLACE"))),
    )
    await restart(token)
    const { changes, next } = await whileConsuming(own, async () => {
      await createPatiently(own, token, chat)
      return followPatiently(own, token, before.next)
    })
    expect(changes.map(short)).toEqual(["message.updated 1/2", expect.stringMatching(/^message.created 1\//)])
    expect(next.revision).toBeGreaterThan(before.next.revision)
    expect(before.changes.map(({ id }) => id)).not.toEqual(expect.arrayContaining(changes.map(({ id }) => id)))
  })
})

test("Redis comes back behind what is stored, and nobody writes: a reader: is told all, and the loss is noted", async () => {
  const { token } = await givenMessages(stores(), 1)
  await drainQueues(stores())
  const life = lifeKey(shardOf(token))
  await withRedis((redis) => redis.hincrby(life, "revision", -HOUR_US))
  await restart(token)
  // A process that knows nothing of what was lost.
  await withEnvironment({ OUTBOX_EVENTS_MAX: "1000" }, async (own) => {
    const relayAndFollow = async () => {
      await relay(own, RELAY_BUDGET_MS)
      return follow(own, token)
    }
    const { changes } = await whileConsuming(own, () => eventually(relayAndFollow, RECOVERY_LIMIT_MS))
    expect(changes.map(short)).toContain("message.created 1/1")
    const [generation, lost] = await withRedis((redis) => redis.hmget(life, "generation", "lost"))
    expect(lost).toBe(generation)
  })
})

test("a cursor ahead of Redis and of its clock, after a loss: followed: is 410, since later writes would be below it", async () => {
  const { token } = await givenPatiently(stores(), 1)
  await drainQueues(stores())
  const { next } = await follow(stores(), token)
  const ahead = { ...next, revision: next.revision + HOUR_US }
  const refused = readChanges(stores(), token, { from: ahead, chat: 0, limit: 3 })
  await expect(refused).rejects.toMatchObject({ code: "cursor_expired" })
})

test("MySQL is away for some pages: the reader: is refused, then goes on where it was", async () => {
  const { token, chat } = await givenPatiently(stores(), 3)
  await drainQueues(stores())
  const first = await readChanges(stores(), token, { from: "beginning", chat: 0, limit: 2 })
  await withEnvironment(away("mysql"), async (own) => {
    await createMessage(own, token, chat, { body: "meanwhile" })
    const refused = readChanges(own, token, { from: first.next, chat: 0, limit: 2 })
    await expect(refused).rejects.toMatchObject({ dependency: "mysql" })
  })
  const { changes } = await follow(stores(), token, { from: first.next })
  expect(changes.map(short)).toEqual([1, 2, 3, 4].map((number) => `message.created 1/${number}`))
})
