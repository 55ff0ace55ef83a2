// Events of another release: a function passes on what it does not know, and leaves alone what it could not store.
import { beforeEach, describe, expect, test } from "@jest/globals"
import { updateChat } from "../../lib/chats.ts"
import { EVENT_VERSION, PersistEvent, type WriteEvent } from "../../lib/events.ts"
import type { ChatMembers } from "../../lib/members.ts"
import { redriveLetter, visitDeadLetters } from "../../lib/operate/dead-letters.ts"
import { discardLetter } from "../../lib/operate/discard.ts"
import { outboxKey, shardOf } from "../../lib/outbox/keys.ts"
import { persistWrites } from "../../lib/persist/persist-records.ts"
import { type Consumption, consume } from "../../lib/queue/consumer.ts"
import { decoder } from "../../lib/queue/queue.ts"
import { RECEIVES_MAX } from "../../lib/queue/queues.ts"
import { relay } from "../../lib/relay/relay.ts"
import { chatApi, directTransport } from "../steps/chat-api.ts"
import { deliver, drainQueues, eventsIn, sqsRecord, takeDeadLetters, takeRecords } from "../steps/drain.ts"
import { forgetDue, makeOutboxDue } from "../steps/due.ts"
import { eventually } from "../steps/eventually.ts"
import { withRedis } from "../steps/redis.ts"
import { away, useTestStores, withEnvironment } from "../steps/stores.ts"

const stores = useTestStores()
const api = chatApi(directTransport())

const RELAY_BUDGET_MS = 3_000
/** Copies are delayed by 5 s. */
const COPY_LIMIT_MS = 15_000
const NEWER = EVENT_VERSION + 1
/** MySQL refuses it (ER_DATA_TOO_LONG). */
const POISON = "x".repeat(300)

beforeEach(() => forgetDue(stores()))

/** Returns the creation of a chat, only in the outbox, with more members as another release would write them. */
async function givenPending(members: object): Promise<WriteEvent> {
  const token = await api.givenApplication()
  await drainQueues(stores())
  const state = { ...members, name: "chat" }
  const accepted = await stores().outbox.create({ kind: "chat", application: token, chat: 0, state: { ...state } })
  if (accepted.status !== "created") throw new Error(accepted.status)
  const event = await pending({ application: token, chat: Number(accepted.id), message: 0 })
  return event as WriteEvent
}

const pending = async (key: { application: string; chat: number; message: number }) =>
  (await stores().outbox.read(key.application, key.chat, [key])).entries[0]

const taken = async (queue: "persist" | "index") =>
  (await takeRecords(stores(), queue)).map((record) => eventsIn<unknown>(record))

const storedChats = (application: string) =>
  stores().mysql.selectFrom("chats").select("name").where("application", "=", application).execute()

/** Returns what is in the persist queue once the delay of a copy is over. */
const takenLater = () =>
  eventually(async () => {
    const found = await taken("persist")
    expect(found).not.toEqual([])
    return found
  }, COPY_LIMIT_MS)

/** Returns the persist function of a release that knows the newer version. */
function newerFunction(): Consumption<PersistEvent> {
  const consumption = persistWrites(stores())
  return { ...consumption, queue: { ...consumption.queue, decode: decoder(PersistEvent, NEWER) } }
}

test("a member that nobody knows: is kept by the relay", async () => {
  const event = await givenPending({ unheard_of: "red" })
  await makeOutboxDue(stores(), event.application)
  await relay(stores(), RELAY_BUDGET_MS)
  expect(event).toMatchObject({ unheard_of: "red", name: "chat" })
  expect(await taken("persist")).toEqual([[event]])
})

test("a member that nobody knows: is kept by the delayed copy of an event that waits for MySQL", async () => {
  const event = await givenPending({ unheard_of: "red" })
  await stores().outbox.remove(shardOf(event.application), [event])
  const failed = await withEnvironment(away("mysql"), () => deliver("persist", [sqsRecord([event])]))
  expect(failed).toEqual([])
  expect(await takenLater()).toEqual([[event]])
})

