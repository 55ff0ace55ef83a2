// A reader of MySQL that replicates late, not at all, or is away: what clients read is what they read without one.
import { setTimeout as sleep } from "node:timers/promises"
import { expect, jest, test } from "@jest/globals"
import { readChanges } from "../../lib/changes/read-changes.ts"
import { connectMysql } from "../../lib/clients/mysql.ts"
import type { Change } from "../../lib/contract.ts"
import { log } from "../../lib/log.ts"
import { outboxKey, SHARDS, shardOf } from "../../lib/outbox/keys.ts"
import type { SearchStores } from "../../lib/stores.ts"
import { chatApi, directTransport, expectStatus } from "../steps/chat-api.ts"
import { deliverOnce, drainQueue, takeRecords } from "../steps/drain.ts"
import { eventually } from "../steps/eventually.ts"
import { follow, short } from "../steps/follow.ts"
import { useMysqlPair } from "../steps/own-mysql-pair.ts"
import { withRedis } from "../steps/redis.ts"
import { away, useTestStores, withEnvironment } from "../steps/stores.ts"
import { givenWorld, type World } from "../steps/world.ts"

/** Longer than a test, and as short as can be set. */
const LONG_MS = 60_000
const LEAST_MS = 100
/** Of the test under load: much more than the delay, since the machine may be busy. */
const LOADED_LAG_MS = 5_000
const LOADED_DELAY_SECONDS = 1
const LOAD_MS = 12_000
const WITHIN_MS = 10_000
const TEST_LIMIT_MS = 120_000

useTestStores()
const pair = useMysqlPair()
const api = chatApi(directTransport())
jest.setTimeout(TEST_LIMIT_MS)

/** Runs `act` on the pair, whose reader has all that there is, and replicates again at the end. */
const onPair = (lagMs: number, act: (own: SearchStores) => Promise<void>) =>
  withEnvironment(
    { MYSQL_URL: pair().writerUrl, MYSQL_READER_URL: pair().readerUrl, MYSQL_READER_LAG_MS: String(lagMs) },
    async (own) => {
      try {
        await act(own)
      } finally {
        await pair().go()
        await drainQueue(own, "persist")
        await pair().catchUp()
        for (const shard of SHARDS) await own.outbox.retire(shard, 0)
        // The pair has no index.
        await takeRecords(own, "index")
      }
    },
  )

/** A world that the writer and the reader have, and the outbox has not. */
async function givenReplicated(own: SearchStores): Promise<World> {
  const world = await givenWorld(api, own, "pending")
  await api.givenMessage(world.token, world.chat, "second body")
  await drainQueue(own, "persist")
  await pair().catchUp()
  await own.outbox.retire(shardOf(world.token), 0)
  return world
}

const countIn = async (url: string, token: string) => {
  const { db, close } = connectMysql(url)
  const rows = await db.selectFrom("messages").select("number").where("application", "=", token).execute()
  await close()
  return rows.length
}

const held = (token: string) =>
  withRedis(async (redis) => (await redis.hkeys(outboxKey(shardOf(token)))).filter((field) => field.startsWith(token)))

const numbersOf = (answer: Parameters<typeof expectStatus>[0]) =>
  expectStatus(answer, 200).data.map(({ number }: { number: number }) => number)

test("what both have: reads: are answered by the reader alone, writes need the writer", async () => {
  await onPair(LONG_MS, async (own) => {
    const { token, chat, message } = await givenReplicated(own)
    await withEnvironment({ ...away("mysql"), MYSQL_READER_URL: pair().readerUrl }, async () => {
      expectStatus(await api.getApplication(token), 200)
      expectStatus(await api.listApplications(), 200)
      expectStatus(await api.getChat(token, chat), 200)
      expect(numbersOf(await api.listChats(token))).toEqual([chat])
      expectStatus(await api.getMessage(token, chat, message), 200)
      expect(numbersOf(await api.listMessages(token, chat))).toEqual([1, 2])
      expectStatus(await api.searchMessages(token, chat, { query: "body" }), 200)
      expectStatus(await api.searchApplication(token, { query: "body" }), 200)
      expectStatus(await api.updateMessage(token, chat, message, { body: "changed" }), 503)
    })
  })
})

