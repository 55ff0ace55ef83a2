// The races that the design names, each run against the real stores.
import { expect, test } from "@jest/globals"
import { createApplication, deleteApplication } from "../../lib/applications.ts"
import { createChat, deleteChat, updateChat } from "../../lib/chats.ts"
import { ApiError } from "../../lib/errors.ts"
import { PersistEvent } from "../../lib/events.ts"
import { createMessage, deleteMessage, getMessage, updateMessage } from "../../lib/messages.ts"
import { dueKey, shardOf } from "../../lib/outbox/keys.ts"
import { defineScript } from "../../lib/outbox/scripts/define-script.ts"
import { persistEvents } from "../../lib/persist/persist-events.ts"
import { purgeDue } from "../../lib/persist/purge.ts"
import { relay } from "../../lib/relay/relay.ts"
import type { SearchStores } from "../../lib/stores.ts"
import { acceptChange } from "../../lib/write/accept.ts"
import { deliver, drainQueues, eventsIn, refreshIndex, takeRecords } from "../steps/drain.ts"
import { useTestStores } from "../steps/stores.ts"

const stores = useTestStores()

async function givenChat(own: SearchStores) {
  const token = (await createApplication(own, { name: "Races" })).resource.token
  const chat = (await createChat(own, token, { name: null })).resource.number
  return { token, chat }
}

const countMessages = async (own: SearchStores, token: string) =>
  (await own.mysql.selectFrom("messages").select("number").where("application", "=", token).execute()).length

async function countDocuments(own: SearchStores, token: string): Promise<number> {
  await refreshIndex(own)
  const query = { term: { application: token } }
  return (await own.elasticsearch.count({ index: own.config.ELASTICSEARCH_INDEX, query })).count
}

const liveCount = async (own: SearchStores, token: string, chat: number) =>
  (
    await own.mysql
      .selectFrom("counters")
      .select("live")
      .where("application", "=", token)
      .where("chat", "=", chat)
      .executeTakeFirst()
  )?.live

const outboxSize = async (own: SearchStores, token: string) => {
  const { entries } = await own.outbox.readPending(token.charAt(0), `${token}/1`, 1, [], {
    min: "-inf",
    max: "+inf",
    order: "asc",
    count: 1000,
  })
  return entries.length
}

test("a chat deleted while messages are made in it: after the queues: no row, no document and no outbox entry is left", async () => {
  const own = stores()
  const { token, chat } = await givenChat(own)
  let refused = 0
  let accepted = 0
  const creations = Array.from({ length: 60 }, async (_, i) => {
    await new Promise((resolve) => setTimeout(resolve, i % 7))
    try {
      await createMessage(own, token, chat, { body: `message ${i}` })
      accepted++
    } catch (error) {
      expect(error).toMatchObject({ code: "not_found" })
      refused++
    }
  })
  const deletion = new Promise((resolve) => setTimeout(resolve, 4)).then(() => deleteChat(own, token, chat))
  await Promise.all([...creations, deletion])
  expect(accepted + refused).toBe(60)
  await expect(createMessage(own, token, chat, { body: "late" })).rejects.toMatchObject({ code: "not_found" })
  await drainQueues(own)
  await purgeDue(own, 5_000)
  await drainQueues(own)
  expect(await countMessages(own, token)).toBe(0)
  expect(await countDocuments(own, token)).toBe(0)
  expect(await outboxSize(own, token)).toBe(0)
})

test("a chat's delete that is persisted before its messages: the late messages: leave no orphan", async () => {
  const own = stores()
  const { token, chat } = await givenChat(own)
  for (let i = 0; i < 5; i++) await createMessage(own, token, chat, { body: `message ${i}` })
  await deleteChat(own, token, chat)
  const records = await takeRecords(own, "persist")
  for (const record of records.toReversed()) expect(await deliver("persist", [record])).toEqual([])
  await drainQueues(own)
  expect(await countMessages(own, token)).toBe(0)
  expect(await countDocuments(own, token)).toBe(0)
})

