// The cost of a request, counted at the servers: statements of MySQL, commands of Redis, sends to SQS.
import { describe, expect, test } from "@jest/globals"
import { chatApi, directTransport, expectStatus } from "../steps/chat-api.ts"
import { drainQueues } from "../steps/drain.ts"
import { erase, givenSenders } from "../steps/erasures.ts"
import { countCalls } from "../steps/statements.ts"
import { useTestStores } from "../steps/stores.ts"
import { callOf, givenWorld, pathOf, STAGES, type Stage, TARGETS, type Target } from "../steps/world.ts"

const stores = useTestStores()
const api = chatApi(directTransport())

/** Counts a call of `target` on a world at `stage`, after one on another world, so that no first use counts. */
async function costs(target: Target, stage: Stage, limits: Record<string, string>, key = false) {
  const [warm, world] = [await givenWorld(api, stores(), stage), await givenWorld(api, stores(), stage)]
  const call = (at: typeof world, name: string) =>
    api.call({
      ...callOf(target, pathOf(target.template, at)),
      ...(key && { headers: { "idempotency-key": `${name}-${at.token}` } }),
    })
  const warmUp = async () => {
    expectStatus(await call(warm, "warm"), target.success)
  }
  const counted = async () => {
    const answer = await call(world, "counted")
    expectStatus(answer, target.success)
    expect("ratelimit" in answer.headers).toBe("RATE_LIMIT_ADDRESS" in limits)
  }
  return countCalls(stores(), warmUp, counted, limits)
}

const CREATIONS = ["createApplication", "createChat", "createMessage", "createMessageBatch"] as const
const CHANGES = [
  "updateApplication",
  "updateApplicationByPatch",
  "deleteApplication",
  "updateChat",
  "updateChatByPatch",
  "deleteChat",
  "updateMessage",
  "updateMessageByPatch",
  "deleteMessage",
] as const
const READS = [
  "listApplications",
  "getApplication",
  "listChats",
  "getChat",
  "listMessages",
  "getMessage",
  "searchMessages",
  "searchApplicationMessages",
  "listChanges",
] as const
const atEachStage = <T extends string>(names: readonly T[]) =>
  names.flatMap((name) => STAGES.map((stage) => [name, stage] as const))

/** High enough that nothing is refused. */
const LIMITS = { RATE_LIMIT_APPLICATION: "100000", RATE_LIMIT_ADDRESS: "100000" }

describe.each([
  ["without rate limits", {}],
  ["with rate limits", LIMITS],
])("a request %s", (_which, limits) => {
  test.each(atEachStage(CREATIONS))(
    "to %s below what is %s, is one round trip to Redis, one send, and no MySQL",
    async (name, stage) => {
      for (const withKey of [false, true]) {
        const { mysql, redis, sqsSends } = await costs(TARGETS[name], stage, limits, withKey)
        expect(mysql).toEqual({ reads: [], writes: [] })
        // An application's place among all is noted in another slot in the same round trip, and once more if a
        // millisecond passes between the two.
        const commandsMax = name === "createApplication" ? 3 : 1
        expect(redis.length).toBeLessThanOrEqual(commandsMax)
        for (const command of redis) expect(command).toMatch(/^"evalsha" /)
        expect(sqsSends).toBe(1)
      }
    },
  )

  test.each(CHANGES)("to %s what is stored, is one read of MySQL, no write, and at most one send", async (name) => {
    const { mysql, redis, sqsSends } = await costs(TARGETS[name], "stored", limits)
    expect(mysql).toEqual({ reads: [expect.any(String)], writes: [] })
    expect(redis).toHaveLength(2)
    expect(sqsSends).toBe(1)
  })

  test.each(CHANGES)("to %s what is on its way, needs no MySQL at all", async (name) => {
    const { mysql, sqsSends } = await costs(TARGETS[name], "pending", limits)
    expect(mysql).toEqual({ reads: [], writes: [] })
    expect(sqsSends).toBe(1)
  })

  test("to erase forty stored messages, is one read of MySQL, no write, one send, and a script for each of them", async () => {
    const [warm, world] = [await givenWorld(api, stores(), "stored"), await givenWorld(api, stores(), "stored")]
    const senders = Array.from({ length: 40 }, () => "a")
    for (const { token, chat } of [warm, world]) await givenSenders(api, token, chat, senders)
    await drainQueues(stores())
    const { mysql, redis, sqsSends } = await countCalls(
      stores(),
      () => erase(api, warm.token, warm.chat, "a"),
      async () => expect(await erase(api, world.token, world.chat, "a")).toEqual([40]),
      limits,
    )
    expect(mysql).toEqual({ reads: [expect.any(String)], writes: [] })
    // The outbox is read, and with limits what was found is counted.
    expect(redis).toHaveLength(("RATE_LIMIT_ADDRESS" in limits ? 2 : 1) + 40)
    for (const command of redis) expect(command).toMatch(/^"evalsha" /)
    expect(sqsSends).toBe(1)
    await drainQueues(stores())
  })

  test.each(atEachStage(READS))("to %s what is %s, writes nothing and sends nothing", async (name, stage) => {
    const { mysql, redis, sqsSends } = await costs(TARGETS[name], stage, limits)
    expect(mysql.writes).toEqual([])
    expect(mysql.reads.length).toBeLessThanOrEqual(1)
    expect(redis.length).toBeLessThanOrEqual({ listApplications: 64, listChanges: 2 }[name as string] ?? 1)
    expect(sqsSends).toBe(0)
  })
})

