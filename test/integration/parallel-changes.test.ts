// Changes of one resource at once: those of different members all hold, and of those with one If-Match only one does.
import { describe, expect, test } from "@jest/globals"
import { getMessage, updateMessage } from "../../lib/messages.ts"
import { UNKNOWN_MOMENT } from "../../lib/outbox/scripts/prelude.ts"
import type { SearchStores } from "../../lib/stores.ts"
import { chatApi, chatPath, directTransport, expectStatus, messagePath } from "../steps/chat-api.ts"
import { whileConsuming } from "../steps/consumers.ts"
import { drainQueues } from "../steps/drain.ts"
import { useTestStores } from "../steps/stores.ts"
import { givenWorld, reach, STAGES, type World } from "../steps/world.ts"

const stores = useTestStores()
const api = chatApi(directTransport())

const ROUNDS = 40

/** Sends changes one after the other, as one client that alone changes `member`. Checks that each holds at once. */
async function changeOnAndOn(path: string, member: string, values: unknown[]): Promise<void> {
  for (const value of values) {
    const changed = expectStatus(await api.call({ method: "PATCH", path, json: { [member]: value } }), 200)
    const read = expectStatus(await api.call({ path }), 200)
    expect([changed[member], read[member]]).toEqual([value, value])
  }
}

describe("two clients that change different members of one resource on and on", () => {
  test.each([
    ["message", "body", ({ token, chat, message }: World) => messagePath(token, chat, message)],
    ["chat", "name", ({ token, chat }: World) => chatPath(token, chat)],
  ])(
    "of a %s, while the consumers run: find every change of theirs, at once and stored",
    async (_kind, text, pathOf) => {
      const path = pathOf(await givenWorld(api, stores(), "stored"))
      const texts = Array.from({ length: ROUNDS }, (_, index) => `text ${index}`)
      const numbers = Array.from({ length: ROUNDS }, (_, index) => ({ index }))
      await whileConsuming(stores(), () =>
        Promise.all([changeOnAndOn(path, text, texts), changeOnAndOn(path, "metadata", numbers)]),
      )
      const last = expectStatus(await api.call({ path }), 200)
      expect(last).toMatchObject({ [text]: texts.at(-1), metadata: numbers.at(-1) })
      await reach("stored", stores())
      expect(expectStatus(await api.call({ path }), 200)).toEqual(last)
    },
  )
})

test.each(STAGES)("thirty-two changes at once of what is %s: are all made, one after the other", async (stage) => {
  const world = await givenWorld(api, stores(), stage)
  const path = messagePath(world.token, world.chat, world.message)
  const changes = Array.from({ length: 32 }, (_, index) =>
    index % 2 === 0 ? { body: `body ${index}` } : { metadata: { index } },
  )
  const answers = await Promise.all(changes.map((json) => api.call({ method: "PATCH", path, json })))
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]))
  const states = answers.map(({ body }) => body as Record<string, string>)
  const last = states.toSorted((a, b) => ((a.updated_at ?? "") < (b.updated_at ?? "") ? -1 : 1)).at(-1)
  const found = expectStatus(await api.call({ path }), 200)
  expect(found.updated_at).toBe(last?.updated_at)
  expect(found.body).toMatch(/^body /)
  expect(found.metadata).toHaveProperty("index")
})

/** Returns stores with which each change first runs `others`, after its read; and how often the script was run. */
function withOthersBefore(own: SearchStores, others: (() => Promise<unknown>)[]) {
  let tries = 0
  const change: SearchStores["outbox"]["change"] = async (asked) => {
    await others[tries++]?.()
    return own.outbox.change(asked)
  }
  return { stores: { ...own, outbox: { ...own.outbox, change } }, tries: () => tries }
}

