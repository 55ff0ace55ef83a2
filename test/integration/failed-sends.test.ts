// The function whose send fails logs it at once, and the log shows whether the queue was away or refused it.
import { afterEach, beforeEach, describe, expect, jest, test } from "@jest/globals"
import { log } from "../../lib/log.ts"
import { lifeKey, shardOf } from "../../lib/outbox/keys.ts"
import type { SearchStores } from "../../lib/stores.ts"
import { settleShards } from "../../lib/write/settle.ts"
import { verifyParents } from "../../lib/write/verify-parents.ts"
import { chatApi, directTransport, expectStatus } from "../steps/chat-api.ts"
import { deliver, drainQueues, sqsRecord, takeRecords, whileConsuming } from "../steps/drain.ts"
import { eventually } from "../steps/eventually.ts"
import { withRedis } from "../steps/redis.ts"
import { away, useTestStores, withEnvironment } from "../steps/stores.ts"

const stores = useTestStores()
const api = chatApi(directTransport())

const SETTLED_WITHIN_MS = 20_000

const warn = jest.spyOn(log, "warn")
beforeEach(() => void warn.mockClear())
afterEach(() => drainQueues(stores()))

/** Returns the lines about failed sends to a queue. */
const failures = (url: string) => {
  const queue = url.split("/").at(-1)
  return warn.mock.calls.filter(([line, details]) => {
    const about = details as { queue?: string }
    return String(line).startsWith("events ") && line !== "events postponed" && about.queue === queue
  })
}
const NOT_SENT = [
  "events not sent",
  {
    queue: expect.any(String),
    events: expect.any(Number),
    code: expect.any(String),
    error: { name: "DependencyAway", cause: { message: expect.stringContaining("ECONNREFUSED") } },
  },
]

/** Calls `act` while the queue is away, and expects a line about a send to `queue`. */
async function expectNoted(queue: "persist" | "index", act: (own: SearchStores) => Promise<unknown>): Promise<void> {
  await withEnvironment(away("sqs"), async (own) => {
    await act(own)
    expect(failures(own.queues[queue].url)[0]).toMatchObject(NOT_SENT)
  })
}

async function givenChat() {
  const token = await api.givenApplication()
  const chat = await api.givenChat(token)
  await drainQueues(stores())
  return { token, chat }
}

describe("with the queue away, a line is logged for the events", () => {
  test("of a write", async () => {
    const { token, chat } = await givenChat()
    await expectNoted("persist", async () => expectStatus(await api.createMessage(token, chat), 201))
  })

  test("of messages to be indexed, which persist-writes has stored", async () => {
    const { token, chat } = await givenChat()
    await api.givenMessage(token, chat)
    const records = await takeRecords(stores(), "persist")
    await expectNoted("index", async () => expect(await deliver("persist", records)).toEqual([]))
  })

  test("of messages that a purge has removed", async () => {
    const { token, chat } = await givenChat()
    await api.givenMessage(token, chat)
    await drainQueues(stores())
    expectStatus(await api.deleteChat(token, chat), 204)
    const records = await takeRecords(stores(), "persist")
    await expectNoted("index", () => deliver("persist", records))
  })

  test("of a fence, whose request is answered 503", async () => {
    const { token } = await givenChat()
    const seen = { generation: "1", lost: Number.MAX_SAFE_INTEGER, applicationSeen: 1, chatSeen: 0 }
    await expectNoted("persist", (own) =>
      expect(verifyParents(own, token, 0, seen)).rejects.toMatchObject({ dependency: "sqs" }),
    )
  })

  test("of copies that a consumer postpones", async () => {
    const { token } = await givenChat()
    const event = { revision: "1", application: token, chat: 9, message: 0, created_at: 0, name: "in no outbox" }
    const record = sqsRecord([event])
    await withEnvironment({ ...away("sqs"), ...away("mysql") }, async (own) => {
      expect(await deliver("persist", [record])).toEqual([record.messageId])
      expect(failures(own.queues.persist.url)[0]).toMatchObject(NOT_SENT)
    })
  })

  test("of an unreadable message that should become a dead letter", async () => {
    await withEnvironment(away("sqs"), async (own) => {
      const record = sqsRecord("no list", { receives: 9 })
      expect(await deliver("persist", [record])).toEqual([record.messageId])
      expect(failures(own.queues.persist.deadLettersUrl)[0]).toMatchObject(NOT_SENT)
    })
  })

  test("of an older copy of Redis", async () => {
    const { token, chat } = await givenChat()
    await api.givenMessage(token, chat)
    const records = await takeRecords(stores(), "persist")
    await withRedis((redis) => redis.hdel(lifeKey(shardOf(token)), "generation"))
    try {
      await expectNoted("persist", (own) => expect(settleShards(own)).rejects.toMatchObject({ dependency: "sqs" }))
    } finally {
      await deliver("persist", records)
      const settled = async () => expect(await settleShards(stores())).toBe(true)
      await whileConsuming(stores(), () => eventually(settled, SETTLED_WITHIN_MS))
    }
  })
})

test("a queue that is away for many writes: costs a few lines, not one of each", async () => {
  const { token, chat } = await givenChat()
  await withEnvironment(away("sqs"), async (own) => {
    for (let count = 0; count < 50; count++) expectStatus(await api.createMessage(token, chat), 201)
    const lines = failures(own.queues.persist.url).length
    expect(lines).toBeGreaterThanOrEqual(3)
    expect(lines).toBeLessThan(10)
  })
})

test("a queue that refuses, as one without the right or one that is gone: is told apart from one that is away, by AWS's code", async () => {
  const { token, chat } = await givenChat()
  const gone = `${stores().config.PERSIST_QUEUE_URL}-gone`
  await withEnvironment({ PERSIST_QUEUE_URL: gone }, async () => {
    expectStatus(await api.createMessage(token, chat), 201)
    expect(failures(gone)).toMatchObject([
      ["events refused by the queue", { events: 1, code: expect.stringMatching(/QueueDoesNotExist|NonExistentQueue/) }],
    ])
  })
})
