import { describe, expect, test } from "@jest/globals"
import type { WriteEvent } from "../../lib/events.ts"
import {
  type DeadLetter,
  findLost,
  redriveLetter,
  reviveLost,
  visitDeadLetters,
} from "../../lib/operate/dead-letters.ts"
import { discardLetter } from "../../lib/operate/discard.ts"
import { RECEIVES_MAX } from "../../lib/queue/queues.ts"
import type { SearchStores } from "../../lib/stores.ts"
import { chatApi, directTransport, expectStatus } from "../steps/chat-api.ts"
import { deliver, drainQueues, sqsRecord, takeRecords } from "../steps/drain.ts"
import { away, useTestStores, withEnvironment } from "../steps/stores.ts"

const stores = useTestStores()
const api = chatApi(directTransport())

/** MySQL refuses it (ER_DATA_TOO_LONG); it bypasses zod, which guards the endpoints. */
const POISON = "x".repeat(300)

/** Makes the event of a chat a dead letter by delivering it to the persist function at its last receive. */
async function die(event: WriteEvent): Promise<void> {
  await takeRecords(stores(), "persist")
  expect(await deliver("persist", [sqsRecord([event], { receives: RECEIVES_MAX })])).toEqual([])
}

const pendingChat = async (application: string, chat: number) =>
  (await stores().outbox.read(application, chat, [{ application, chat, message: 0 }])).entries[0]

/** Creates a chat that no row can hold, whose creation is dead. */
async function givenDeadCreation() {
  const token = await api.givenApplication()
  await drainQueues(stores())
  const accepted = await stores().outbox.create({ kind: "chat", application: token, chat: 0, state: { name: POISON } })
  if (accepted.status !== "created") throw new Error(accepted.status)
  const chat = Number(accepted.id)
  await die((await pendingChat(token, chat)) as WriteEvent)
  return { token, chat }
}

/** Creates a stored chat with a dead change. */
async function givenDeadChange() {
  const token = await api.givenApplication()
  const chat = await api.givenChat(token, "stored")
  await drainQueues(stores())
  const { created_at } = expectStatus(await api.getChat(token, chat), 200)
  await stores().outbox.change({
    key: { application: token, chat, message: 0 },
    createdAt: Date.parse(created_at),
    revision: 1,
    state: { name: POISON },
  })
  await die((await pendingChat(token, chat)) as WriteEvent)
  return { token, chat }
}

async function list(own: SearchStores = stores()): Promise<DeadLetter[]> {
  const letters: DeadLetter[] = []
  await visitDeadLetters(own, async (letter) => {
    letters.push(letter)
    return { gone: false, why: "" }
  })
  return letters
}

const letterOf = async (token: string): Promise<DeadLetter> => {
  const letter = (await list()).find(({ events }) => events?.some(({ application }) => application === token))
  if (!letter) throw new Error("no dead letter")
  return letter
}

async function discard(id: string) {
  const fates: unknown[] = []
  await visitDeadLetters(stores(), async (letter) => {
    if (letter.id !== id) return { gone: false, why: "" }
    const fate = await discardLetter(stores(), letter)
    fates.push(fate)
    return fate
  })
  return fates
}

describe("listing dead letters", () => {
  test("again and again, shows the same ones each time, with reason and events", async () => {
    const { token, chat } = await givenDeadCreation()
    const first = await letterOf(token)
    expect(first).toMatchObject({ queue: "persist-writes", reason: "ER_DATA_TOO_LONG" })
    expect(first.events).toMatchObject([{ application: token, chat, name: POISON }])
    for (let again = 0; again < RECEIVES_MAX + 1; again++) expect((await letterOf(token)).id).toBe(first.id)
    const { visible, inFlight } = await stores().sqs.depth(stores().config.PERSIST_DEAD_LETTER_QUEUE_URL)
    expect(inFlight).toBe(0)
    expect(visible).toBeGreaterThan(0)
  })

  test("that fails amid its work, lets them be received again at once", async () => {
    const { token } = await givenDeadCreation()
    await expect(visitDeadLetters(stores(), () => Promise.reject(new Error("amid")))).rejects.toThrow("amid")
    expect(await letterOf(token)).toBeDefined()
  })

  test("more than one receive holds, shows all", async () => {
    const before = (await list()).length
    const bodies = Array.from({ length: 25 }, (_, index) => `text${index}`)
    await Promise.all(bodies.map((body) => stores().queues.index.bury(body, body)))
    const letters = await list()
    expect(letters).toHaveLength(before + 25)
    expect(new Set(letters.map(({ id }) => id)).size).toBe(letters.length)
    expect(letters.at(-1)?.events).toBeUndefined()
  })

  test("without the queue, says that it is away", async () => {
    await withEnvironment(away("sqs"), async (without) => {
      await expect(list(without)).rejects.toThrow("sqs is away")
    })
  })
})

