// Shards at the tags of an earlier release: they go on there, and are carried to their own tags under load.
import { randomUUID } from "node:crypto"
import { setTimeout as sleep } from "node:timers/promises"
import { afterAll, beforeAll, expect, jest, test } from "@jest/globals"
import { spreadShards } from "../../lib/operate/spread-shards.ts"
import { arrivingKey, formerName, lifeKey, outboxKey, SHARDS, shardOf } from "../../lib/outbox/keys.ts"
import { CLOSE, FREEZE, IMPORT, PREPARE, TAKE, THAW } from "../../lib/outbox/scripts/tags.ts"
import { connectStores } from "../../lib/runtime.ts"
import type { SearchStores, Stores } from "../../lib/stores.ts"
import { ROOT } from "../../local/services/settings.ts"
import { expectUnavailable } from "../steps/away-cases.ts"
import { chatApi, directTransport, expectStatus, messagePath } from "../steps/chat-api.ts"
import { runNode } from "../steps/child.ts"
import { consecutive, keepCreating, storedNumbers } from "../steps/cluster-writes.ts"
import { drainQueues, whileConsuming } from "../steps/drain.ts"
import { eventually } from "../steps/eventually.ts"
import { followApi, replicaOf } from "../steps/follow.ts"
import { giveFormerNames, keysByTag } from "../steps/former-tags.ts"
import type { Answered } from "../steps/gateway-event.ts"
import { startPreviousRelease } from "../steps/previous-release.ts"
import { withRedis } from "../steps/redis.ts"
import { childEnvironment } from "../steps/running-api.ts"
import { PREPARE_TIMEOUT_MS, useTestStores, withEnvironment } from "../steps/stores.ts"

const TEST_LIMIT_MS = 120_000
const COMMAND_LIMIT_MS = 60_000
const SOON_MS = 15_000
/** A little longer than a freeze lasts by itself. */
const THAWED_WITHIN_MS = 7_000
const PAUSE_MS = 10

const stores = useTestStores()
jest.setTimeout(TEST_LIMIT_MS)
const api = chatApi(directTransport())
let previous: Awaited<ReturnType<typeof startPreviousRelease>>
beforeAll(async () => {
  previous = await startPreviousRelease()
}, PREPARE_TIMEOUT_MS)
afterAll(() => previous?.stop())

type World = { token: string; chat: number }

async function givenChat(): Promise<World> {
  const token = await api.givenApplication()
  return { token, chat: await api.givenChat(token) }
}

/** Runs `act` on a Redis that a release before the tags has left, with chats, in a process that does not know it. */
async function onFormer(act: (own: SearchStores, worlds: World[]) => Promise<void>, environment = {}): Promise<void> {
  const given = () => Promise.all(Array.from({ length: 3 }, givenChat))
  const worlds = await whileConsuming(stores(), () => eventually(given, SOON_MS))
  for (const { token, chat } of worlds) expect(await api.givenMessage(token, chat)).toBe(1)
  await withRedis(giveFormerNames)
  await withEnvironment(environment, (own) => act(own, worlds))
}

/** Carries the shards as another process does; `change` may replace parts of its client. */
async function spread(own: SearchStores, change = (redis: Stores["redis"]) => redis): Promise<void> {
  const other = connectStores(own.config)
  try {
    await spreadShards({ ...other.stores, redis: change(other.stores.redis) })
  } finally {
    await other.close()
  }
}

/** Returns a client of a process that dies when it would run one of these scripts. */
const dyingAt =
  (...scripts: object[]) =>
  (redis: Stores["redis"]): Stores["redis"] => ({
    ...redis,
    run: (script, ...rest) =>
      scripts.includes(script) ? Promise.reject(new Error("died")) : redis.run(script, ...rest),
  })

const isFormer = (token: string): Promise<boolean> =>
  withRedis(async (redis) => (await redis.exists(lifeKey(shardOf(token)))) === 0)

/** Creates a message with a key until it is answered 201. */
async function createPatiently({ token, chat }: World, key: string): Promise<number> {
  const deadline = performance.now() + SOON_MS
  for (;;) {
    const answer = await api.createMessage(token, chat, { body: key }, { key })
    if (answer.status === 201) return answer.body.number
    expectUnavailable(answer)
    if (performance.now() > deadline) throw new Error(`503 for too long: ${answer.text}`)
    await sleep(PAUSE_MS)
  }
}

