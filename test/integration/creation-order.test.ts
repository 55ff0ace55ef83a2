// Applications are listed in the order of their creation even after the clock of Redis has been set back.
import { randomUUID } from "node:crypto"
import { setTimeout as sleep } from "node:timers/promises"
import { beforeEach, describe, expect, test } from "@jest/globals"
import { idempotencyHash } from "../../lib/outbox/idempotency.ts"
import { drawToken, LATEST_CREATION_KEY, lifeKey, SHARDS, shardOf } from "../../lib/outbox/keys.ts"
import type { Outbox } from "../../lib/outbox/outbox.ts"
import { createInOrder } from "../../lib/write/creation-order.ts"
import { chatApi, directTransport, expectStatus } from "../steps/chat-api.ts"
import { drainQueues } from "../steps/drain.ts"
import { onEachServer, withRedis } from "../steps/redis.ts"
import { useTestStores } from "../steps/stores.ts"
import { reach, STAGES } from "../steps/world.ts"

const stores = useTestStores()
const api = chatApi(directTransport())

const HOUR_MS = 3_600_000
/** A step of a busy system, far longer than the milliseconds between two times; and more steps than are ever needed. */
const STEP_MS = 50
const STEPS_MAX = 12
/** Three shards; AHEAD has seen the clock before it was set back. */
const [AHEAD, LATER, BACK] = ["A", "B", "C"] as const

/** Returns an Idempotency-Key whose application falls into `shard`. */
function keyIn(shard: string): string {
  for (;;) {
    const key = randomUUID()
    if (idempotencyHash({ key, path: "/applications" }).shard === shard) return key
  }
}

async function createIn(shard: string, key = keyIn(shard)) {
  const { token, created_at } = expectStatus(await api.createApplication({ name: `in ${shard}` }, { key }), 201)
  expect(shardOf(token)).toBe(shard)
  return { token, createdAt: Date.parse(created_at) }
}

/** Creates an application as if the clock were an hour ahead, so that for later ones it has been set back. */
async function createAhead(shard: string, byMs = HOUR_MS) {
  await withRedis((redis) => redis.hset(lifeKey(shard), "revision", `${(Date.now() + byMs) * 1000}`))
  return createIn(shard)
}

const listed = async (query = "limit=100") => expectStatus(await api.listApplications(query), 200)
const tokensOf = ({ data }: { data: { token: string }[] }) => data.map(({ token }) => token)

beforeEach(async () => {
  for (const token of tokensOf(await listed())) expectStatus(await api.deleteApplication(token), 204)
  await drainQueues(stores())
})

// Must run first: the other tests leave times in the future.
test("a clock that goes forward: gives each application its own time, not a later one", async () => {
  for (const shard of SHARDS.slice(10, 20)) {
    const before = Date.now()
    const { createdAt } = await createIn(shard)
    expect(createdAt).toBeGreaterThanOrEqual(before - 1)
    expect(createdAt).toBeLessThanOrEqual(Date.now())
  }
})

test("an application that is to be moved while each step takes long: gets its final time in a few steps", async () => {
  const { outbox } = stores()
  let steps = 0
  const slow: Outbox = {
    ...outbox,
    async change(change) {
      if (++steps > STEPS_MAX) throw new Error("it is moved again and again")
      await sleep(STEP_MS)
      return outbox.change(change)
    },
  }
  // Another process has just created one, by a clock a little ahead.
  await withRedis((redis) => redis.hset(LATEST_CREATION_KEY, "revision", `${(Date.now() + STEP_MS) * 1000}`))
  const creation = { kind: "application", application: drawToken("Q"), chat: 0, state: { name: "new" } } as const
  const reply = await createInOrder({ ...stores(), outbox: slow }, creation)
  expect(steps).toBeGreaterThan(1)
  expect(reply).toMatchObject({ status: "created" })
  const { created_at, updated_at } = expectStatus(await api.getApplication(creation.application), 200)
  const time = Math.floor(Number("revision" in reply && reply.revision) / 1000)
  expect([Date.parse(created_at), Date.parse(updated_at)]).toEqual([time, time])
})

