// Stored events that stay in the outbox for a reader of MySQL: until when, and what they must not disturb.
import { expect, test } from "@jest/globals"
import { keyText } from "../../lib/events.ts"
import { readStatus } from "../../lib/operate/status.ts"
import { surveyOutbox } from "../../lib/operate/survey.ts"
import { changesKey, lifeKey, pendingKey, shardKeys, shardOf } from "../../lib/outbox/keys.ts"
import { relay } from "../../lib/relay/relay.ts"
import type { SearchStores } from "../../lib/stores.ts"
import { settleShards } from "../../lib/write/settle.ts"
import { chatApi, directTransport, expectStatus } from "../steps/chat-api.ts"
import { drainQueue, eventsIn, takeRecords } from "../steps/drain.ts"
import { forgetDue, makeOutboxDue } from "../steps/due.ts"
import { eventually } from "../steps/eventually.ts"
import { withRedis } from "../steps/redis.ts"
import { useTestStores, withEnvironment } from "../steps/stores.ts"
import { givenWorld } from "../steps/world.ts"

const LONG_MS = 60_000
const SHORT_MS = 1_000
/** Longer than the stale events need to be sent again, so that no batch takes them off. */
const SETTLING_MS = 4_000
const RELAY_BUDGET_MS = 20_000
/** One pass of the relay. */
const PASS_BUDGET_MS = 3_000
const SURVEY_BUDGET_MS = 5_000
const RECOVERY_LIMIT_MS = 20_000

const stores = useTestStores()
const api = chatApi(directTransport())

/** Runs `act` where stored events are retained for so long. */
const retaining = (lagMs: number, act: (own: SearchStores) => Promise<void>, more: Record<string, string> = {}) =>
  withEnvironment({ MYSQL_READER_LAG_MS: String(lagMs), ...more }, act)

/** Returns what the outbox of a token's shard has, and the marks there. */
const heldOf = (token: string) =>
  withRedis(async (redis) => {
    const keys = shardKeys(shardOf(token))
    const fields = (await redis.hkeys(keys.outbox)).filter((field) => field.startsWith(token)).sort()
    const marks = (await redis.zrange(keys.stored, "0", "-1")).filter((member) => member.includes(token))
    return { fields, marks: marks.length }
  })

const takeOffAt = (own: SearchStores, token: string) => own.outbox.retire(shardOf(token), 0)

test("without a reader: what is stored: leaves the outbox at once, and no key of retention exists", async () => {
  const { token } = await givenWorld(api, stores(), "stored")
  await relay(stores(), PASS_BUDGET_MS)
  expect(await heldOf(token)).toEqual({ fields: [], marks: 0 })
  expect(await withRedis((redis) => redis.keys("*:stored"))).toEqual([])
})

test("with a reader: what is stored: stays in the outbox, and is taken off by the relay within seconds after the lag", async () => {
  await retaining(SHORT_MS, async (own) => {
    const { token } = await givenWorld(api, own, "pending")
    await drainQueue(own, "persist")
    expect(await heldOf(token)).toEqual({ fields: [token, `${token}/1`, `${token}/1/1`], marks: 3 })
    const started = performance.now()
    const { events } = await relay(own, RELAY_BUDGET_MS)
    expect(performance.now() - started).toBeLessThan(RELAY_BUDGET_MS)
    expect(events).toBe(0)
    expect(await heldOf(token)).toEqual({ fields: [], marks: 0 })
    const left = await withRedis((redis) =>
      redis.exists(pendingKey(shardOf(token), token), changesKey(token), shardKeys(shardOf(token)).stored),
    )
    expect(left).toBe(0)
  })
})

test("with a reader: a later batch of the shard: takes off what is old enough", async () => {
  await retaining(SHORT_MS, async (own) => {
    const { token, chat } = await givenWorld(api, own, "pending")
    await drainQueue(own, "persist")
    await eventually(async () => {
      await api.givenMessage(token, chat)
      await drainQueue(own, "persist")
      expect((await heldOf(token)).fields).not.toContain(token)
    }, RECOVERY_LIMIT_MS)
  })
})

test("an event that was due when it was stored: the relay: does not send it again", async () => {
  await retaining(LONG_MS, async (own) => {
    await forgetDue(own)
    const { token } = await givenWorld(api, own, "pending")
    await makeOutboxDue(own, token)
    await drainQueue(own, "persist")
    expect((await heldOf(token)).marks).toBe(3)
    expect((await relay(own, PASS_BUDGET_MS)).events).toBe(0)
    expect(await takeRecords(own, "persist")).toEqual([])
  })
})

test("a stored event that is changed again: its old mark: does not take off the change", async () => {
  await retaining(LONG_MS, async (own) => {
    const { token, chat, message } = await givenWorld(api, own, "pending")
    await drainQueue(own, "persist")
    expectStatus(await api.updateMessage(token, chat, message, { body: "changed" }), 200)
    await takeOffAt(own, token)
    expect(await heldOf(token)).toEqual({ fields: [`${token}/${chat}/${message}`], marks: 0 })
    expect(expectStatus(await api.getMessage(token, chat, message), 200).body).toBe("changed")
    await drainQueue(own, "persist")
    await takeOffAt(own, token)
    expect(await heldOf(token)).toEqual({ fields: [], marks: 0 })
    expect(expectStatus(await api.getMessage(token, chat, message), 200).body).toBe("changed")
  })
})