test("replication has stopped: what is written and stored: is seen at once in every read", async () => {
  await onPair(LONG_MS, async (own) => {
    const { token, chat, message } = await givenReplicated(own)
    const { next } = await readChanges(own, token, { from: "latest", chat: 0, limit: 50 })
    await pair().stop()
    const added = await api.givenMessage(token, chat, "third body")
    const other = await api.givenChat(token, "other chat")
    expectStatus(await api.updateMessage(token, chat, message, { body: "changed" }), 200)
    expectStatus(await api.updateChat(token, chat, { name: "changed" }), 200)
    expectStatus(await api.updateApplication(token, { name: "changed" }), 200)
    expectStatus(await api.deleteMessage(token, chat, 2), 204)
    await drainQueue(own, "persist")
    expect([await countIn(pair().writerUrl, token), await countIn(pair().readerUrl, token)]).toEqual([2, 2])
    expect(expectStatus(await api.getMessage(token, chat, added), 200).body).toBe("third body")
    expect(expectStatus(await api.getMessage(token, chat, message), 200).body).toBe("changed")
    expectStatus(await api.getMessage(token, chat, 2), 404)
    expect(expectStatus(await api.getChat(token, other), 200).name).toBe("other chat")
    expect(expectStatus(await api.getChat(token, chat), 200).name).toBe("changed")
    expect(expectStatus(await api.getApplication(token), 200).name).toBe("changed")
    expect(numbersOf(await api.listMessages(token, chat))).toEqual([message, added])
    expect(numbersOf(await api.listMessages(token, other))).toEqual([])
    expect(numbersOf(await api.listChats(token))).toEqual([chat, other])
    const { data } = expectStatus(await api.listApplications({ order: "desc", limit: 1 }), 200)
    expect(data[0]).toMatchObject({ token, name: "changed" })
    const { changes } = await follow(own, token, { from: next })
    expect(changes.map(short)).toEqual([
      `message.created ${chat}/${added}`,
      ...[`chat.created ${other}`, `message.updated ${chat}/${message}`, `chat.updated ${chat}`],
      ...[expect.stringMatching(/^application\.updated/), `message.deleted ${chat}/2`],
    ])
  })
})

test("replication has stopped: an application that is deleted, and its delete stored: is 404 at once, and so is all below it", async () => {
  await onPair(LONG_MS, async (own) => {
    const { token, chat, message } = await givenReplicated(own)
    await pair().stop()
    expectStatus(await api.deleteApplication(token), 204)
    await drainQueue(own, "persist")
    expect(await countIn(pair().readerUrl, token)).toBeGreaterThan(0)
    expectStatus(await api.getApplication(token), 404)
    expectStatus(await api.getChat(token, chat), 404)
    expectStatus(await api.listMessages(token, chat), 404)
    expectStatus(await api.getMessage(token, chat, message), 404)
    const { data } = expectStatus(await api.listApplications({ order: "desc", limit: 100 }), 200)
    expect(data.map((one: { token: string }) => one.token)).not.toContain(token)
  })
})

test("replication has stopped for longer than the lag: what the reader lacks: is asked of the writer, and is not 404", async () => {
  await onPair(LEAST_MS, async (own) => {
    await pair().stop()
    const { token, chat, message } = await givenWorld(api, own, "pending")
    await drainQueue(own, "persist")
    await eventually(async () => {
      await own.outbox.retire(shardOf(token), LEAST_MS)
      expect(await held(token)).toEqual([])
    }, WITHIN_MS)
    expectStatus(await api.getApplication(token), 200)
    expectStatus(await api.getChat(token, chat), 200)
    expectStatus(await api.getMessage(token, chat, message), 200)
    expect(numbersOf(await api.listChats(token))).toEqual([chat])
    expect(numbersOf(await api.listMessages(token, chat))).toEqual([message])
    expectStatus(await api.searchMessages(token, chat, { query: "body" }), 200)
    expectStatus(await api.updateMessage(token, chat, message, { body: "changed" }), 200)
    expectStatus(await api.getMessage(token, chat, message + 1), 404)
  })
})

test("replication has stopped for longer than the lag: a change of one member: is based on what the writer has", async () => {
  await onPair(LEAST_MS, async (own) => {
    const { token, chat, message } = await givenReplicated(own)
    await pair().stop()
    expectStatus(await api.updateMessage(token, chat, message, { body: "changed" }), 200)
    expectStatus(await api.updateChat(token, chat, { name: "changed" }), 200)
    await drainQueue(own, "persist")
    await sleep(LEAST_MS)
    await own.outbox.retire(shardOf(token), LEAST_MS)
    expect(await held(token)).toEqual([])
    const metadata = { kept: true }
    const patched = await api.updateMessage(token, chat, message, { metadata }, "PATCH")
    expect(expectStatus(patched, 200)).toMatchObject({ body: "changed", metadata })
    expect(expectStatus(await api.updateChat(token, chat, { metadata }, "PATCH"), 200)).toMatchObject({
      name: "changed",
      metadata,
    })
  })
})