describe("the clock of Redis set back by an hour", () => {
  test.each(STAGES)("applications created later in other shards: come later, writes being %s", async (stage) => {
    const tokens = [(await createAhead(AHEAD)).token]
    for (const shard of [LATER, BACK, AHEAD, BACK, LATER]) tokens.push((await createIn(shard)).token)
    await reach(stage, stores())
    expect(tokensOf(await listed())).toEqual(tokens)
    expect(tokensOf(await listed("limit=100&order=desc"))).toEqual(tokens.toReversed())
  })

  test("a reader who goes on from a cursor: finds what was created since", async () => {
    const first = await createAhead(AHEAD)
    const second = await createIn(AHEAD)
    const { data, next_cursor } = await listed("limit=1")
    expect(data).toMatchObject([{ token: first.token }])
    const third = await createIn(LATER)
    expect(tokensOf(await listed(`limit=10&cursor=${next_cursor}`))).toEqual([second.token, third.token])
  })

  test.each(STAGES)("a creation that is replayed: has the time it had, writes being %s", async (stage) => {
    const ahead = await createAhead(AHEAD)
    const key = keyIn(BACK)
    const first = await createIn(BACK, key)
    expect(first.createdAt).toBeGreaterThan(ahead.createdAt)
    await reach(stage, stores())
    expect(await createIn(BACK, key)).toEqual(first)
    expect(expectStatus(await api.getApplication(first.token), 200)).toMatchObject({
      created_at: new Date(first.createdAt).toISOString(),
      updated_at: new Date(first.createdAt).toISOString(),
    })
  })

  test("the creations of a process after its first: have their time at once", async () => {
    await createAhead(AHEAD)
    await createIn(LATER)
    const { outbox } = stores()
    const change = async () => Promise.reject(new Error("moved on"))
    const creation = { kind: "application", application: drawToken(BACK), chat: 0, state: { name: "new" } } as const
    expect(await createInOrder({ ...stores(), outbox: { ...outbox, change } }, creation)).toMatchObject({
      status: "created",
    })
  })

  test("an application that is changed before it is moved on: keeps the change, and stays", async () => {
    const { outbox } = stores()
    await createAhead(AHEAD, 4 * HOUR_MS)
    const application = drawToken("D")
    const found: Outbox = {
      ...outbox,
      // Between the two steps a reader finds it in the list.
      async create(creation) {
        const created = await outbox.create(creation)
        expectStatus(await api.updateApplication(application, { name: "changed" }), 200)
        return created
      },
    }
    const creation = { kind: "application", application, chat: 0, state: { name: "new" } } as const
    await createInOrder({ ...stores(), outbox: found }, creation)
    expect(expectStatus(await api.getApplication(application), 200).name).toBe("changed")
  })

  test("a Redis that has lost the latest creation: goes on after those that MySQL has", async () => {
    const { createdAt } = await createAhead(AHEAD)
    await drainQueues(stores())
    await withRedis((redis) => redis.del(LATEST_CREATION_KEY))
    expect((await createIn(LATER)).createdAt).toBeGreaterThan(createdAt)
  })

  test("a Redis that came back with an older one: goes on after those that MySQL has, and asks it no more then", async () => {
    const older = await withRedis((redis) => redis.hget(LATEST_CREATION_KEY, "revision"))
    const { createdAt } = await createAhead(AHEAD, 2 * HOUR_MS)
    await drainQueues(stores())
    await withRedis((redis) => redis.hset(LATEST_CREATION_KEY, { run: "a-run-that-has-ended", revision: older ?? "1" }))
    const next = await createIn(LATER)
    expect(next.createdAt).toBeGreaterThan(createdAt)
    const runs = await onEachServer(async (redis) => /run_id:(\w+)/.exec(await redis.info("server"))?.[1])
    expect(runs).toContain(await withRedis((redis) => redis.hget(LATEST_CREATION_KEY, "run")))
  })
})
