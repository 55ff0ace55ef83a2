import { describe, expect, test } from "@jest/globals"
import type { SQSRecord } from "aws-lambda"
import type { IndexEvent } from "../../lib/events.ts"
import { keyText } from "../../lib/events.ts"
import { RECEIVES_MAX } from "../../lib/queue/queues.ts"
import { indexName, writesAlias } from "../../lib/search/indexing/targets.ts"
import { chatApi, directTransport, expectStatus } from "../steps/chat-api.ts"
import { deliver, drainQueue, eventsIn, refreshIndex, sqsRecord, takeDeadLetters, takeRecords } from "../steps/drain.ts"
import { startForwarder } from "../steps/forwarder.ts"
import { away, useTestStores, withEnvironment } from "../steps/stores.ts"
import { givenWorld, type World } from "../steps/world.ts"

const stores = useTestStores()
const api = chatApi(directTransport())

/** More events than the function takes at a time. */
const EVENTS = 1_200
const EVENTS_PER_MESSAGE = 100
/** So slow an Elasticsearch leaves no time for more than the first thousand. */
const SLOW_MS = 1_600

const eventsOf = (record: SQSRecord) => eventsIn<IndexEvent>(record)

/** Creates a world with the changes `more`, all stored. Returns the index events of its message, oldest first. */
async function givenIndexEvents(more: (world: World) => Promise<unknown> = async () => undefined) {
  const world = await givenWorld(api, stores(), "pending")
  await drainQueue(stores(), "persist")
  await more(world)
  await drainQueue(stores(), "persist")
  const events = (await takeRecords(stores(), "index")).flatMap(eventsOf)
  return { world, events: events.toSorted((a, b) => Number(a.revision) - Number(b.revision)) }
}

const pendingIndex = (application: string) =>
  stores()
    .mysql.selectFrom("pending_index")
    .select(["message", "revision", "due_at"])
    .where("application", "=", application)
    .execute()

const found = async ({ token, chat }: World, query: string) => {
  await refreshIndex(stores())
  return expectStatus(await api.searchMessages(token, chat, { query }), 200).data.map(
    ({ body }: { body: string }) => body,
  )
}

const record = (...events: IndexEvent[]) => sqsRecord(events)