test("a member that nobody knows: is kept by an event of the index queue that is put off, and by its dead letter", async () => {
  const key = { application: "u".repeat(24), chat: 1, message: 1, revision: "5", unheard_of: "red" }
  await stores().queues.index.send([key])
  expect(await taken("index")).toEqual([[key]])
  const [event] = stores().queues.index.decode(JSON.stringify([key]))?.events ?? []
  if (event) await stores().queues.index.bury(event, "planted")
  expect(await takeDeadLetters(stores(), "index")).toEqual([{ body: [key], reason: "planted" }])
})

test("a member that nobody knows: is kept by a poisoned event on its way, by its dead letter and by a redrive", async () => {
  const event = { ...(await givenPending({ unheard_of: "red" })), name: POISON }
  const other = await givenPending({})
  await taken("persist")
  expect(await deliver("persist", [sqsRecord([event, other])])).toEqual([])
  expect(await takenLater()).toEqual([[event]])
  expect(await deliver("persist", [sqsRecord([event], { receives: RECEIVES_MAX })])).toEqual([])
  await visitDeadLetters(stores(), async (letter) => {
    expect(letter.events).toEqual([event])
    return redriveLetter(stores(), letter)
  })
  expect(await taken("persist")).toEqual([[event]])
  expect(await takeDeadLetters(stores(), "persist")).toEqual([])
})

test("an event of a newer version: stays in the outbox, comes again by the relay, and is stored by who knows it", async () => {
  const event = await givenPending({ v: NEWER, unheard_of: "red" })
  const { application } = event
  for (const receives of [1, RECEIVES_MAX])
    expect(await deliver("persist", [sqsRecord([event], { receives })])).toEqual([])
  expect(await storedChats(application)).toEqual([])
  expect(await pending(event)).toEqual(event)
  expect(await takeDeadLetters(stores(), "persist")).toEqual([])
  expect(await taken("index")).toEqual([])

  // The event was handed back, so it is due at once.
  await relay(stores(), RELAY_BUDGET_MS)
  const records = await takeRecords(stores(), "persist")
  expect(records.map(({ body }) => JSON.parse(body))).toEqual([[event]])
  expect(await consume(async () => newerFunction(), records)).toEqual([])
  expect(await storedChats(application)).toEqual([{ name: "chat" }])
  expect(await pending(event)).toBeNull()
})

test("an event of a newer version and another shape: is relayed and left alone, and those beside it are stored", async () => {
  const event = await givenPending({})
  const other = await givenPending({})
  const newer = { ...event, v: NEWER, name: { first: "a", last: "b" } }
  const field = `${event.application}/${event.chat}`
  await withRedis((redis) => redis.hset(outboxKey(shardOf(event.application)), field, JSON.stringify(newer)))
  await makeOutboxDue(stores(), event.application)
  await relay(stores(), RELAY_BUDGET_MS)
  expect(await taken("persist")).toEqual([[newer]])
  expect(await deliver("persist", [sqsRecord([newer, other])])).toEqual([])
  expect(await storedChats(other.application)).toHaveLength(1)
  expect(await storedChats(event.application)).toEqual([])
  expect(await pending(event)).toEqual(newer)
})

test("an event of a newer version that no outbox holds: goes round as a copy, or comes again without the queue", async () => {
  const event = await givenPending({ v: NEWER, unheard_of: "red" })
  await stores().outbox.remove(shardOf(event.application), [event])
  const record = sqsRecord([event], { receives: RECEIVES_MAX })
  expect(await withEnvironment(away("sqs"), () => deliver("persist", [record]))).toEqual([record.messageId])
  expect(await deliver("persist", [record])).toEqual([])
  expect(await takenLater()).toEqual([[event]])
  expect(await takeDeadLetters(stores(), "persist")).toEqual([])
})

test("an event of a newer version among the dead letters: is redriven whole, and not discarded", async () => {
  const event = await givenPending({ v: NEWER, unheard_of: "red" })
  await stores().queues.persist.bury(event, "planted")
  await visitDeadLetters(stores(), async (letter) => {
    expect(await discardLetter(stores(), letter)).toMatchObject({ gone: false, why: expect.stringContaining("newer") })
    return redriveLetter(stores(), letter)
  })
  expect(await taken("persist")).toEqual([[event]])
  expect(await pending(event)).toEqual(event)
})

