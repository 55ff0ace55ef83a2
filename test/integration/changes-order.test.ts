// A reader that follows the changes misses nothing and receives nothing twice, whatever happens between outbox and MySQL.
import { describe, expect, test } from "@jest/globals"
import { createApplication, deleteApplication, getApplication, updateApplication } from "../../lib/applications.ts"
import { readChanges } from "../../lib/changes/read-changes.ts"
import { createChat, deleteChat, getChat, updateChat } from "../../lib/chats.ts"
import type { ChangesRequest } from "../../lib/contract.ts"
import { createMessage, deleteMessage, getMessage, updateMessage } from "../../lib/messages.ts"
import { shardKeys, shardOf } from "../../lib/outbox/keys.ts"
import { deliver, drainQueues, takeRecords } from "../steps/drain.ts"
import { follow, interrupted, short } from "../steps/follow.ts"
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

const create = async (token: string, chat: number, body = "a message") =>
  (await createMessage(stores(), token, chat, { body })).resource.number

/** Writes, and returns the queue's messages of it instead of delivering them. */
async function held(write: () => Promise<unknown>) {
  await takeRecords(stores(), "persist")
  await write()
  return takeRecords(stores(), "persist")
}

const page = (token: string, from: ChangesRequest["from"], limit = 50) =>
  readChanges(stores(), token, { from, chat: 0, limit })

describe("a later write stored before an earlier one", () => {
  test.each([
    ["the application", 0],
    ["one chat", 1],
  ])("while a page is read, between its halves, of %s: the reader: gets both, in order", async (_which, chat) => {
    const { token } = await givenChat()
    const { next } = await follow(stores(), token, { chat })
    // The page has something to read, or its second half would not be.
    await create(token, 1, "before")
    const during = interrupted(stores(), async () => {
      await held(() => create(token, 1, "early"))
      expect(await deliver("persist", await held(() => create(token, 1, "late")))).toEqual([])
    })
    const first = await readChanges(during, token, { from: next, chat, limit: 50 })
    // The late one is in MySQL, but the early one only in the outbox, which this page has read already.
    expect(first.data.map(short)).toEqual(["message.created 1/1"])
    const { changes } = await follow(stores(), token, { from: first.next, chat })
    expect(changes.map(short)).toEqual(["message.created 1/2", "message.created 1/3"])
  })

  test("for long, by a persist function that is alone and slow: readers meanwhile: see all in the order of writing", async () => {
    const { token, chat, next } = await givenChat()
    const slow = await held(() => create(token, chat, "slow"))
    const seen = []
    let from: ChangesRequest["from"] = next
    for (let i = 0; i < 5; i++) {
      await create(token, chat)
      await drainQueues(stores())
      const followed = await follow(stores(), token, { from, limit: 1 })
      seen.push(...followed.changes.map(short))
      from = followed.next
    }
    expect(await deliver("persist", slow)).toEqual([])
    seen.push(...(await follow(stores(), token, { from })).changes.map(short))
    expect(seen).toEqual([1, 2, 3, 4, 5, 6].map((number) => `message.created 1/${number}`))
  })
})

describe("between the two halves of a page", () => {
  test("all events are stored and taken off: the reader: gets each once", async () => {
    const { token, chat, next } = await givenChat()
    for (let i = 0; i < 4; i++) await create(token, chat)
    const { changes } = await follow(
      interrupted(stores(), () => drainQueues(stores())),
      token,
      { from: next, limit: 2 },
    )
    expect(changes.map(short)).toEqual([1, 2, 3, 4].map((number) => `message.created 1/${number}`))
  })

  test("a message is changed and stored: the reader: gets its state at the page's end or the later one, then the later one", async () => {
    const { token, chat, next } = await givenChat()
    await create(token, chat, "first")
    await drainQueues(stores())
    const during = interrupted(stores(), async () => {
      await updateMessage(stores(), token, chat, 1, { body: "second" })
      await drainQueues(stores())
    })
    const { changes } = await follow(during, token, { from: next })
    const rest = await follow(stores(), token, { from: next })
    expect(changes.length).toBeLessThanOrEqual(1)
    expect(rest.changes.map(short)).toEqual(["message.updated 1/1"])
    const { next: then } = await readChanges(
      interrupted(stores(), async () => {
        await updateMessage(stores(), token, chat, 1, { body: "third" })
        await drainQueues(stores())
      }),
      token,
      { from: rest.next, chat: 0, limit: 50 },
    )
    const last = await follow(stores(), token, { from: then })
    expect(last.changes.map(({ data }) => data)).toEqual([await getMessage(stores(), token, chat, 1)])
  })

  test("a pending message is changed and stored: the page: has what its writer wrote, the next page what came", async () => {
    const { token, chat, next } = await givenChat()
    await create(token, chat, "first")
    const first = await readChanges(
      interrupted(stores(), async () => {
        await updateMessage(stores(), token, chat, 1, { body: "second" })
        await drainQueues(stores())
      }),
      token,
      { from: next, chat: 0, limit: 50 },
    )
    expect(first.data).toMatchObject([{ type: "message.created", data: { body: "first" } }])
    const { changes } = await follow(stores(), token, { from: first.next })
    expect(changes).toMatchObject([{ type: "message.updated", data: { body: "second" } }])
  })

  test("the chat's delete is accepted, or also stored: the reader: gets no more of its messages than the delete", async () => {
    for (const isStored of [false, true]) {
      const { token, chat, next } = await givenChat()
      await create(token, chat)
      await drainQueues(stores())
      const during = interrupted(stores(), async () => {
        await deleteChat(stores(), token, chat)
        if (isStored) await drainQueues(stores())
      })
      const { changes, next: then } = await follow(during, token, { from: next })
      expect(changes).toEqual([])
      expect((await follow(stores(), token, { from: then })).changes.map(short)).toEqual(["chat.deleted 1"])
    }
  })
})