test.each(["asc", "desc"])("a page of messages that the outbox fills needs no MySQL, %s", async (order) => {
  const { token, chat } = await givenWorld(api, stores(), "pending")
  for (const body of ["second", "third", "fourth"]) await api.givenMessage(token, chat, body)
  const page = async (cursor?: string) =>
    expectStatus(await api.listMessages(token, chat, { order, limit: 1, ...(cursor && { cursor }) }), 200)
  const warmUp = () => page().then(() => undefined)
  const { mysql, redis } = await countCalls(stores(), warmUp, async () => {
    const first = await page()
    const second = await page(first.next_cursor)
    const numbers = [...first.data, ...second.data].map(({ number }) => number)
    expect(numbers).toEqual(order === "asc" ? [1, 2] : [4, 3])
  })
  expect(mysql).toEqual({ reads: [], writes: [] })
  expect(redis).toHaveLength(2)
  await drainQueues(stores())
})

test("changes for a reader who is up to date are one round trip to Redis, and no statement", async () => {
  const { token } = await givenWorld(api, stores(), "stored")
  let cursor = ""
  const read = async () => {
    cursor = expectStatus(await api.listChanges(token, { ...(cursor && { cursor }) }), 200).next_cursor
  }
  const { mysql, redis } = await countCalls(stores(), read, read)
  expect(mysql).toEqual({ reads: [], writes: [] })
  expect(redis).toEqual([expect.stringMatching(/^"evalsha" /)])
})

describe("many requests at once", () => {
  test("share sends: a hundred creations are a hundred round trips and far fewer sends", async () => {
    const { token, chat } = await givenWorld(api, stores(), "stored")
    const create = () => api.createMessage(token, chat)
    const { mysql, redis, sqsSends } = await countCalls(stores(), create, () =>
      Promise.all(Array.from({ length: 100 }, create)),
    )
    expect(mysql).toEqual({ reads: [], writes: [] })
    expect(redis).toHaveLength(100)
    expect(sqsSends).toBeLessThanOrEqual(20)
    await drainQueues(stores())
  })
})

test("the counting itself sees what the persist function writes", async () => {
  await givenWorld(api, stores(), "pending")
  const { mysql, redis, sqsSends } = await countCalls(
    stores(),
    async () => undefined,
    () => drainQueues(stores()),
  )
  expect(mysql.writes.length).toBeGreaterThan(3)
  expect(mysql.reads.length).toBeGreaterThan(3)
  expect(redis.length).toBeGreaterThan(0)
  expect(sqsSends).toBeGreaterThan(0)
})
