// The erasure of a sender's messages: what it deletes, and what it leaves.
import { describe, expect, test } from "@jest/globals"
import { syncCounts } from "../../lib/counts/sync-counts.ts"
import { relay } from "../../lib/relay/relay.ts"
import type { AwayCase } from "../steps/away-cases.ts"
import { describeAway } from "../steps/away-cases.ts"
import { chatApi, directTransport, expectStatus } from "../steps/chat-api.ts"
import { drainQueues, takeRecords } from "../steps/drain.ts"
import { makeOutboxDue } from "../steps/due.ts"
import { erase, givenSenders, livingNumbers } from "../steps/erasures.ts"
import { expectProblem } from "../steps/expect-problem.ts"
import { followApi, short } from "../steps/follow.ts"
import { describeMissing } from "../steps/missing-cases.ts"
import { useTestStores } from "../steps/stores.ts"
import { givenWorld, reach, STAGES, TARGETS } from "../steps/world.ts"

const stores = useTestStores()
const api = chatApi(directTransport())
const target = TARGETS.deleteMessages

const BUDGET_MS = 5_000

/** Like `a` in some way, and yet others. */
const OTHERS = ["b", null, "A", "a ", "á", "aa"]
const SENDERS = ["a", ...OTHERS, "a", "b", "a"]

describe("an erasure", () => {
  test.each(STAGES)("of messages that are %s, deletes all of the sender and no others", async (stage) => {
    const { token, chat } = await givenWorld(api, stores(), stage)
    const other = await api.givenChat(token)
    const numbers = await givenSenders(api, token, chat, SENDERS)
    await givenSenders(api, token, other, ["a"])
    await reach(stage, stores())
    expect(await erase(api, token, chat, "a")).toEqual([3])
    const left = [1, ...OTHERS.flatMap((sender) => numbers.get(sender) ?? [])].sort((a, b) => a - b)
    for (const then of ["pending", "stored"] as const) {
      await reach(then, stores())
      for (const number of numbers.get("a") ?? [])
        expectProblem(await api.getMessage(token, chat, number), 404, "not_found")
      expect(await livingNumbers(api, token, chat)).toEqual(left)
      expect(await livingNumbers(api, token, other)).toEqual([1])
      expect(await erase(api, token, chat, "a")).toEqual([0])
    }
    const found = async (sender: string) => expectStatus(await api.searchMessages(token, chat, { sender }), 200).total
    expect([await found("a"), await found("b"), await found("a ")]).toEqual([0, 2, 1])
    await syncCounts(stores(), BUDGET_MS)
    expect(expectStatus(await api.getChat(token, chat), 200).messages_count).toBe(left.length)
    expect(await api.givenMessage(token, chat)).toBe(SENDERS.length + 2)
  })

  test("of stored and pending messages, of changed and deleted ones, deletes each once", async () => {
    const { token, chat } = await givenWorld(api, stores(), "pending")
    await givenSenders(api, token, chat, ["a", "a", "a", "b"])
    await reach("stored", stores())
    await givenSenders(api, token, chat, ["a", "a", "a"])
    for (const number of [2, 6]) expectStatus(await api.updateMessage(token, chat, number, { body: "changed" }), 200)
    for (const number of [3, 7]) expectStatus(await api.deleteMessage(token, chat, number), 204)
    expect(await erase(api, token, chat, "a")).toEqual([4])
    expect(await livingNumbers(api, token, chat)).toEqual([1, 5])
    await reach("stored", stores())
    expect(await livingNumbers(api, token, chat)).toEqual([1, 5])
  })

  test("of a message that a function of an older release has changed, deletes it: its row tells the sender", async () => {
    const { token, chat } = await givenWorld(api, stores(), "pending")
    await givenSenders(api, token, chat, ["a", "b"])
    await reach("stored", stores())
    // Such a function knew neither `sender` nor what else came with it.
    for (const message of [2, 3]) {
      const state = { body: "older" }
      const key = { application: token, chat, message }
      const { status } = await stores().outbox.change({ key, createdAt: Date.now(), revision: 1, state })
      expect(status).toBe("changed")
    }
    expect(await erase(api, token, chat, "a")).toEqual([1])
    expect(await livingNumbers(api, token, chat)).toEqual([1, 3])
  })

  test.each(STAGES)("of what is %s, is an ordinary delete for a reader of the changes, in order", async (stage) => {
    const { token, chat } = await givenWorld(api, stores(), stage)
    const [first, second, third] = (await givenSenders(api, token, chat, ["a", "b", "a", "a"])).get("a") ?? []
    await reach(stage, stores())
    const { cursor } = await followApi(api, token)
    expectStatus(await api.updateMessage(token, chat, 1, { body: "before" }), 200)
    await erase(api, token, chat, "a")
    expectStatus(await api.updateMessage(token, chat, 1, { body: "after" }), 200)
    const deleted = [first, second, third].map((number) => `message.deleted ${chat}/${number}`)
    for (const then of ["pending", "stored"] as const) {
      await reach(then, stores())
      const { changes } = await followApi(api, token, { cursor })
      expect(changes.map(short)).toEqual([...deleted, `message.updated ${chat}/1`])
    }
  })

  test("whose queue messages are lost, is stored by the relay", async () => {
    const { token, chat } = await givenWorld(api, stores(), "pending")
    await givenSenders(api, token, chat, ["a", "a", "b"])
    await reach("stored", stores())
    expect(await erase(api, token, chat, "a")).toEqual([2])
    expect(await takeRecords(stores(), "persist")).toHaveLength(1)
    await makeOutboxDue(stores(), token)
    expect(await relay(stores(), BUDGET_MS)).toMatchObject({ events: 2 })
    await drainQueues(stores())
    const { mysql } = stores()
    const rows = mysql.selectFrom("messages").select("number").where("application", "=", token).orderBy("number")
    expect((await rows.execute()).map(({ number }) => number)).toEqual([1, 4])
  })

  test("in a chat without messages, has nothing to do", async () => {
    const token = await api.givenApplication()
    const chat = await api.givenChat(token)
    for (const stage of STAGES) {
      await reach(stage, stores())
      expect(expectStatus(await api.eraseMessages(token, chat, { sender: "a" }), 200)).toEqual({
        deleted: 0,
        next_cursor: null,
      })
    }
  })
})

