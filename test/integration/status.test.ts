import { describe, expect, test } from "@jest/globals"
import { readStatus } from "../../lib/operate/status.ts"
import { lifeKey, outboxKey } from "../../lib/outbox/keys.ts"
import { defineScript } from "../../lib/outbox/scripts/define-script.ts"
import { chatApi, directTransport } from "../steps/chat-api.ts"
import { drainQueues } from "../steps/drain.ts"
import { away, useTestStores, withEnvironment } from "../steps/stores.ts"

const stores = useTestStores()
const api = chatApi(directTransport())

const SET_FIELD = defineScript("set-field", {
  keys: ["hash"],
  args: ["field", "value"],
  returns: () => undefined,
  lua: "redis.call('HSET', hash_key, field, value) return {}",
})

describe("the status", () => {
  test("of stores at rest, finds no problem", async () => {
    await drainQueues(stores())
    const status = await readStatus(stores())
    expect(status.problems).toEqual([])
    expect(status.queues?.map(({ queue }) => queue)).toEqual([
      "persist-writes",
      "index-messages",
      "persist-writes-dead-letters",
      "index-messages-dead-letters",
    ])
    expect(status.outbox).toMatchObject({ events: 0, dead: 0, oldestAt: undefined, complete: true, unsettled: [] })
    expect(status.redis?.settings).toEqual({
      appendonly: "yes",
      appendfsync: "always",
      "maxmemory-policy": "volatile-ttl",
    })
  })

  test("with writes on their way, counts them, knows the oldest and the fullest shard", async () => {
    const token = await api.givenApplication()
    for (let i = 0; i < 3; i++) await api.givenChat(token)
    const fresh = await readStatus(stores())
    expect(fresh.queues?.[0]?.visible).toBeGreaterThan(0)
    expect(fresh.outbox).toMatchObject({ events: 4, complete: true })
    expect(fresh.outbox?.fullest[0]).toMatchObject({ shard: token.charAt(0), events: 4 })
    expect(fresh.outbox?.bytes).toBeGreaterThan(100)
    const key = { application: token, chat: 2, message: 0 }
    const revision = String((Date.now() - 3_600_000) * 1000)
    const planted = JSON.stringify({ revision, ...key, created_at: 1, name: null })
    await stores().redis.run(SET_FIELD, { hash: outboxKey(token.charAt(0)) }, { field: `${token}/2`, value: planted })
    const old = await readStatus(stores())
    expect(old.outbox?.oldestAt?.getTime()).toBe(Math.floor(Number(revision) / 1000))
    expect(old.problems).toEqual([expect.stringContaining("not being persisted")])
    await stores().outbox.bury({ ...key, revision }, "planted")
    expect((await readStatus(stores())).problems).toContain("the outbox has dead events (1): see dead-letters list")
    await stores().outbox.remove(token.charAt(0), [{ ...key, revision }])
    await drainQueues(stores())
  })

  test("with a shard in a new generation, says that it takes no writes", async () => {
    await stores().redis.run(SET_FIELD, { hash: lifeKey("Q") }, { field: "drained", value: "0" })
    const { outbox, problems } = await readStatus(stores())
    expect(outbox?.unsettled).toEqual(["Q"])
    expect(problems).toEqual(["shards that are not settled take no writes (1)"])
    await stores().redis.run(SET_FIELD, { hash: lifeKey("Q") }, { field: "drained", value: "1" })
  })

  test("with a backlog of the index, tells what is due, waits and is dead, and since when", async () => {
    const row = { application: "z", chat: 1, revision: (Date.now() - 3_600_000) * 1000 }
    await stores()
      .mysql.insertInto("pending_index")
      .values([
        { ...row, message: 1, due_at: new Date(0) },
        { ...row, message: 2, due_at: new Date(Date.now() + 600_000) },
        { ...row, message: 3, due_at: new Date(Date.now() + 600_000), revision: 5_000_000 },
        { ...row, message: 4, due_at: null },
      ])
      .execute()
    const { index, problems } = await readStatus(stores())
    expect(index).toEqual({ due: 1, waiting: 2, dead: 1, oldestAt: new Date(5_000) })
    expect(problems).toEqual([
      "there are dead documents (1): see dead-letters list",
      "messages wait for more than two minutes to be indexed",
    ])
    await stores().mysql.deleteFrom("pending_index").where("application", "=", "z").execute()
  })

  test("with counts that differ, tells them from those that are only to be synced", async () => {
    const { mysql } = stores()
    // Sorts after every other token, so that every sample has it.
    const token = "z".repeat(24)
    const times = { revision: 1, created_at: new Date(), updated_at: new Date() }
    const counter = { application: token, highest: 9, revision: 1, fenced: 0 }
    await mysql
      .insertInto("applications")
      .values({ token, name: "a", chats_count: 2, ...times })
      .execute()
    await mysql
      .insertInto("chats")
      .values([1, 2].map((number) => ({ application: token, number, name: null, messages_count: 4, ...times })))
      .execute()
    await mysql
      .insertInto("counters")
      .values([
        { ...counter, chat: 0, live: 2, dirty: 0 },
        { ...counter, chat: 1, live: 5, dirty: 0 },
        { ...counter, chat: 2, live: 5, dirty: 1 },
        { ...counter, chat: 3, live: 5, dirty: 0 },
      ])
      .execute()
    const { counts, problems } = await readStatus(stores())
    expect(counts).toMatchObject({ differing: 1 })
    expect(counts?.dirty).toBeGreaterThan(0)
    expect(problems).toEqual([expect.stringMatching(/^counts differ \(1 of \d+\)/)])
    for (const table of ["applications", "chats", "counters"] as const) {
      await mysql
        .deleteFrom(table)
        .where(table === "applications" ? "token" : "application", "=", token)
        .execute()
    }
  })

  test.each([
    ["mysql", ["index", "counts"]],
    ["redis", ["outbox", "redis"]],
    ["sqs", ["queues"]],
    ["elasticsearch", []],
  ] as const)("without %s, leaves its parts out and shows all else", async (dependency, missing) => {
    const parts = ["queues", "outbox", "index", "counts", "redis"] as const
    const status = await withEnvironment(away(dependency), readStatus)
    expect(status.dependencies[dependency].state).toBe("down")
    expect(status.problems).toEqual([expect.stringMatching(`^${dependency} is away`)])
    expect(parts.filter((part) => status[part] === null)).toEqual(missing)
  })
})
