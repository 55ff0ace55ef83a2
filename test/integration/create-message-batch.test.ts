import { randomUUID } from "node:crypto"
import { describe, expect, test } from "@jest/globals"
import { idempotencyHash } from "../../lib/outbox/idempotency.ts"
import { applicationKey, idempotencyKey, lifeKey, shardOf } from "../../lib/outbox/keys.ts"
import { relay } from "../../lib/relay/relay.ts"
import { settleShards } from "../../lib/write/settle.ts"
import { creationAway, describeAway } from "../steps/away-cases.ts"
import { batchBodyCases, describeBody } from "../steps/body-cases.ts"
import { chatApi, chatPath, directTransport, expectStatus, messagePath } from "../steps/chat-api.ts"
import { deliver, drainQueues, takeRecords, whileConsuming } from "../steps/drain.ts"
import { makeOutboxDue } from "../steps/due.ts"
import { eventually } from "../steps/eventually.ts"
import { expectProblem } from "../steps/expect-problem.ts"
import { describeIdempotency } from "../steps/idempotency-cases.ts"
import { describeMissing } from "../steps/missing-cases.ts"
import { withRedis } from "../steps/redis.ts"
import { away, useTestStores, withEnvironment } from "../steps/stores.ts"
import { givenWorld, reach, STAGES, TARGETS } from "../steps/world.ts"

const stores = useTestStores()
const api = chatApi(directTransport())
const target = TARGETS.createMessageBatch

const RELAY_BUDGET_MS = 5_000
/** After a restart of Redis writes wait until the queue is empty. */
const RECOVERY_LIMIT_MS = 20_000

type Numbered = { number: number; body: string }
const numbersOf = (list: { number: number }[]) => list.map(({ number }) => number)
const upTo = (last: number, first = 1) => Array.from({ length: last - first + 1 }, (_, index) => first + index)
const listed = async (token: string, chat: number): Promise<Numbered[]> =>
  expectStatus(await api.listMessages(token, chat, { limit: 100 }), 200).data