describe("a change after whose read another one", () => {
  const patch = (own: SearchStores, { token, chat, message }: World, change: object) =>
    updateMessage(own, token, chat, message, change, { keepsMembers: true })
  const other = (world: World) => patch(stores(), world, { metadata: '{"other":1}' })
  const stored = async (world: World) => {
    await other(world)
    await drainQueues(stores())
  }

  test.each([
    ["is pending", "pending", other],
    ["is pending", "stored", other],
    ["was stored and taken off", "pending", stored],
    ["was stored and taken off", "stored", stored],
  ] as const)("%s, of what was %s: reads again, and both hold", async (_what, stage, happens) => {
    const world = await givenWorld(api, stores(), stage)
    const planted = withOthersBefore(stores(), [() => happens(world)])
    expect(await patch(planted.stores, world, { body: "mine" })).toMatchObject({ body: "mine", metadata: { other: 1 } })
    expect(planted.tries()).toBe(2)
    await reach("stored", stores())
    const { token, chat, message } = world
    expect(await getMessage(stores(), token, chat, message)).toMatchObject({ body: "mine", metadata: { other: 1 } })
  })

  test("comes ten times in a row: reads again as often, and all hold", async () => {
    const world = await givenWorld(api, stores(), "stored")
    const others = Array.from(
      { length: 10 },
      (_, index) => () => patch(stores(), world, { metadata: `{"n":${index}}` }),
    )
    const planted = withOthersBefore(stores(), others)
    expect(await patch(planted.stores, world, { body: "mine" })).toMatchObject({ body: "mine", metadata: { n: 9 } })
    expect(planted.tries()).toBe(11)
  })

  test("comes again and again: is answered 503 in time", async () => {
    const world = await givenWorld(api, stores(), "stored")
    const others = Array.from({ length: 100_000 }, () => () => other(world))
    const started = performance.now()
    const change = patch(withOthersBefore(stores(), others).stores, world, { body: "mine" })
    await expect(change).rejects.toMatchObject({ code: "unavailable" })
    expect(performance.now() - started).toBeLessThan(4_000)
    await reach("stored", stores())
  })

  test("of another resource in the shard was only accepted: is made at once", async () => {
    const world = await givenWorld(api, stores(), "stored")
    const planted = withOthersBefore(stores(), [() => api.givenMessage(world.token, world.chat)])
    await patch(planted.stores, world, { body: "mine" })
    expect(planted.tries()).toBe(1)
  })

  test("deleted it: is not found", async () => {
    const world = await givenWorld(api, stores(), "stored")
    const { token, chat, message } = world
    const planted = withOthersBefore(stores(), [() => api.deleteMessage(token, chat, message)])
    await expect(patch(planted.stores, world, { body: "mine" })).rejects.toMatchObject({ code: "not_found" })
  })
})

test("a change that compares with another generation, or with a read that may be stale: is to be made anew", async () => {
  const { token, chat, message } = await givenWorld(api, stores(), "stored")
  const { outbox } = stores()
  const key = { application: token, chat, message }
  const { asOf } = await outbox.read(token, chat, [key])
  const change = { key, createdAt: Date.now(), revision: 1, state: { body: "x" } }
  const [generation, last] = asOf.split(" ")
  for (const moment of [UNKNOWN_MOMENT, `${Number(generation) - 1} ${last}`])
    expect(await outbox.change({ ...change, asOf: moment })).toEqual({ status: "moved" })
  expect(await outbox.change({ ...change, asOf })).toMatchObject({ status: "changed" })
})

test.each(STAGES)("sixteen clients with one If-Match, what they change being %s: one succeeds", async (stage) => {
  const world = await givenWorld(api, stores(), stage)
  const path = messagePath(world.token, world.chat, world.message)
  const { etag } = (await api.call({ path })).headers
  const answers = await Promise.all(
    Array.from({ length: 16 }, (_, index) =>
      api.call({
        method: index % 2 === 0 ? "PUT" : "PATCH",
        path,
        json: { body: `of ${index}` },
        headers: { "if-match": String(etag) },
      }),
    ),
  )
  const [winner, ...more] = answers.filter(({ status }) => status === 200)
  expect(more).toEqual([])
  expect(answers.filter(({ status }) => status === 412)).toHaveLength(15)
  expect((await api.call({ path })).text).toBe(winner?.text)
})