describe("redriving a dead letter", () => {
  test("whose event is still refused, brings it back as a dead letter of the same reason", async () => {
    const { token, chat } = await givenDeadCreation()
    const { id } = await letterOf(token)
    await visitDeadLetters(stores(), async (letter) =>
      letter.id === id ? redriveLetter(stores(), letter) : { gone: false, why: "" },
    )
    const [record] = await takeRecords(stores(), "persist")
    expect(JSON.parse(record?.body ?? "")).toMatchObject([{ application: token, chat }])
    expect(await deliver("persist", [sqsRecord(record?.body, { receives: RECEIVES_MAX })])).toEqual([])
    const again = await letterOf(token)
    expect(again).toMatchObject({ reason: "ER_DATA_TOO_LONG" })
    expect(again.id).not.toBe(id)
  })
})

describe("what is dead and has no letter any more", () => {
  /** A stored chat with a message that is dead and one whose document is, of which the queue has forgotten everything. */
  async function givenForgotten() {
    const token = await api.givenApplication()
    const chat = await api.givenChat(token)
    const indexed = await api.givenMessage(token, chat)
    await drainQueues(stores())
    await stores()
      .mysql.insertInto("pending_index")
      .values([{ application: token, chat, message: indexed, revision: 5, due_at: null }])
      .execute()
    const written = await api.givenMessage(token, chat)
    await takeRecords(stores(), "persist")
    const key = { application: token, chat, message: written }
    const { entries } = await stores().outbox.read(token, chat, [key])
    await stores().outbox.bury(entries[0] as WriteEvent, "planted")
    return { token, key, document: { application: token, chat, message: indexed } }
  }

  test("is found, and is sent again and stored when it is revived", async () => {
    const { token, key, document } = await givenForgotten()
    const lost = await findLost(stores(), await list())
    expect(lost.events).toContainEqual(key)
    expect(lost.documents).toContainEqual(document)
    expect(await stores().outbox.claim(token.charAt(0), 100)).not.toContainEqual(expect.objectContaining(key))
    await reviveLost(stores(), lost)
    const claimed = await stores().outbox.claim(token.charAt(0), 100)
    expect(claimed).toContainEqual(expect.objectContaining(key))
    const rows = stores().mysql.selectFrom("pending_index").select("due_at").where("application", "=", token)
    const { due_at } = await rows.executeTakeFirstOrThrow()
    expect(due_at?.getTime()).toBeLessThanOrEqual(Date.now())
    expect(await findLost(stores(), await list())).toEqual({ events: [], documents: [] })
  })

  test("leaves out what a letter tells of", async () => {
    const { token } = await givenDeadCreation()
    const { events } = await findLost(stores(), await list())
    expect(events.map(({ application }) => application)).not.toContain(token)
    const without = (await list()).filter((letter) => letter.events?.every(({ application }) => application !== token))
    expect((await findLost(stores(), without)).events).toContainEqual(expect.objectContaining({ application: token }))
  })
})