describe("a batch", () => {
  test.each(STAGES)(
    "after a message that is %s, gets the next numbers in the order given, and is read",
    async (stage) => {
      const { token, chat } = await givenWorld(api, stores(), stage)
      const answer = await api.createMessageBatch(token, chat, ["one", "two", " three "])
      const { data } = expectStatus(answer, 201)
      const time = expect.stringMatching(/^\d{4}-.*Z$/)
      const rest = { sender: null, metadata: {}, sent_at: null, created_at: time, updated_at: time }
      expect(data).toEqual(["one", "two", " three "].map((body, index) => ({ number: index + 2, body, ...rest })))
      for (const then of ["pending", stage] as const) {
        await reach(then, stores())
        expect((await listed(token, chat)).slice(1)).toEqual(data)
        for (const message of data)
          expect(expectStatus(await api.getMessage(token, chat, message.number), 200)).toEqual(message)
      }
      expect(await api.givenMessage(token, chat)).toBe(5)
    },
  )

  test("of messages with members of their own, and one without: keeps those of each", async () => {
    const { token, chat } = await givenWorld(api, stores(), "pending")
    const own = { sender: "a ", sent_at: "2020-01-02T03:04:05.678Z" }
    const text = `{"messages":[{"body":"one","sender":"a ","metadata":{"b":1.10,"10":2},"sent_at":"${own.sent_at}"},{"body":"two"}]}`
    const answer = await api.call({ method: "POST", path: `${chatPath(token, chat)}/messages/batch`, text })
    expect(expectStatus(answer, 201).data).toMatchObject([own, { sender: null, metadata: {}, sent_at: null }])
    expect(answer.text).toContain('"metadata":{"b":1.10,"10":2}')
    for (const then of ["pending", "stored"] as const) {
      await reach(then, stores())
      expect((await listed(token, chat)).slice(1)).toEqual(answer.body.data)
    }
  })

  test("has the list of its messages as its location", async () => {
    const { token, chat } = await givenWorld(api, stores(), "pending")
    const { body, headers } = await api.createMessageBatch(token, chat, ["one", "two"])
    expect(headers.location).toBe(`${chatPath(token, chat)}/messages?after=1&before=4&limit=2`)
    const [path = "", query = ""] = String(headers.location).split("?")
    expect(expectStatus(await api.call({ path, query }), 200)).toEqual({ data: body.data, next_cursor: null })
  })

  test("is stored and found like other messages, and can be changed and deleted at once", async () => {
    const { token, chat } = await givenWorld(api, stores(), "stored")
    await api.createMessageBatch(token, chat, ["a needle", "two", "another needle"])
    expectStatus(await api.updateMessage(token, chat, 3, { body: "a third needle" }), 200)
    expectStatus(await api.deleteMessage(token, chat, 2), 204)
    await reach("stored", stores())
    expect((await listed(token, chat)).map(({ body }) => body)).toEqual([
      "first body",
      "a third needle",
      "another needle",
    ])
    const { data } = expectStatus(await api.searchMessages(token, chat, { query: "needle" }), 200)
    expect(numbersOf(data)).toEqual([4, 3])
  })

  test("with one wrong message, creates none and uses up no number", async () => {
    const { token, chat } = await givenWorld(api, stores(), "pending")
    const answer = await api.createMessageBatch(token, chat, ["a", "b", "c", " ", "e", "x".repeat(10_001)])
    expectProblem(answer, 422, "invalid_request")
    const paths = answer.body.errors.map(({ path }: { path: string }) => path)
    expect(paths).toEqual(["messages.3.body", "messages.5.body"])
    expect(await listed(token, chat)).toHaveLength(1)
    expect(await api.givenMessage(token, chat)).toBe(2)
  })

  test("with a hundred wrong messages, is told about the first twenty", async () => {
    const { token, chat } = await givenWorld(api, stores(), "pending")
    const answer = await api.createMessageBatch(
      token,
      chat,
      Array.from({ length: 100 }, () => ""),
    )
    expectProblem(answer, 422, "invalid_request")
    expect(answer.body.errors).toHaveLength(20)
    expect(answer.body.detail).toMatch(/messages\.19\.body/)
    expect(answer.body.detail).not.toMatch(/messages\.20\.body/)
  })

  test("beside many others and single creations in one chat, has an unbroken run, and no number is missing", async () => {
    const { token, chat } = await givenWorld(api, stores(), "pending")
    const sizes = Array.from({ length: 30 }, (_, index) => 1 + ((index * 7) % 20))
    const creations = sizes.flatMap((size, batch) => [
      async () => {
        const bodies = Array.from({ length: size }, (_, index) => `${batch}.${index}`)
        const data: Numbered[] = expectStatus(await api.createMessageBatch(token, chat, bodies), 201).data
        const [first = 0] = numbersOf(data)
        expect(data).toMatchObject(bodies.map((body, index) => ({ number: first + index, body })))
        return numbersOf(data)
      },
      async () => [await api.givenMessage(token, chat)],
    ])
    const given = (await whileConsuming(stores(), () => Promise.all(creations.map((create) => create())))).flat()
    expect(given.toSorted((a, b) => a - b)).toEqual(upTo(given.length + 1, 2))
    await drainQueues(stores())
    const { mysql } = stores()
    const rows = await mysql
      .selectFrom("messages")
      .select("number")
      .where("application", "=", token)
      .orderBy("number")
      .execute()
    expect(numbersOf(rows)).toEqual(upTo(given.length + 1))
  })

  test("deleted with its chat while it is created, leaves nothing behind", async () => {
    const { token, chat } = await givenWorld(api, stores(), "stored")
    const batches = Array.from({ length: 10 }, () => api.createMessageBatch(token, chat, ["one", "two", "three"]))
    const [deleted, ...answers] = await Promise.all([api.deleteChat(token, chat), ...batches])
    expectStatus(deleted, 204)
    for (const { status } of answers) expect([201, 404]).toContain(status)
    await drainQueues(stores())
    const { mysql } = stores()
    const rows = await mysql
      .selectFrom("messages")
      .select("number")
      .where("application", "=", token)
      .where("number", ">", 1)
      .execute()
    expect(rows).toEqual([])
  })
})

describe("a batch and what may fail", () => {
  test("whose queue messages are lost, is stored by the relay", async () => {
    const { token, chat } = await givenWorld(api, stores(), "stored")
    await api.createMessageBatch(token, chat, ["one", "two", "three"])
    expect((await takeRecords(stores(), "persist")).length).toBeGreaterThan(0)
    await makeOutboxDue(stores(), token)
    expect(await relay(stores(), RELAY_BUDGET_MS)).toMatchObject({ events: 3 })
    await drainQueues(stores())
    await withEnvironment(away("redis"), async () =>
      expect((await listed(token, chat)).map(({ body }) => body)).toEqual(["first body", "one", "two", "three"]),
    )
  })

  test("delivered in any order and twice, is stored once", async () => {
    const { token, chat } = await givenWorld(api, stores(), "stored")
    await api.createMessageBatch(token, chat, ["x".repeat(9_000), "y".repeat(9_000), "z".repeat(9_000), "w"])
    const records = await takeRecords(stores(), "persist")
    expect(records.length).toBeGreaterThan(1)
    for (const some of [records.toReversed(), records]) expect(await deliver("persist", some)).toEqual([])
    await drainQueues(stores())
    expect((await listed(token, chat)).map(({ body }) => body[0])).toEqual(["f", "x", "y", "z", "w"])
  })

  test("after a restart of Redis, waits until it has settled and goes on with the next numbers", async () => {
    const { token, chat } = await givenWorld(api, stores(), "pending")
    await withRedis((redis) => redis.hset(lifeKey(shardOf(token)), "life", "one-that-has-ended"))
    await whileConsuming(stores(), () =>
      eventually(async () => {
        const { data } = expectStatus(await api.createMessageBatch(token, chat, ["one", "two"], { key: "k" }), 201)
        expect(numbersOf(data)).toEqual([2, 3])
      }, RECOVERY_LIMIT_MS),
    )
  })

  test("in a chat that Redis must verify first, asks MySQL and gets the next numbers", async () => {
    const { token, chat } = await givenWorld(api, stores(), "stored")
    // As if verified in another generation, since which nothing was lost.
    const { generation } = await stores().outbox.open(shardOf(token), false)
    const other = String(Number(generation) + 1)
    await withRedis((redis) => redis.hset(applicationKey(token), { g: other, [`g${chat}`]: other }))
    const { data } = expectStatus(await api.createMessageBatch(token, chat, ["one", "two"]), 201)
    expect(numbersOf(data)).toEqual([2, 3])
  })

  test("of which Redis has lost the last messages, has told the process of them", async () => {
    const { token, chat } = await givenWorld(api, stores(), "stored")
    await api.createMessageBatch(token, chat, ["one", "two", "three"])
    await drainQueues(stores())
    const life = lifeKey(shardOf(token))
    const { settled } = await stores().outbox.open(shardOf(token), false)
    const last = Number(await withRedis((redis) => redis.hget(life, "revision")))
    await withRedis((redis) => redis.hset(life, "revision", last - 1))
    const lost = await stores().outbox.open(shardOf(token), false)
    expect([settled, lost.settled]).toEqual([true, false])
    await whileConsuming(stores(), () =>
      eventually(async () => {
        expect(await settleShards(stores())).toBe(true)
      }, RECOVERY_LIMIT_MS),
    )
  })
})