test("an application deleted while chats and messages are made: after the queues: nothing of it is left", async () => {
  const own = stores()
  const { token, chat } = await givenChat(own)
  const work = Array.from({ length: 40 }, (_, i) =>
    (i % 4 === 0 ? createChat(own, token, { name: null }) : createMessage(own, token, chat, { body: `m ${i}` })).catch(
      (error: unknown) => expect(error).toBeInstanceOf(ApiError),
    ),
  )
  await Promise.all([...work, deleteApplication(own, token)])
  await drainQueues(own)
  await purgeDue(own, 5_000)
  await drainQueues(own)
  expect(await countMessages(own, token)).toBe(0)
  expect(await countDocuments(own, token)).toBe(0)
  const chats = await own.mysql.selectFrom("chats").select("number").where("application", "=", token).execute()
  expect(chats).toEqual([])
})

test("an update while the create is queued: whatever order they arrive in: the update wins", async () => {
  const own = stores()
  const { token, chat } = await givenChat(own)
  await drainQueues(own)
  const { number } = (await createMessage(own, token, chat, { body: "first" })).resource
  const create = await takeRecords(own, "persist")
  await updateMessage(own, token, chat, number, { body: "second" })
  expect(await getMessage(own, token, chat, number)).toMatchObject({ body: "second" })
  const update = await takeRecords(own, "persist")
  for (const records of [update, create, update, create]) expect(await deliver("persist", records)).toEqual([])
  const row = await own.mysql
    .selectFrom("messages")
    .select("body")
    .where("application", "=", token)
    .where("chat", "=", chat)
    .where("number", "=", number)
    .executeTakeFirstOrThrow()
  expect(row.body).toBe("second")
  expect(await liveCount(own, token, chat)).toBe(1)
  expect(await outboxSize(own, token)).toBe(0)
})

test("a delete while the create is queued: the create arrives after it: the message stays deleted", async () => {
  const own = stores()
  const { token, chat } = await givenChat(own)
  await drainQueues(own)
  const { number } = (await createMessage(own, token, chat, { body: "short-lived" })).resource
  const create = await takeRecords(own, "persist")
  await deleteMessage(own, token, chat, number)
  const deletion = await takeRecords(own, "persist")
  for (const records of [deletion, create, deletion, create]) expect(await deliver("persist", records)).toEqual([])
  await drainQueues(own)
  await expect(getMessage(own, token, chat, number)).rejects.toMatchObject({ code: "not_found" })
  expect(await countMessages(own, token)).toBe(0)
  expect(await countDocuments(own, token)).toBe(0)
  expect((await liveCount(own, token, chat)) ?? 0).toBe(0)
  expect((await createMessage(own, token, chat, { body: "next" })).resource.number).toBe(number + 1)
})

test.each(["before the queue", "after the queue"])(
  "an update that read its message before it was deleted, deleted %s: the update: is not found and brings nothing back",
  async (when) => {
    const own = stores()
    const { token, chat } = await givenChat(own)
    const { number } = (await createMessage(own, token, chat, { body: "short-lived" })).resource
    await drainQueues(own)
    const row = await own.mysql
      .selectFrom("messages")
      .selectAll()
      .where("application", "=", token)
      .executeTakeFirstOrThrow()
    await deleteMessage(own, token, chat, number)
    if (when === "after the queue") await drainQueues(own)
    const key = { application: token, chat, message: number }
    const found = { createdAt: row.created_at, revision: row.revision }
    const change = { key, read: async () => found, present: () => undefined, next: () => ({ body: "late" }) }
    await expect(acceptChange(own, change)).rejects.toMatchObject({ code: "not_found" })
    await drainQueues(own)
    await expect(getMessage(own, token, chat, number)).rejects.toMatchObject({ code: "not_found" })
  },
)

