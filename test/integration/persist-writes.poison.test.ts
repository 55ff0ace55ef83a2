import { describe, expect, test } from "@jest/globals"
import type { SQSRecord } from "aws-lambda"
import type { WriteEvent } from "../../lib/events.ts"
import { RECEIVES_MAX } from "../../lib/queue/queues.ts"
import { chatApi, directTransport, expectStatus } from "../steps/chat-api.ts"
import {
  deliver,
  deliverOnce,
  drainQueues,
  eventsIn,
  receiveRecords,
  removeRecords,
  sqsRecord,
  takeDeadLetters,
  takeRecords,
} from "../steps/drain.ts"
import { makeOutboxDue } from "../steps/due.ts"
import { eventually } from "../steps/eventually.ts"
import { away, useTestStores, withEnvironment } from "../steps/stores.ts"
import { reach } from "../steps/world.ts"

const stores = useTestStores()
const api = chatApi(directTransport())

/** MySQL refuses it (ER_DATA_TOO_LONG); it bypasses zod, which guards the endpoints. */
const POISON = "x".repeat(300)

/** Creates an application with a chat that no row can hold, accepted as if a release had a wrong limit. */
async function givenPoison() {
  const token = await api.givenApplication()
  const accepted = await stores().outbox.create({ kind: "chat", application: token, chat: 0, state: { name: POISON } })
  if (accepted.status !== "created") throw new Error(accepted.status)
  const key = { application: token, chat: Number(accepted.id), message: 0 }
  const { entries } = await stores().outbox.read(token, key.chat, [key])
  return { token, key, poison: entries[0] as WriteEvent }
}

const storedNames = async (token: string) => {
  const { mysql } = stores()
  const rows = await mysql
    .selectFrom("chats")
    .select("name")
    .where("application", "=", token)
    .orderBy("number")
    .execute()
  return rows.map(({ name }) => name)
}

describe("a poisoned event", () => {
  test("in an envelope of several, comes again alone, and the others are stored at once", async () => {
    const { token, poison } = await givenPoison()
    await api.givenChat(token, "good")
    const others = (await takeRecords(stores(), "persist")).flatMap((record) => eventsIn(record))
    const further = await api.givenApplication("in another envelope")
    const another = await takeRecords(stores(), "persist")
    expect(await deliver("persist", [sqsRecord([...others, poison]), ...another])).toEqual([])
    expect(await storedNames(token)).toEqual(["good"])
    expect(expectStatus(await api.getApplication(further), 200).name).toBe("in another envelope")
    const alone = await eventually(async () => {
      const records = await receiveRecords(stores(), "persist")
      expect(records).toHaveLength(1)
      return records
    }, 5_000)
    expect(alone.map(({ body }) => JSON.parse(body))).toEqual([[poison]])
    await removeRecords(stores(), "persist", alone)
    await takeRecords(stores(), "index")
  })

  test("alone, comes again until its last receive, then is a dead letter with its reason, still read", async () => {
    const { token, key, poison } = await givenPoison()
    await takeRecords(stores(), "persist")
    await stores().queues.persist.send([poison])
    let deliveries = 0
    await eventually(async () => {
      deliveries += await deliverOnce(stores(), "persist")
      const { visible, inFlight } = await stores().sqs.depth(stores().config.PERSIST_QUEUE_URL)
      expect(visible + inFlight).toBe(0)
    }, 20_000)
    expect(deliveries).toBe(RECEIVES_MAX)
    expect(await takeDeadLetters(stores(), "persist")).toEqual([{ body: [poison], reason: "ER_DATA_TOO_LONG" }])

    expect(expectStatus(await api.getChat(token, key.chat), 200).name).toBe(POISON)
    expect(expectStatus(await api.listChats(token), 200).data).toMatchObject([{ number: key.chat, name: POISON }])
    const shard = token.charAt(0)
    expect(await relayedKeys(shard)).not.toContain(key.chat)
    expect(await stores().outbox.revive(key)).toBe(true)
    expect(await relayedKeys(shard)).toContain(key.chat)
  })

  test("that is dead, is followed by an update that heals it", async () => {
    const { token, key, poison } = await givenPoison()
    await takeRecords(stores(), "persist")
    expect(await deliver("persist", [sqsRecord([poison], { receives: RECEIVES_MAX })])).toEqual([])
    expectStatus(await api.updateChat(token, key.chat, { name: "healed" }), 200)
    await reach("stored", stores())
    expect(await storedNames(token)).toEqual(["healed"])
    expect(await stores().outbox.revive(key)).toBe(false)
    expect(await takeDeadLetters(stores(), "persist")).toHaveLength(1)
  })

  test("among ten envelopes of two, is the only one that is not stored", async () => {
    const { token, poison } = await givenPoison()
    await Promise.all(Array.from({ length: 19 }, (_, index) => api.givenChat(token, `chat ${index}`)))
    const events = (await takeRecords(stores(), "persist")).flatMap((record) => eventsIn(record))
    const chats = events.filter(({ chat }) => chat > 0)
    const all = [...chats.slice(0, 7), poison, ...chats.slice(7)]
    const records = Array.from({ length: 10 }, (_, index) => sqsRecord(all.slice(index * 2, index * 2 + 2)))
    expect(await deliver("persist", records)).toEqual([])
    expect((await storedNames(token)).sort()).toEqual(chats.map(({ name }) => name).sort())
    await eventually(async () => expect(await takeRecords(stores(), "persist")).toHaveLength(1), 5_000)
  })

  test("whose dead letter cannot be sent, comes again", async () => {
    const { poison } = await givenPoison()
    await takeRecords(stores(), "persist")
    const record = sqsRecord([poison], { receives: RECEIVES_MAX })
    expect(await withEnvironment(away("sqs"), () => deliver("persist", [record]))).toEqual([record.messageId])
  })
})

describe("a message that is no envelope", () => {
  test.each([
    ["text", "hello"],
    ["nothing", ""],
    ["JSON of another shape", '{"a":1}'],
    ["an event without its list", JSON.stringify({ revision: "1", application: "x", chat: 0, message: 0 })],
    ["a list with a wrong event", '[{"revision":"-1"}]'],
  ])("but %s, comes again alone and is dead at its last receive", async (_what, body) => {
    const token = await api.givenApplication()
    const [good] = (await takeRecords(stores(), "persist")) as [SQSRecord]
    const bad = sqsRecord(body)
    expect(await deliver("persist", [bad, good])).toEqual([bad.messageId])
    expect(
      await stores().mysql.selectFrom("applications").selectAll().where("token", "=", token).execute(),
    ).toHaveLength(1)
    expect(await deliver("persist", [sqsRecord(body, { receives: RECEIVES_MAX })])).toEqual([])
    expect(await takeDeadLetters(stores(), "persist")).toEqual([{ body: [body], reason: "not an envelope of events" }])
  })

  test("leaves the queue for later deliveries as it was", async () => {
    await drainQueues(stores())
  })
})

/** Makes everything in a shard due, claims it like the relay, and returns the chats' numbers. */
async function relayedKeys(shard: string): Promise<number[]> {
  await makeOutboxDue(stores(), shard)
  return (await stores().outbox.claim(shard, 500)).map(({ chat }) => chat)
}