describe("the index function", () => {
  test("given a new message, indexes it and removes it from pending_index", async () => {
    const { world, events } = await givenIndexEvents()
    expect(await pendingIndex(world.token)).toHaveLength(1)
    expect(await deliver("index", [record(...events)])).toEqual([])
    expect(await found(world, "first")).toEqual(["first body"])
    expect(await pendingIndex(world.token)).toEqual([])
  })

  test("given the same events again, together and later, changes nothing", async () => {
    const { world, events } = await givenIndexEvents()
    await deliver("index", [record(...events, ...events), record(...events)])
    expect(await deliver("index", [record(...events)])).toEqual([])
    expect(await found(world, "first")).toEqual(["first body"])
  })

  test("given a stale event after a newer one, or before it, shows the row as it is now", async () => {
    const { world, events } = await givenIndexEvents(({ token, chat }) =>
      api.updateMessage(token, chat, 1, { body: "newer" }),
    )
    const [created, updated] = events as [IndexEvent, IndexEvent]
    await deliver("index", [record(created)])
    expect(await found(world, "newer")).toEqual(["newer"])
    expect(await pendingIndex(world.token)).toEqual([])
    await deliver("index", [record(updated)])
    await deliver("index", [record(created)])
    expect(await found(world, "newer")).toEqual(["newer"])
    expect(await found(world, "first")).toEqual([])
  })

  test("given two messages of a chat that is being purged, keeps the entry that the purge has raised to the other's revision", async () => {
    const { world, events } = await givenIndexEvents()
    const [created] = events as [IndexEvent]
    const purged = { ...created, message: 2, revision: String(Number(created.revision) + 1_000) }
    const revision = Number(purged.revision)
    const { mysql } = stores()
    await mysql.updateTable("pending_index").set({ revision }).where("application", "=", world.token).execute()
    const { application, chat, message } = purged
    await mysql
      .insertInto("pending_index")
      .values({ application, chat, message, revision, due_at: new Date() })
      .execute()
    expect(await deliver("index", [record(created, purged)])).toEqual([])
    expect(await pendingIndex(world.token)).toMatchObject([{ message: 1, revision }])
  })

  test.each(["forwards", "backwards"])("given the events of a deleted message %s, has no document", async (order) => {
    const { world, events } = await givenIndexEvents(({ token, chat }) => api.deleteMessage(token, chat, 1))
    expect(events).toHaveLength(2)
    const ordered = order === "forwards" ? events : events.toReversed()
    for (const event of ordered) expect(await deliver("index", [record(event)])).toEqual([])
    expect(await found(world, "first")).toEqual([])
    expect(await pendingIndex(world.token)).toEqual([])
  })

  test("given the event of a message that was indexed and whose row is gone, deletes the document", async () => {
    const { world, events } = await givenIndexEvents()
    await deliver("index", [record(...events)])
    expectStatus(await api.deleteMessage(world.token, world.chat, 1), 204)
    await drainQueue(stores(), "persist")
    const removals = await takeRecords(stores(), "index")
    expect(await found(world, "first")).toEqual(["first body"])
    await deliver("index", removals)
    expect(await found(world, "first")).toEqual([])
    // A consumer that had read the row before the delete writes too late.
    const { elasticsearch, config } = stores()
    const stale = elasticsearch.index({
      index: config.ELASTICSEARCH_INDEX,
      id: keyText({ application: world.token, chat: world.chat, message: 1 }),
      routing: world.token,
      version: Number(events[0]?.revision),
      version_type: "external",
      document: {},
    })
    await expect(stale).rejects.toMatchObject({ statusCode: 409 })
  })

  test("given events of unknown messages, does nothing and is done", async () => {
    const unknown = { revision: "5", application: "u".repeat(24), chat: 3, message: 9 }
    expect(await deliver("index", [record(unknown)])).toEqual([])
  })

  test.each(["elasticsearch", "mysql"] as const)(
    "given events while %s is away, is done and pending_index holds them",
    async (dependency) => {
      const { world, events } = await givenIndexEvents()
      expect(await withEnvironment(away(dependency), () => deliver("index", [record(...events)]))).toEqual([])
      expect(await pendingIndex(world.token)).toMatchObject([{ message: 1, due_at: expect.any(Date) }])
      await deliver("index", [record(...events)])
      expect(await found(world, "first")).toEqual(["first body"])
      expect(await pendingIndex(world.token)).toEqual([])
    },
  )

  test("given more events than it has time for, sends the rest to the queue again", async () => {
    const { world, events } = await givenIndexEvents()
    const [event] = events as [IndexEvent]
    const absent = Array.from({ length: EVENTS }, (_, index) => ({ ...event, message: 2 + index }))
    const messages = Array.from({ length: EVENTS / EVENTS_PER_MESSAGE }, (_, index) =>
      record(...absent.slice(index * EVENTS_PER_MESSAGE, (index + 1) * EVENTS_PER_MESSAGE)),
    )
    const line = await startForwarder(stores().config.ELASTICSEARCH_URL)
    line.delay(SLOW_MS)
    const left = await withEnvironment({ ELASTICSEARCH_URL: line.url }, () =>
      deliver("index", [record(...events), ...messages]),
    )
    await line.shut()
    expect(left).toEqual([])
    const again = (await takeRecords(stores(), "index")).flatMap(eventsOf).map(({ message }) => message)
    const rest = absent.slice(-again.length).map(({ message }) => message)
    expect(again.toSorted((a, b) => a - b)).toEqual(rest)
    expect(again.length).toBeGreaterThan(0)
    expect(again.length).toBeLessThan(EVENTS)
    expect(await found(world, "first")).toEqual(["first body"])
  })

  test("given events while the alias leads to no index, is done and makes none", async () => {
    const { world, events } = await givenIndexEvents()
    const missing = { ELASTICSEARCH_INDEX: `missing-${Date.now()}` }
    expect(await withEnvironment(missing, () => deliver("index", [record(...events)]))).toEqual([])
    const { elasticsearch } = stores()
    expect(await elasticsearch.indices.exists({ index: missing.ELASTICSEARCH_INDEX })).toBe(false)
    expect(await pendingIndex(world.token)).toHaveLength(1)
  })

  test("given a document that Elasticsearch refuses for good, buries it with its reason, and indexes the others", async () => {
    const { world, events } = await givenIndexEvents(({ token, chat }) =>
      api.createMessage(token, chat, { body: "good" }),
    )
    const { token, chat } = world
    // An index with another mapping refuses every document of this chat.
    const alias = await givenPickyAlias()
    const bad = events.find(({ message }) => message === 1) as IndexEvent
    expect(await withEnvironment({ ELASTICSEARCH_INDEX: alias.name }, () => deliver("index", [record(bad)]))).toEqual(
      [],
    )
    const [dead] = await takeDeadLetters(stores(), "index")
    expect(dead).toEqual({ body: [bad], reason: expect.stringMatching(/^400 .*strict_dynamic_mapping_exception/) })
    expect(await pendingIndex(token)).toContainEqual({ message: 1, revision: Number(bad.revision), due_at: null })
    await alias.remove()
    await deliver("index", [record(...events)])
    expect(await found({ token, chat, message: 1 }, "good")).toEqual(["good"])
    expect(await pendingIndex(token)).toEqual([])
  })

  test.each([
    ["text", "hello"],
    ["JSON of another shape", "{}"],
    ["a list with a wrong event", '[{"revision":"1"}]'],
  ])("given %s instead of keys, has it come again, and is dead at its last receive", async (_what, body) => {
    const { world, events } = await givenIndexEvents()
    const bad = sqsRecord(body)
    expect(await deliver("index", [bad, record(...events)])).toEqual([bad.messageId])
    expect(await found(world, "first")).toEqual(["first body"])
    expect(await deliver("index", [sqsRecord(body, { receives: RECEIVES_MAX })])).toEqual([])
    expect(await takeDeadLetters(stores(), "index")).toEqual([{ body: [body], reason: "not a list of keys" }])
  })
})

/** Creates an alias of an index whose mapping has none of the fields. */
async function givenPickyAlias() {
  const { elasticsearch, mysql, config } = stores()
  const name = `${config.ELASTICSEARCH_INDEX}-picky-${Date.now()}`
  const index = indexName(name, 1)
  await elasticsearch.indices.create({
    index,
    settings: { number_of_replicas: 0 },
    mappings: { dynamic: "strict", properties: {} },
    aliases: { [name]: { is_write_index: true }, [writesAlias(index)]: {} },
  })
  await mysql.insertInto("search_indexes").values({ alias: name, generation: 1, live: index, building: null }).execute()
  return { name, remove: () => elasticsearch.indices.delete({ index }) }
}