describe("discarding a dead letter", () => {
  test("of a creation, deletes it for every reader, and its number is a hole that is never given again", async () => {
    const { token, chat } = await givenDeadCreation()
    expectStatus(await api.getChat(token, chat), 200)
    const { id } = await letterOf(token)
    expect(await discard(id)).toEqual([{ gone: true }])
    const gone = async () => {
      expectStatus(await api.getChat(token, chat), 404)
      expect(expectStatus(await api.listChats(token), 200).data).toEqual([])
    }
    await gone()
    await drainQueues(stores())
    await gone()
    expect((await list()).map((letter) => letter.id)).not.toContain(id)
    const tombstones = await stores()
      .mysql.selectFrom("tombstones")
      .select("chat")
      .where("application", "=", token)
      .execute()
    expect(tombstones).toEqual([{ chat }])
    const counter = await stores()
      .mysql.selectFrom("counters")
      .select(["highest", "live"])
      .where("application", "=", token)
      .where("chat", "=", 0)
      .executeTakeFirst()
    expect(counter).toEqual({ highest: chat, live: 0 })
    expect(await api.givenChat(token)).toBe(chat + 1)
    await drainQueues(stores())
    expect(await pendingChat(token, chat)).toBeNull()
  })

  test("of a change, undoes it: the stored state is read again", async () => {
    const { token, chat } = await givenDeadChange()
    expect(expectStatus(await api.getChat(token, chat), 200).name).toBe(POISON)
    await discard((await letterOf(token)).id)
    expect(expectStatus(await api.getChat(token, chat), 200).name).toBe("stored")
    expect(expectStatus(await api.listChats(token), 200).data).toMatchObject([{ number: chat, name: "stored" }])
    await drainQueues(stores())
    expect(expectStatus(await api.getChat(token, chat), 200).name).toBe("stored")
  })

  test("that a later write has replaced, leaves that one alone, pending or stored", async () => {
    for (const stored of [false, true]) {
      const { token, chat } = await givenDeadCreation()
      expectStatus(await api.updateChat(token, chat, { name: "healed" }), 200)
      if (stored) await drainQueues(stores())
      await discard((await letterOf(token)).id)
      await drainQueues(stores())
      expect(expectStatus(await api.getChat(token, chat), 200).name).toBe("healed")
    }
  })

  test("of a creation, cut short before the tombstone, is done when it is done again", async () => {
    const { token, chat } = await givenDeadCreation()
    const letter = await letterOf(token)
    await stores().outbox.remove(token.charAt(0), letter.events as WriteEvent[])
    await discard(letter.id)
    await drainQueues(stores())
    expectStatus(await api.getChat(token, chat), 404)
    expect(
      await stores().mysql.selectFrom("tombstones").select("chat").where("application", "=", token).execute(),
    ).toEqual([{ chat }])
  })

  test("without MySQL, drops nothing and keeps the letter", async () => {
    const { token, chat } = await givenDeadCreation()
    const letter = await letterOf(token)
    await withEnvironment(away("mysql"), async (without) => {
      await expect(discardLetter(without, letter)).rejects.toThrow("mysql is away")
    })
    expect(await pendingChat(token, chat)).toMatchObject({ name: POISON })
  })

  test("of a delete that is not stored, refuses; of one that is, lets the letter go", async () => {
    const token = await api.givenApplication()
    const chat = await api.givenChat(token)
    await drainQueues(stores())
    expectStatus(await api.deleteChat(token, chat), 204)
    const events = [(await pendingChat(token, chat)) as WriteEvent]
    const letter = { queue: "persist-writes", events } as DeadLetter
    expect(await discardLetter(stores(), letter)).toMatchObject({ gone: false, why: expect.stringContaining("delete") })
    await drainQueues(stores())
    expect(await discardLetter(stores(), letter)).toEqual({ gone: true })
    expectStatus(await api.getChat(token, chat), 404)
  })

  test("of a document, forgets its dead entry and no other", async () => {
    const token = await api.givenApplication()
    const chat = await api.givenChat(token)
    for (const _ of [1, 2]) await api.givenMessage(token, chat)
    await drainQueues(stores())
    const row = { application: token, chat, revision: 5 }
    await stores()
      .mysql.insertInto("pending_index")
      .values([
        { ...row, message: 1, due_at: null },
        { ...row, message: 2, due_at: new Date() },
      ])
      .execute()
    const events = [1, 2].map((message) => ({ ...row, message, revision: "5" }))
    await discardLetter(stores(), { queue: "index-messages", events } as unknown as DeadLetter)
    const left = await stores()
      .mysql.selectFrom("pending_index")
      .select("message")
      .where("application", "=", token)
      .execute()
    expect(left).toEqual([{ message: 2 }])
  })
})