/** Writes to a chat until stopped: creations with keys, updates and deletes. Returns number by key. */
function keepWriting(world: World) {
  const { token, chat } = world
  const numbers = new Map<string, number>()
  let stopped = false
  const patiently = async (call: () => Promise<Answered>) => {
    for (;;) {
      const answer = await call()
      if ([200, 204, 404].includes(answer.status ?? 0)) return
      expectUnavailable(answer)
      await sleep(PAUSE_MS)
    }
  }
  const running = (async () => {
    while (!stopped) {
      const key = randomUUID()
      const number = await createPatiently(world, key)
      numbers.set(key, number)
      if (number % 3 === 0) await patiently(() => api.updateMessage(token, chat, number, { body: "changed" }))
      if (number % 5 === 0) await patiently(() => api.deleteMessage(token, chat, number))
    }
  })()
  return {
    numbers,
    stop: async () => {
      stopped = true
      await running
      return [...numbers.values()].sort((a, b) => a - b)
    },
  }
}

test("a Redis without data: the shards: are at their own tags, and the former ones are closed", async () => {
  await withRedis((redis) => redis.flushdb())
  const { token } = await whileConsuming(stores(), () => eventually(givenChat, SOON_MS))
  const { own, former } = await withRedis(keysByTag)
  expect(own).toContain(outboxKey(shardOf(token)))
  expect(former.sort()).toEqual(SHARDS.map((shard) => formerName(lifeKey(shard))).sort())
  for (const life of former) expect(await withRedis((redis) => redis.get(life))).toBe("closed")
})

test("shards at their former tags: used by this release and the previous one: go on there without a gap", async () => {
  await onFormer(async (own, worlds) => {
    for (const { token, chat } of worlds) {
      expect(await api.givenMessage(token, chat)).toBe(2)
      expect(expectStatus(await previous.api.createMessage(token, chat, { body: "previous" }), 201).number).toBe(3)
      expect(await api.givenMessage(token, chat)).toBe(4)
      expect(await isFormer(token)).toBe(true)
    }
    await drainQueues(own)
    for (const { token } of worlds) expect(await storedNumbers(own, token)).toEqual([1, 2, 3, 4])
    expect((await withRedis(keysByTag)).own).toEqual([])
    const surveyed = await Promise.all(SHARDS.map((shard) => own.outbox.survey(shard)))
    expect(surveyed.map(({ events }) => events)).toEqual(SHARDS.map(() => 0))
    await spread(own)
  })
})

test("shards carried under load by the command: each number is given once and stored, keys and changes hold", async () => {
  await onFormer(async (own, worlds) => {
    await whileConsuming(own, async () => {
      const first = worlds[0] as World
      const key = randomUUID()
      const before = await createPatiently(first, key)
      const { changes, cursor } = await followApi(api, first.token)
      const writing = worlds.map(keepWriting)
      for (const { numbers } of writing) await eventually(() => expect(numbers.size).toBeGreaterThan(5), SOON_MS)
      const args = ["local/ops.ts", "spread-shards", "--json"]
      const ran = await runNode(args, { cwd: ROOT, env: childEnvironment({}), limitMs: COMMAND_LIMIT_MS })
      expect([ran.code, ran.stderr]).toEqual([0, expect.any(String)])
      const { carried } = JSON.parse(ran.stdout)
      expect(carried).toHaveLength(SHARDS.length)
      const sizes = writing.map(({ numbers }) => numbers.size)
      for (const [index, { numbers }] of writing.entries())
        await eventually(() => expect(numbers.size).toBeGreaterThan((sizes[index] ?? 0) + 5), SOON_MS)
      const all = await Promise.all(writing.map((one) => one.stop()))
      for (const [index, numbers] of all.entries()) {
        expect(numbers).toEqual(consecutive(numbers))
        expect(numbers[0]).toBe(index === 0 ? 3 : 2)
      }
      expect(await createPatiently(first, key)).toBe(before)
      for (const [index, { numbers }] of writing.entries())
        for (const [repeated, number] of [...numbers].slice(0, 20))
          if (number % 5 !== 0) expect(await createPatiently(worlds[index] as World, repeated)).toBe(number)
      for (const [index, { token }] of worlds.entries()) {
        const kept = (all[index] ?? []).filter((number) => number % 5 !== 0)
        const live = own.mysql.selectFrom("messages").select("number").where("application", "=", token)
        await eventually(async () => {
          const rows = (await live.where("number", ">", index === 0 ? 2 : 1).execute()).map(({ number }) => number)
          expect(rows.sort((a, b) => a - b)).toEqual(kept)
        }, SOON_MS)
      }
      const later = await followApi(api, first.token, { cursor })
      const told = replicaOf(later.changes, replicaOf(changes))
      const whole = replicaOf((await followApi(api, first.token)).changes)
      expect([...told].sort()).toEqual([...whole].sort())
      for (const { token } of worlds) expect(await isFormer(token)).toBe(false)
      const { former } = await withRedis(keysByTag)
      expect(former.sort()).toEqual(SHARDS.map((shard) => formerName(lifeKey(shard))).sort())
    })
  })
})