test("replication has stopped for longer than the lag: changes: have no hole, since the writer vouches for each page", async () => {
  await onPair(LEAST_MS, async (own) => {
    const { token, chat, message } = await givenReplicated(own)
    await pair().stop()
    const { next } = await readChanges(own, token, { from: "latest", chat: 0, limit: 50 })
    const whole = { from: next, limit: 2 }
    const added = await api.givenMessage(token, chat, "third body")
    expectStatus(await api.updateMessage(token, chat, message, { body: "changed" }), 200)
    expectStatus(await api.deleteMessage(token, chat, 2), 204)
    expectStatus(await api.updateChat(token, chat, { name: "changed" }), 200)
    expectStatus(await api.updateApplication(token, { name: "changed" }), 200)
    await drainQueue(own, "persist")
    await sleep(LEAST_MS)
    await own.outbox.retire(shardOf(token), LEAST_MS)
    expect(await held(token)).toEqual([])
    const { changes } = await follow(own, token, whole)
    const ofChat = [
      `message.created ${chat}/${added}`,
      `message.updated ${chat}/${message}`,
      `message.deleted ${chat}/2`,
    ]
    expect(changes.map(short)).toEqual([
      ...[...ofChat, `chat.updated ${chat}`],
      expect.stringMatching(/^application\.updated/),
    ])
    const one = await follow(own, token, { ...whole, chat })
    expect(one.changes.map(short)).toEqual([...ofChat, `chat.updated ${chat}`])
  })
})

test("the reader lags by a second, under load: lists and changes: are complete and in order throughout", async () => {
  await onPair(LOADED_LAG_MS, async (own) => {
    const { token, chat } = await givenReplicated(own)
    const { next } = await readChanges(own, token, { from: "latest", chat: 0, limit: 50 })
    await pair().lag(LOADED_DELAY_SECONDS)
    const endAt = performance.now() + LOAD_MS
    const isOn = () => performance.now() < endAt
    let last = 2
    const write = async () => {
      while (isOn()) last = await api.givenMessage(token, chat, `body ${last}`)
    }
    const persist = async () => {
      while (isOn()) if ((await deliverOnce(own, "persist")) === 0) await sleep(20)
    }
    const list = async () => {
      while (isOn()) {
        const answered = last
        const numbers = numbersOf(await api.listMessages(token, chat, { order: "desc", limit: 100 }))
        expect(numbers[0]).toBeGreaterThanOrEqual(answered)
        expect(numbers).toEqual(numbers.map((_: number, index: number) => numbers[0] - index))
        await sleep(20)
      }
    }
    const received: Change[] = []
    let from = next
    const followOn = async () => {
      const page = await follow(own, token, { from })
      received.push(...page.changes)
      from = page.next
    }
    const followAlong = async () => {
      for (; isOn(); await sleep(50)) await followOn()
    }
    await Promise.all([write(), persist(), list(), followAlong()])
    await pair().lag(0)
    await followOn()
    expect(received.map(({ number }) => number)).toEqual(Array.from({ length: last - 2 }, (_, index) => index + 3))
    expect((await held(token)).length).toBeLessThan(last)
  })
})

test("the reader is killed: reads: go on at the writer, with one line in the log, and go back once it is there again", async () => {
  const warned = jest.spyOn(log, "warn").mockImplementation(() => undefined)
  const informed = jest.spyOn(log, "info").mockImplementation(() => undefined)
  const linesOf = (spy: typeof warned, text: string) => spy.mock.calls.filter(([line]) => line === text)
  try {
    await onPair(LEAST_MS, async (own) => {
      const { token, chat, message } = await givenReplicated(own)
      expectStatus(await api.getMessage(token, chat, message), 200)
      await pair().killReader()
      for (let i = 0; i < 20; i++) {
        expectStatus(await api.getMessage(token, chat, message), 200)
        expect(numbersOf(await api.listMessages(token, chat))).toEqual([1, 2])
        expectStatus(await api.listChanges(token), 200)
      }
      expect(linesOf(warned, "circuit opened")).toEqual([
        ["circuit opened", expect.objectContaining({ dependency: "mysql-reader" })],
      ])
      await pair().restartReader()
      await eventually(async () => {
        expectStatus(await api.getMessage(token, chat, message), 200)
        expect(linesOf(informed, "circuit closed")).toHaveLength(1)
      }, WITHIN_MS)
    })
  } finally {
    warned.mockRestore()
    informed.mockRestore()
  }
})