describe("between two pages", () => {
  test("a message that was told is deleted: the reader: is told that", async () => {
    const { token, chat } = await givenChat()
    for (let i = 0; i < 3; i++) await create(token, chat)
    await drainQueues(stores())
    const first = await page(token, "beginning", 2)
    expect(first.data.map(short)).toEqual(["chat.created 1", "message.created 1/1"])
    await deleteMessage(stores(), token, chat, 1)
    await deleteMessage(stores(), token, chat, 3)
    for (const _ of [1, 2]) {
      const { changes } = await follow(stores(), token, { from: first.next, limit: 1 })
      expect(changes.map(short)).toEqual(["message.created 1/2", "message.deleted 1/1", "message.deleted 1/3"])
      await drainQueues(stores())
    }
  })

  test("a message moves up by an update: the reader: gets it once, at its new place", async () => {
    const { token, chat } = await givenChat()
    for (let i = 0; i < 3; i++) await create(token, chat)
    await drainQueues(stores())
    const first = await page(token, "beginning", 2)
    await updateMessage(stores(), token, chat, 2, { body: "changed" })
    for (const _ of [1, 2]) {
      const { changes } = await follow(stores(), token, { from: first.next, limit: 1 })
      expect(changes.map(short)).toEqual(["message.created 1/3", "message.updated 1/2"])
      await drainQueues(stores())
    }
  })

  test("the application is deleted: the reader: gets 404, the delete being pending or stored", async () => {
    const { token, next } = await givenChat()
    await deleteApplication(stores(), token)
    for (const _ of [1, 2]) {
      await expect(page(token, next)).rejects.toMatchObject({ code: "not_found" })
      await drainQueues(stores())
    }
  })
})

describe("a deleted chat whose rows wait for their purge", () => {
  /** Stores the delete as a persist function does that dies before the purge. */
  async function givenUnpurged() {
    const { token, chat, next } = await givenChat()
    const other = (await createChat(stores(), token, { name: null })).resource.number
    for (let i = 0; i < 5; i++) await create(token, chat)
    await create(token, other)
    await drainQueues(stores())
    const { mysql } = stores()
    const rows = await mysql.selectFrom("messages").selectAll().where("application", "=", token).execute()
    await deleteMessage(stores(), token, chat, 5)
    await deleteChat(stores(), token, chat)
    await drainQueues(stores())
    const below = rows.filter((row) => row.chat === chat)
    await mysql.insertInto("messages").values(below).execute()
    // An hour later nothing but MySQL knows of the delete.
    await withRedis((redis) => redis.del(shardKeys(shardOf(token)).deleted))
    return { token, chat, other, next }
  }

  test("read from the beginning, by pages of any size: is not there at all", async () => {
    const { token, other } = await givenUnpurged()
    for (const limit of [1, 2, 3, 50]) {
      const { changes } = await follow(stores(), token, { limit })
      expect(changes.map(short)).toEqual([`chat.created ${other}`, `message.created ${other}/1`])
    }
  })

  test("followed from before: is its delete, without what was in it", async () => {
    const { token, chat, other, next } = await givenUnpurged()
    for (const limit of [1, 2, 50]) {
      const { changes } = await follow(stores(), token, { from: next, limit })
      expect(changes.map(short)).toEqual([
        `chat.created ${other}`,
        `message.created ${other}/1`,
        `chat.deleted ${chat}`,
      ])
    }
  })
})

test("a few dozen writes, pending and stored: read by pages of each size, by two readers: are one sequence", async () => {
  const { token, chat } = await givenChat()
  for (let i = 0; i < 12; i++) await create(token, chat)
  await updateMessage(stores(), token, chat, 3, { body: "changed" })
  await updateChat(stores(), token, chat, { name: "changed" })
  await drainQueues(stores())
  for (let i = 0; i < 6; i++) await create(token, chat)
  await updateMessage(stores(), token, chat, 5, { body: "changed" })
  await deleteMessage(stores(), token, chat, 7)
  await updateApplication(stores(), token, { name: "changed" })
  const whole = (await follow(stores(), token)).changes
  expect(whole.map(short)).toHaveLength(12 + 6 - 1 + 2)
  expect(whole.map(({ at }) => at)).toEqual(whole.map(({ at }) => at).toSorted())
  for (let limit = 1; limit <= whole.length + 1; limit++) {
    const readers = [follow(stores(), token, { limit }), follow(stores(), token, { limit })]
    for (const { changes } of await Promise.all(readers)) expect(changes).toEqual(whole)
  }
  expect(whole.at(-1)?.data).toEqual(await getApplication(stores(), token))
  expect(whole.find(({ type }) => type === "chat.updated")?.data).toEqual(await getChat(stores(), token, chat))
})

test("a write of another application of the shard: read as changes: changes nothing and is not told", async () => {
  const { token, next } = await givenChat()
  const shard = shardOf(token)
  for (;;) {
    const other = (await createApplication(stores(), { name: "Other" })).resource.token
    if (shardOf(other) === shard) break
  }
  expect((await follow(stores(), token, { from: next })).changes).toEqual([])
})