test("a carried shard: goes on in its generation, with the rate limits and without a refusal", async () => {
  const [PER_MINUTE, REQUESTS] = [120, 100]
  await onFormer(
    async (own, worlds) => {
      const { token, chat } = worlds[0] as World
      const startedAt = performance.now()
      for (let i = 0; i < REQUESTS; i++) await api.givenMessage(token, chat)
      const { generation } = await own.outbox.open(shardOf(token), false)
      await spread(own)
      const answer = await api.createMessage(token, chat)
      expectStatus(answer, 201)
      const [, left] = /r=(\d+)/.exec(String(answer.headers.ratelimit)) ?? []
      const refilled = ((performance.now() - startedAt) / 60_000) * PER_MINUTE
      expect(Number(left)).toBeLessThanOrEqual(PER_MINUTE - REQUESTS + refilled)
      expect(await own.outbox.open(shardOf(token), false)).toMatchObject({ generation, settled: true })
    },
    { RATE_LIMIT_APPLICATION: "120" },
  )
})

test("the previous release after the move: is answered no number, and writes nothing", async () => {
  await onFormer(async (own, worlds) => {
    await spread(own)
    for (const { token, chat } of worlds) {
      const read = () => withRedis((redis) => redis.hgetall(outboxKey(shardOf(token))))
      const before = await read()
      const answer = await previous.api.createMessage(token, chat, { body: "too late" })
      expect([500, 503]).toContain(answer.status)
      expect(answer.body?.number).toBeUndefined()
      expect([500, 503]).toContain((await previous.api.updateMessage(token, chat, 1, { body: "late" })).status)
      expect(await read()).toEqual(before)
      expect(await api.givenMessage(token, chat)).toBe(2)
    }
    const { former } = await withRedis(keysByTag)
    expect(former.filter((name) => !name.endsWith(":life") && !name.includes(":rate:"))).toEqual([])
  })
})

test("the previous release during the move, which no freeze stops: nothing that it wrote is lost", async () => {
  await onFormer(async (own, worlds) => {
    const { token, chat } = worlds[0] as World
    const writing = (redis: Stores["redis"]): Stores["redis"] => ({
      ...redis,
      async run(script, keys, args) {
        const [life = ""] = script.keysOf(keys)
        if ((script as object) === CLOSE && life === formerName(lifeKey(shardOf(token))))
          expectStatus(await previous.api.createMessage(token, chat, { body: "meanwhile" }), 201)
        return redis.run(script, keys, args)
      },
    })
    await expect(spread(own, writing)).rejects.toThrow("was written to meanwhile")
    expect(await isFormer(token)).toBe(true)
    expect(await api.givenMessage(token, chat)).toBe(3)
    await spread(own)
    expect(await api.givenMessage(token, chat)).toBe(4)
    await drainQueues(own)
    expect(await storedNumbers(own, token)).toEqual([1, 2, 3, 4])
  })
})

test("a command that dies before it closes a tag: writes are 503 for seconds, and what it copied is not brought back", async () => {
  await onFormer(async (own, worlds) => {
    const inOrder = worlds.toSorted((a, b) => SHARDS.indexOf(shardOf(a.token)) - SHARDS.indexOf(shardOf(b.token)))
    const { token, chat } = inOrder[0] as World
    const shard = shardOf(token)
    const until = (redis: Stores["redis"]): Stores["redis"] => ({
      ...redis,
      run(script, keys, args) {
        const dies = script.keysOf(keys)[0] === formerName(lifeKey(shard)) && [CLOSE, THAW].includes(script as never)
        return dies ? Promise.reject(new Error("died")) : redis.run(script, keys, args)
      },
    })
    await expect(spread(own, until)).rejects.toThrow("died")
    expectUnavailable(await api.createMessage(token, chat))
    expectUnavailable(await api.updateMessage(token, chat, 1, { body: "frozen" }))
    expectStatus(await api.getMessage(token, chat, 1), 200)
    expectStatus(await api.listMessages(token, chat), 200)
    // Stored meanwhile, the event stays in the frozen outbox; the relay takes care of it.
    await drainQueues(own)
    await eventually(async () => expect(await api.givenMessage(token, chat)).toBe(2), THAWED_WITHIN_MS)
    expectStatus(await api.deleteMessage(token, chat, 1), 204)
    await own.outbox.remove(
      shard,
      (await own.outbox.read(token, chat, [{ application: token, chat, message: 2 }])).entries.flatMap(
        (entry) => entry ?? [],
      ),
    )
    await spread(own)
    expect(await withRedis((redis) => redis.hkeys(outboxKey(shard)))).not.toContain(`${token}/${chat}/2`)
    expectStatus(await api.getMessage(token, chat, 1), 404)
    expect(await api.givenMessage(token, chat)).toBe(3)
  })
})