test("the setting is removed while events are retained: the relay: sends them once more, and they are taken off", async () => {
  let token = ""
  await retaining(LONG_MS, async (own) => {
    ;({ token } = await givenWorld(api, own, "pending"))
    await drainQueue(own, "persist")
  })
  expect((await heldOf(token)).marks).toBe(3)
  await makeOutboxDue(stores(), token)
  await relay(stores(), PASS_BUDGET_MS)
  await drainQueue(stores(), "persist")
  expect((await heldOf(token)).fields).toEqual([])
  // The marks go with the setting's next use.
  await takeOffAt(stores(), token)
  expect(await heldOf(token)).toEqual({ fields: [], marks: 0 })
})

test("marks from a clock that was ahead: are taken off a lag after it was set back", async () => {
  await retaining(SHORT_MS, async (own) => {
    const { token } = await givenWorld(api, own, "pending")
    await drainQueue(own, "persist")
    const { stored } = shardKeys(shardOf(token))
    await withRedis(async (redis) => {
      for (const member of await redis.zrange(stored, "0", "-1")) await redis.zincrby(stored, 3_600_000, member)
    })
    await relay(own, RELAY_BUDGET_MS)
    expect(await heldOf(token)).toEqual({ fields: [], marks: 0 })
  })
})

test("an outbox that retained events would fill: writes: are taken, since the oldest of them make room", async () => {
  const bound = 20
  await retaining(
    LONG_MS,
    async (own) => {
      const { token, chat } = await givenWorld(api, own, "pending")
      for (let i = 0; i < 3 * bound; i++) {
        expect((await api.createMessage(token, chat)).status).toBe(201)
        await drainQueue(own, "persist")
      }
      const { fields } = await heldOf(token)
      expect(fields.length).toBeGreaterThan(bound / 2)
      expect(fields.length).toBeLessThan(bound)
      await takeOffAt(own, token)
    },
    { OUTBOX_EVENTS_MAX: String(bound) },
  )
})

test("retained events: in a survey and the status: are neither overdue nor dead", async () => {
  await retaining(LONG_MS, async (own) => {
    const { token } = await givenWorld(api, own, "pending")
    const pending = await surveyOutbox(own, SURVEY_BUDGET_MS)
    expect(pending.oldestRevision).toBeGreaterThan(0)
    await drainQueue(own, "persist")
    const { oldestRevision, shards } = await surveyOutbox(own, SURVEY_BUDGET_MS)
    expect(oldestRevision).toBeUndefined()
    expect(shards.find(({ shard }) => shard === shardOf(token))?.stored).toBeGreaterThanOrEqual(3)
    const { outbox } = await readStatus(own)
    expect(outbox?.stored).toBe(outbox?.events)
    expect(outbox?.oldestAt).toBeUndefined()
    await takeOffAt(own, token)
  })
})

test("Redis comes back as an older copy with retained events, of which one was changed since: settles once they may go, and shows the change", async () => {
  await retaining(SETTLING_MS, async (own) => {
    const { token, chat, message } = await givenWorld(api, own, "pending")
    const shard = shardOf(token)
    await drainQueue(own, "persist")
    expect((await heldOf(token)).marks).toBe(3)
    const keys = [...Object.values(shardKeys(shard)), changesKey(token), pendingKey(shard, `${token}/${chat}`)]
    const copy = await withRedis((redis) => Promise.all(keys.map((key) => redis.dumpBuffer(key))))
    expectStatus(await api.updateMessage(token, chat, message, { body: "changed" }), 200)
    await drainQueue(own, "persist")
    await takeOffAt(own, token)
    await withRedis(async (redis) => {
      for (const [index, key] of keys.entries())
        if (copy[index]) await redis.restore(key, 0, copy[index] as Buffer, "REPLACE")
      const { stored } = shardKeys(shard)
      for (const member of await redis.zrange(stored, "0", "-1")) await redis.zadd(stored, Date.now(), member)
      await redis.hset(lifeKey(shard), "life", "one-that-has-ended")
    })
    await eventually(async () => {
      await settleShards(own)
      await drainQueue(own, "persist")
      expectStatus(await api.createMessage(token, chat), 201)
    }, RECOVERY_LIMIT_MS)
    expect(expectStatus(await api.getMessage(token, chat, message), 200).body).toBe("changed")
  })
})

test("a dead event that is stored after all: is dead no longer, and is taken off", async () => {
  await retaining(LONG_MS, async (own) => {
    const { token } = await givenWorld(api, own, "pending")
    const records = await takeRecords(own, "persist")
    const all = records.flatMap((record) => eventsIn(record))
    const events = all.filter(({ application }) => application === token)
    for (const event of events) await own.outbox.bury(event, "a test")
    await own.outbox.retain(shardOf(token), events, LONG_MS)
    const dead = await withRedis((redis) => redis.hmget(shardKeys(shardOf(token)).dead, ...events.map(keyText)))
    expect(dead).toEqual([null, null, null])
    await takeOffAt(own, token)
    expect(await heldOf(token)).toEqual({ fields: [], marks: 0 })
  })
})