describe("an Idempotency-Key of a batch", () => {
  const bodies = ["one", "two", "three"]
  const given = async (stage: (typeof STAGES)[number]) => {
    const world = await givenWorld(api, stores(), stage)
    const key = randomUUID()
    const create = (sent: readonly string[] = bodies) => api.createMessageBatch(world.token, world.chat, sent, { key })
    const first = await create()
    expectStatus(first, 201)
    await reach(stage, stores())
    return { ...world, key, create, first }
  }

  test.each(STAGES)("of which some are deleted since, %s, gives the first answer again", async (stage) => {
    const { token, chat, create, first } = await given(stage)
    for (const number of [2, 4]) expectStatus(await api.deleteMessage(token, chat, number), 204)
    await reach(stage, stores())
    const again = await create()
    expect([again.status, again.text, again.headers["idempotency-replayed"]]).toEqual([201, first.text, "true"])
    expect(again.headers.location).toBe(first.headers.location)
    expect(numbersOf(await listed(token, chat))).toEqual([1, 3])
  })

  test.each(STAGES)("of which all are deleted since, %s, gives 404", async (stage) => {
    const { token, chat, create } = await given(stage)
    for (const number of [2, 3, 4]) expectStatus(await api.deleteMessage(token, chat, number), 204)
    await reach(stage, stores())
    expectProblem(await create(), 404, "not_found")
    expect(await api.givenMessage(token, chat)).toBe(5)
  })

  test.each([
    ["in another order", ["two", "one", "three"]],
    ["without the last", ["one", "two"]],
    ["joined by a line break", ["one\ntwo", "three"]],
  ])("with the messages %s, gives 422", async (_what, sent) => {
    const { create } = await given("pending")
    expectProblem(await create(sent), 422, "idempotency_key_reused")
  })

  test("sent in parallel with other batches, creates once and gives the same answer to all", async () => {
    const { token, chat, create, first } = await given("pending")
    const others = Array.from({ length: 8 }, () => api.createMessageBatch(token, chat, ["other", "other"]))
    const answers = await Promise.all(Array.from({ length: 16 }, () => create()))
    expect(new Set(answers.map(({ status, text }) => `${status} ${text}`))).toEqual(new Set([`201 ${first.text}`]))
    await Promise.all(others)
    expect(numbersOf(await listed(token, chat))).toEqual(upTo(4 + 16))
  })

  test("with MySQL away, gives the answer again of what is on its way", async () => {
    const { create, first } = await given("pending")
    const again = await withEnvironment(away("mysql"), () => create())
    expect([again.status, again.text]).toEqual([201, first.text])
  })

  test("is another one than that of a single message", async () => {
    const { token, chat, key } = await given("pending")
    expect(expectStatus(await api.createMessage(token, chat, { body: "one" }, { key }), 201).number).toBe(5)
  })

  test("has one record as small as that of a single message", async () => {
    const { token, chat, key } = await given("pending")
    const { hash } = idempotencyHash({ key, path: `${chatPath(token, chat)}/messages/batch` })
    const bytes = await withRedis((redis) => redis.strlen(idempotencyKey(shardOf(token), hash)))
    expect(bytes).toBeGreaterThan(0)
    expect(bytes).toBeLessThan(100)
  })
})

describeMissing(api, stores, target)
describeBody(api, stores, target, batchBodyCases())
describeIdempotency(api, stores, {
  target: { ...target, json: { messages: [{ body: "the only message" }] } },
  // A batch, and a change of its message.
  otherJson: { messages: [{ body: "other" }], body: "other" },
  created: ({ token, chat }, { data: [message] }) => messagePath(token, chat, message?.number ?? 0),
  keyMin: 1,
})
describeAway(api, stores, target, creationAway())