test("a command that dies once a tag is closed: the next write goes on at the shard's own tag", async () => {
  await onFormer(async (own, worlds) => {
    await expect(spread(own, dyingAt(TAKE))).rejects.toThrow("died")
    for (const { token, chat } of worlds) expect(await api.givenMessage(token, chat)).toBe(2)
    await spread(own)
    for (const { token, chat } of worlds) expect(await api.givenMessage(token, chat)).toBe(3)
  })
})

test("two commands at once: one of them carries each shard", async () => {
  await onFormer(async (own, worlds) => {
    const ended = await Promise.allSettled([spread(own), spread(own)])
    for (const one of ended) if (one.status === "rejected") expect(String(one.reason)).toContain("Another process")
    expect(ended.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"])
    for (const { token, chat } of worlds) expect(await api.givenMessage(token, chat)).toBe(2)
  })
})

test("an attempt that another has replaced: is refused by every script", async () => {
  await onFormer(async (own, worlds) => {
    const { token: application } = worlds[0] as World
    const shard = shardOf(application)
    const from = { life: formerName(lifeKey(shard)), absent: `{${shard}}:absent` }
    const to = { life: lifeKey(shard), arriving: arrivingKey(shard) }
    const { redis } = own
    const freeze = (token: string, renews = 0) => redis.run(FREEZE, from, { token, renews })
    await own.outbox.open(shard, false)
    const frozen = await freeze("first")
    expect(await freeze("second")).toBe("")
    await redis.run(THAW, from, { token: "second" })
    expect(await freeze("first", 1)).toBe(frozen)
    await redis.run(PREPARE, to, { token: "second" })
    const parts = ["hash", -1, 2, "f", "planted"]
    const all = [outboxKey(shard)]
    await expect(redis.run(IMPORT, { ...to, all }, { token: "first", parts })).rejects.toMatchObject({
      cause: { message: expect.stringMatching(/^TAKENOVER/) },
    })
    expect(await withRedis((raw) => raw.exists(outboxKey(shard)))).toBe(0)
    expect(await redis.run(CLOSE, from, { token: "second", frozen })).toBe(false)
    await withRedis((raw) => raw.hset(from.life, "frozen", `${Date.now() - 1} first`))
    expect(await freeze("first", 1)).toBe("")
    expect(await redis.run(CLOSE, from, { token: "first", frozen })).toBe(false)
    await spread(own)
    expect(await redis.run(PREPARE, to, { token: "late" })).toBe(false)
    await expect(redis.run(IMPORT, { ...to, all }, { token: "second", parts })).rejects.toMatchObject({
      cause: { message: expect.stringMatching(/^TAKENOVER/) },
    })
  })
})

test("a Redis that is wiped after the move: the shards begin at their own tags, with numbers beyond the bound", async () => {
  const BOUND = 1_000
  await onFormer(
    async (own, worlds) => {
      await spread(own)
      const { token, chat } = worlds[0] as World
      await drainQueues(own)
      await withRedis((redis) => redis.flushdb())
      await whileConsuming(own, async () => {
        expect(await createPatiently({ token, chat }, randomUUID())).toBe(1 + BOUND + 1)
      })
      expect(await isFormer(token)).toBe(false)
      expect(await withRedis((redis) => redis.get(formerName(lifeKey(shardOf(token)))))).toBe("closed")
    },
    { OUTBOX_EVENTS_MAX: "1000" },
  )
})

test("a Redis that is wiped before the move: the shards begin at their own tags", async () => {
  await onFormer(async (own, worlds) => {
    const { token, chat } = worlds[0] as World
    expect(await api.givenMessage(token, chat)).toBe(2)
    await drainQueues(own)
    await withRedis((redis) => redis.flushdb())
    await whileConsuming(own, async () => {
      const creating = keepCreating({ token, chat })
      await eventually(() => expect(creating.numbers.length).toBeGreaterThan(3), SOON_MS)
      const { numbers } = await creating.stop()
      expect(numbers[0]).toBeGreaterThan(2)
      expect(numbers).toEqual(consecutive(numbers))
    })
    expect(await isFormer(token)).toBe(false)
    expectStatus(await api.call({ path: messagePath(token, chat, 1) }), 200)
  })
})