describe("a request that is not an erasure", () => {
  test.each([
    ["without a sender", {}, "is required"],
    ["with a blank sender", { sender: " " }, "must not be blank"],
    ["with a long sender", { sender: "x".repeat(256) }, "must have at most 255 characters"],
  ])("%s, is 422, names it, and deletes nothing", async (_what, query, message) => {
    const { token, chat } = await givenWorld(api, stores(), "pending")
    const answer = await api.eraseMessages(token, chat, query as Record<string, string>)
    expectProblem(answer, 422, "invalid_request")
    expect(answer.body.errors).toEqual([{ in: "query", path: "sender", message }])
    expect(await livingNumbers(api, token, chat)).toEqual([1])
  })

  test("with a cursor of something else, is 422 and deletes nothing", async () => {
    const { token, chat } = await givenWorld(api, stores(), "pending")
    const other = await api.givenChat(token)
    const senders = Array.from({ length: 101 }, () => "a")
    for (const one of [chat, other]) await givenSenders(api, token, one, senders)
    const cursorOf = async (answer: ReturnType<typeof api.call>) => expectStatus(await answer, 200).next_cursor
    const cursors = [
      await cursorOf(api.eraseMessages(token, other, { sender: "a" })),
      await cursorOf(api.listMessages(token, chat, { limit: 1 })),
      await cursorOf(api.listChanges(token, { limit: 1 })),
      Buffer.from('["x",1,2]').toString("base64url"),
      "nonsense",
    ]
    for (const cursor of cursors) {
      const answer = await api.eraseMessages(token, chat, { sender: "a", cursor })
      expectProblem(answer, 422, "invalid_request")
      expect(answer.body.errors).toMatchObject([{ in: "query", path: "cursor" }])
    }
    expect(await livingNumbers(api, token, chat)).toHaveLength(102)
    const cursor = await cursorOf(api.eraseMessages(token, chat, { sender: "a" }))
    expectProblem(await api.eraseMessages(token, chat, { sender: "b", cursor }), 422, "invalid_request")
    expect(await erase(api, token, chat, "a", cursor)).toEqual([1])
  })
})

/** It must know all that there is, so it needs both stores; the queue and the index may be away. */
const AWAY: AwayCase[] = [
  { away: "mysql", scene: "pending", status: 503 },
  { away: "mysql", scene: "stored", status: 503 },
  { away: "redis", scene: "stored", status: 503 },
  { away: "redis", scene: "unknown", status: 503 },
  { away: "sqs", scene: "pending", status: 200 },
  { away: "sqs", scene: "stored", status: 200 },
  { away: "elasticsearch", scene: "stored", status: 200 },
]

describeMissing(api, stores, target)
describeAway(api, stores, target, AWAY)