test("a parent reloaded from MySQL as it was before its delete: the reload: does not bring it back", async () => {
  const own = stores()
  const { token, chat } = await givenChat(own)
  await drainQueues(own)
  const { generation } = await own.outbox.open(token.charAt(0), false)
  await deleteChat(own, token, chat)
  await drainQueues(own)
  const known = {
    ...{ chatsHighest: 1, messagesHighest: 0, applicationRevision: 0, chatRevision: 0 },
    ...{ applicationFenced: 0, chatFenced: 0 },
  }
  expect(await own.outbox.verify(generation, token, chat, known)).toBe("gone")
  await expect(createMessage(own, token, chat, { body: "late" })).rejects.toMatchObject({ code: "not_found" })
})

test("a persist function that dies between commit and clean-up: the relay: finds its events stale and clears the outbox", async () => {
  const own = stores()
  const { token, chat } = await givenChat(own)
  await drainQueues(own)
  for (let i = 0; i < 4; i++) await createMessage(own, token, chat, { body: `message ${i}` })
  const records = await takeRecords(own, "persist")
  const events = records.flatMap((record) => PersistEvent.array().parse(eventsIn(record)))
  // A function that dies right after its commit has done only this.
  await persistEvents(own.mysql, events, own.config.OUTBOX_EVENTS_MAX)
  expect(await outboxSize(own, token)).toBe(4)
  // Its messages come again after the visibility timeout.
  expect(await deliver("persist", records)).toEqual([])
  await drainQueues(own)
  expect(await outboxSize(own, token)).toBe(0)
  expect(await liveCount(own, token, chat)).toBe(4)
  expect(await countDocuments(own, token)).toBe(4)
})

test("the same events in several persist functions at once: the rows and counts: are those of one", async () => {
  const own = stores()
  const { token, chat } = await givenChat(own)
  const created = await Promise.all(
    Array.from({ length: 30 }, async (_, i) => (await createMessage(own, token, chat, { body: `m ${i}` })).resource),
  )
  await Promise.all(created.slice(0, 10).map(({ number }) => updateMessage(own, token, chat, number, { body: "new" })))
  await Promise.all(created.slice(20).map(({ number }) => deleteMessage(own, token, chat, number)))
  await updateChat(own, token, chat, { name: "renamed" })
  const records = await takeRecords(own, "persist")
  const shuffled = [records, records.toReversed(), records.toSorted(() => Math.random() - 0.5), records]
  const answers = await Promise.all(shuffled.map((batch) => deliver("persist", batch)))
  expect(answers.flat()).toEqual([])
  await drainQueues(own)
  expect(await countMessages(own, token)).toBe(20)
  expect(await liveCount(own, token, chat)).toBe(20)
  expect(await liveCount(own, token, 0)).toBe(1)
  expect(await countDocuments(own, token)).toBe(20)
  expect(await outboxSize(own, token)).toBe(0)
})

test("two relays at once: what is due: is sent once", async () => {
  const own = stores()
  const { token, chat } = await givenChat(own)
  await drainQueues(own)
  for (let i = 0; i < 10; i++) await createMessage(own, token, chat, { body: `m ${i}` })
  await takeRecords(own, "persist") // lost
  // None is due before its time …
  expect(await relay(own, 5_000)).toMatchObject({ events: 0 })
  await makeDue(own, token)
  const relayed = await Promise.all([relay(own, 5_000), relay(own, 5_000)])
  expect(relayed.reduce((sum, { events }) => sum + events, 0)).toBe(10)
  await drainQueues(own)
  expect(await countMessages(own, token)).toBe(10)
})

const MAKE_DUE = defineScript("make-due", {
  keys: ["due"],
  args: [],
  returns: () => undefined,
  lua: "for _, f in ipairs(redis.call('ZRANGE', due_key, 0, -1)) do redis.call('ZADD', due_key, 1, f) end return 1",
})

/** Makes the outbox entries of an application due. */
async function makeDue({ redis }: SearchStores, token: string): Promise<void> {
  await redis.run(MAKE_DUE, { due: dueKey(shardOf(token)) }, {})
}