test("an event of the index queue of a newer version: is done with, since pending_index has its key", async () => {
  const key = { v: NEWER, revision: "5", application: "u".repeat(24), chat: 3, message: 9 }
  expect(await deliver("index", [sqsRecord([key], { receives: RECEIVES_MAX })])).toEqual([])
  expect(await takeDeadLetters(stores(), "index")).toEqual([])
})

test("an event without a version: is taken by a function that knows a newer one", async () => {
  const event = await givenPending({})
  expect(await consume(async () => newerFunction(), [sqsRecord([event])])).toEqual([])
  expect(await storedChats(event.application)).toEqual([{ name: "chat" }])
})

test("an update of what a newer function has written: keeps the members that only that one knows", async () => {
  const event = await givenPending({ v: NEWER, unheard_of: "red" })
  const { status } = await api.updateChat(event.application, event.chat, { name: "renamed" })
  expect(status).toBe(200)
  const { revision, ...rest } = event
  expect(await pending(event)).toEqual({ ...rest, name: "renamed", metadata: null, revision: expect.any(String) })
  expect(Number((await pending(event))?.revision)).toBeGreaterThan(Number(revision))
})

test("an event that lacks a member, since its writer did not know it: leaves it in the row as it is", async () => {
  const event = await givenPending({})
  await deliver("persist", [sqsRecord([event])])
  const { name: _, ...lacking } = { ...event, revision: String(Number(event.revision) + 1_000) }
  expect(await deliver("persist", [sqsRecord([lacking])])).toEqual([])
  expect(await storedChats(event.application)).toEqual([{ name: "chat" }])
  const row = stores().mysql.selectFrom("chats").select("revision").where("application", "=", event.application)
  expect(await row.executeTakeFirst()).toEqual({ revision: Number(lacking.revision) })
})

describe("an update that lacks a member, since its writer did not know it", () => {
  /** Returns the keys of a stored application, chat and message, each with such an update in the outbox. */
  async function givenLackingUpdates() {
    const token = await api.givenApplication("the application")
    const chat = await api.givenChat(token, "the chat")
    const message = await api.givenMessage(token, chat, "the message")
    await drainQueues(stores())
    const createdAt = Date.now() - 1_000
    for (const [inChat, number] of [
      [0, 0],
      [chat, 0],
      [chat, message],
    ] as const) {
      const key = { application: token, chat: inChat, message: number }
      expect(
        await stores().outbox.change({
          key,
          createdAt,
          revision: 1,
          state: { unheard_of: 1 } as unknown as ChatMembers,
        }),
      ).toMatchObject({
        status: "changed",
      })
    }
    return { token, chat, message }
  }

  test("is read with the member as the row has it, alone and in lists", async () => {
    const { token, chat, message } = await givenLackingUpdates()
    expect((await api.getApplication(token)).body).toMatchObject({ name: "the application" })
    expect((await api.getChat(token, chat)).body).toMatchObject({ name: "the chat" })
    expect((await api.getMessage(token, chat, message)).body).toMatchObject({ body: "the message" })
    const applications = (await api.listApplications({ order: "desc", limit: 100 })).body.data
    expect(applications).toContainEqual(expect.objectContaining({ token, name: "the application" }))
    expect((await api.listChats(token)).body.data).toMatchObject([{ name: "the chat" }])
    expect((await api.listMessages(token, chat, { limit: 1 })).body.data).toMatchObject([{ body: "the message" }])
  })

  test("is changed without losing it, also in the row", async () => {
    const { token, chat } = await givenLackingUpdates()
    await updateChat(stores(), token, chat, {})
    expect(await pending({ application: token, chat, message: 0 })).toMatchObject({ name: "the chat" })
    await drainQueues(stores())
    expect(await storedChats(token)).toEqual([{ name: "the chat" }])
  })
})

test("a creation that an older release answered: is repeated to a newer one, whose members it lacks", async () => {
  const token = await api.givenApplication()
  const idempotency = { key: "across-releases", path: `/applications/${token}/chats` }
  const create = (state: object) =>
    stores().outbox.create({ kind: "chat", application: token, chat: 0, state: state as ChatMembers, idempotency })
  expect(await create({ name: "chat" })).toMatchObject({ status: "created", id: "1" })
  expect(await create({ name: "chat", unheard_of: null })).toMatchObject({ status: "replayed", id: "1" })
  expect(await create({ name: "chat", unheard_of: "red" })).toMatchObject({ status: "mismatch" })
})
