import { describe, expect, test } from "@jest/globals"
import { idempotencyHash } from "../../lib/outbox/idempotency.ts"
import { idempotencyKey, shardKeys, shardOf } from "../../lib/outbox/keys.ts"
import { defineScript } from "../../lib/outbox/scripts/define-script.ts"
import { expectUnavailable } from "../steps/away-cases.ts"
import { chatApi, directTransport, expectStatus } from "../steps/chat-api.ts"
import { drainQueues } from "../steps/drain.ts"
import { useTestStores, withEnvironment } from "../steps/stores.ts"
import { givenWorld } from "../steps/world.ts"

const stores = useTestStores()
const api = chatApi(directTransport())

const SIZES = defineScript("sizes", {
  keys: ["outbox", "life"],
  args: [],
  returns: (sizes) => sizes,
  lua: "return { redis.call('HLEN', outbox_key), redis.call('HGET', life_key, 'bytes') }",
})

const RECORD = defineScript("record", {
  keys: ["record"],
  args: [],
  returns: (sizes) => sizes.map(Number),
  lua: "return { redis.call('TTL', record_key), redis.call('STRLEN', record_key) }",
})

/** Returns the events in a shard's outbox: three of a pending world, and perhaps others of the same shard. */
const pendingIn = async (token: string): Promise<number> =>
  Number((await stores().redis.run(SIZES, shardKeys(token.charAt(0)), {}))[0])

describe("an outbox at its bound", () => {
  test("of events, refuses creations with 503, gives no number, and goes on when there is room", async () => {
    const { token, chat } = await givenWorld(api, stores(), "pending")
    const bound = { OUTBOX_EVENTS_MAX: String((await pendingIn(token)) + 2) }
    await withEnvironment(bound, async () => {
      const answers = await Promise.all([1, 2, 3, 4, 5].map(() => api.createMessage(token, chat)))
      const taken = answers.filter(({ status }) => status === 201)
      expect(taken.map(({ body }) => body.number).sort()).toEqual([2, 3])
      for (const answer of answers.filter(({ status }) => status !== 201)) expectUnavailable(answer)
      // What is pending can still be changed, which takes no more room.
      expectStatus(await api.updateMessage(token, chat, 3, { body: "x" }), 200)
    })
    await drainQueues(stores())
    expect(await withEnvironment(bound, () => api.givenMessage(token, chat))).toBe(4)
  })

  test("of events, refuses changes of what is stored with 503, and they work when there is room", async () => {
    const { token, chat } = await givenWorld(api, stores(), "stored")
    await api.givenMessage(token, chat)
    const bound = { OUTBOX_EVENTS_MAX: String(await pendingIn(token)) }
    await withEnvironment(bound, async () => {
      expectUnavailable(await api.updateMessage(token, chat, 1, { body: "x" }))
      expectUnavailable(await api.deleteMessage(token, chat, 1))
    })
    await drainQueues(stores())
    expectStatus(await withEnvironment(bound, () => api.updateMessage(token, chat, 1, { body: "x" })), 200)
  })

  test("of bytes, refuses what does not fit with 503 and takes what does", async () => {
    const { token, chat } = await givenWorld(api, stores(), "stored")
    await withEnvironment({ OUTBOX_BYTES_MAX: "5000" }, async () => {
      expectUnavailable(await api.createMessage(token, chat, { body: "x".repeat(6_000) }))
      expectUnavailable(await api.updateMessage(token, chat, 1, { body: "文".repeat(2_000) }))
      expect(await api.givenMessage(token, chat, "x".repeat(1_000))).toBe(2)
    })
  })

  test("counts its bytes exactly: with everything stored it is empty again", async () => {
    const { token, chat } = await givenWorld(api, stores(), "pending")
    for (const body of ["short", "文".repeat(500), "x"])
      expectStatus(await api.updateMessage(token, chat, 1, { body }), 200)
    expectStatus(await api.deleteChat(token, chat), 204)
    await drainQueues(stores())
    expect(await stores().redis.run(SIZES, shardKeys(token.charAt(0)), {})).toEqual([0, "0"])
  })
})

test("an idempotency record, is small and lives for a day", async () => {
  const { token, chat } = await givenWorld(api, stores(), "pending")
  const key = "k".repeat(255)
  expectStatus(await api.createMessage(token, chat, { body: "x".repeat(5_000) }, { key }), 201)
  const { hash } = idempotencyHash({ key, path: `/applications/${token}/chats/${chat}/messages` })
  const name = idempotencyKey(shardOf(token), hash)
  const [ttlSeconds, bytes] = await stores().redis.run(RECORD, { record: name }, {})
  expect(Number(ttlSeconds)).toBeGreaterThan(86_000)
  expect(Number(ttlSeconds)).toBeLessThanOrEqual(86_400)
  expect(Number(bytes) + name.length).toBeLessThanOrEqual(150)
})
