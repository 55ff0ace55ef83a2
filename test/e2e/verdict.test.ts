// A campaign's verdict passes a few seconds of load on a running API, and each damage planted in the stores, the ledger
// or the answers is found by the checks named for it, and by no others.
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals"
import { Redis } from "ioredis"
import { createFaultLog } from "../../campaign/faults/fault-log.ts"
import { type Answer, connectClient } from "../../campaign/load/client.ts"
import { type Load, noteAnswer } from "../../campaign/load/exchange.ts"
import { createLedger, isDeleted, type Resource } from "../../campaign/load/ledger.ts"
import { runLoad, setUp } from "../../campaign/load/load.ts"
import { seededRandom } from "../../campaign/load/random.ts"
import { readNewest, readOne, search } from "../../campaign/load/reads.ts"
import { textOf } from "../../campaign/load/texts.ts"
import { judgeAnswers } from "../../campaign/verdict/answers.ts"
import { type CheckName, createVerdict, type Verdict } from "../../campaign/verdict/checks.ts"
import { awaitQuiet, COUNTS_MAX_MS, judgeCounts, judgeLeft, whatIsLeft } from "../../campaign/verdict/settle.ts"
import { type DirectStores, directStores } from "../../campaign/verdict/stores.ts"
import { compareAll, type Evidence } from "../../campaign/verdict/verdict.ts"
import { outboxKey } from "../../lib/outbox/keys.ts"
import { createQueues } from "../../lib/queue/queue.ts"
import { eventually } from "../steps/eventually.ts"
import { useRunningApi } from "../steps/running-api.ts"

/** A few seconds' load; it takes longer on a busy machine. */
const MESSAGES_MIN = 80
const DELETED_MIN = 3
const UPDATED_MIN = 10
const LOAD_LIMIT_MS = 60_000
const WORKERS = 8
const QUIET_LIMIT_MS = 120_000
const SETTLED_LIMIT_MS = LOAD_LIMIT_MS + QUIET_LIMIT_MS + COUNTS_MAX_MS + 30_000

const { stores, api, queues } = useRunningApi()
let evidence: Evidence
let load: Load
let direct: DirectStores

const failing = ({ checks }: Verdict): CheckName[] => checks.filter(({ count }) => count > 0).map(({ name }) => name)

async function compare(): Promise<CheckName[]> {
  const verdict = createVerdict()
  await compareAll(evidence, verdict)
  return failing(verdict)
}

const living = (): Resource[] =>
  evidence.ledger.resources.filter((one) => one.kind === "message" && one.id !== undefined && !isDeleted(one))

const isUpdated = ({ state, creation }: Resource): boolean => state.text !== creation

/** Returns a living message with living ones before and after it in its chat, and the keys of its row. */
function someMessage(isWanted: (message: Resource) => boolean = () => true) {
  const message = living().find((one) => {
    if (!isWanted(one)) return false
    const numbers = living().flatMap(({ parent, id }) => (parent === one.parent ? [Number(id)] : []))
    return Math.min(...numbers) < Number(one.id) && Number(one.id) < Math.max(...numbers)
  })
  const chat = message?.parent
  if (!message || !chat?.parent) throw new Error("the load created no such message in a chat of three")
  const application = String(chat.parent.id)
  const numbers = evidence.ledger.resources.flatMap(({ parent, id }) => (parent === chat ? [Number(id)] : []))
  const key = { application, chat: Number(chat.id), number: Number(message.id) }
  return { message, chat, key, next: Math.max(...numbers) + 1 }
}

type Key = { application: string; chat: number; number: number }

const rowOf = async ({ application, chat, number }: Key) => {
  const rows = stores().mysql.selectFrom("messages").selectAll()
  return rows
    .where("application", "=", application)
    .where("chat", "=", chat)
    .where("number", "=", number)
    .executeTakeFirstOrThrow()
}
const deleteRow = ({ application, chat, number }: Key) =>
  stores()
    .mysql.deleteFrom("messages")
    .where("application", "=", application)
    .where("chat", "=", chat)
    .where("number", "=", number)
    .execute()
const putRow = (row: Awaited<ReturnType<typeof rowOf>>) => stores().mysql.replaceInto("messages").values(row).execute()

const documentPlace = ({ application, chat, number }: Key) => ({
  index: stores().config.ELASTICSEARCH_INDEX,
  id: `${application}/${chat}/${number}`,
  routing: application,
  refresh: true,
})

async function documentOf(key: Key) {
  const { refresh: _refresh, ...place } = documentPlace(key)
  const { _source: source, _version: version = 0 } = await stores().elasticsearch.get<Record<string, unknown>>(place)
  return { source: source ?? {}, version }
}
const putDocument = (key: Key, document: Record<string, unknown>, version: number) =>
  stores().elasticsearch.index({ ...documentPlace(key), document, version, version_type: "external_gte" })
const deleteDocument = (key: Key, version: number) =>
  stores().elasticsearch.delete({ ...documentPlace(key), version, version_type: "external_gte" })

beforeAll(async () => {
  const config = { ...stores().config, ...queues() }
  direct = directStores({
    stores: { ...stores(), config, queues: createQueues(stores().sqs, config) },
    close: async () => {},
  })
  const client = connectClient(api().baseUrl)
  const [ended, gaveUp] = [new AbortController(), new AbortController()]
  const [ledger, faults] = [createLedger(), createFaultLog()]
  load = {
    client,
    ledger,
    faults,
    random: seededRandom(7),
    isProxied: false,
    slowdown: () => 1,
    isPaused: () => false,
    stop: ended.signal,
    giveUp: gaveUp.signal,
  }
  evidence = { ledger, faults, direct, client, followers: [] }
  const running = runLoad(load, await setUp(load), WORKERS)
  const deleted = () => ledger.resources.filter(({ kind, deleted: gone }) => kind === "message" && gone === "yes")
  await eventually(() => {
    expect(living().length).toBeGreaterThan(MESSAGES_MIN)
    expect(deleted().length).toBeGreaterThan(DELETED_MIN)
    expect(living().filter(isUpdated).length).toBeGreaterThan(UPDATED_MIN)
  }, LOAD_LIMIT_MS).finally(() => ended.abort())
  await running
  await awaitQuiet(direct, QUIET_LIMIT_MS)
}, SETTLED_LIMIT_MS)

afterAll(async () => {
  evidence?.client.close()
  await direct?.close()
})

test(
  "a load without faults: passes every check, and has written all that is judged",
  async () => {
    const { ledger, faults, client } = evidence
    const verdict = createVerdict()
    await judgeLeft(direct, await whatIsLeft(direct), verdict)
    const tokens = ledger.resources.flatMap(({ kind, id }) => (kind === "application" ? [String(id)] : []))
    await judgeCounts({ direct, client, tokens }, COUNTS_MAX_MS, verdict)
    await compareAll(evidence, verdict)
    judgeAnswers(ledger, faults, verdict)
    expect(verdict.checks.filter(({ count }) => count > 0)).toEqual([])
    const kinds = new Set(ledger.writes.map(({ kind, resource }) => `${kind} ${resource.kind}`))
    expect([...kinds]).toEqual(
      expect.arrayContaining([
        "create application",
        "create chat",
        "create message",
        "update message",
        "delete message",
      ]),
    )
  },
  SETTLED_LIMIT_MS,
)

describe("damage in MySQL", () => {
  test("a row deleted: is lost, and its document is too many", async () => {
    const { key } = someMessage()
    const row = await rowOf(key)
    await deleteRow(key)
    expect(await compare()).toEqual(["acknowledged and lost", "row and document differ"])
    await putRow(row)
    expect(await compare()).toEqual([])
  })

  test("a body changed, or the time of its creation: is lost", async () => {
    const { key } = someMessage()
    const row = await rowOf(key)
    for (const changes of [{ body: `${row.body}.` }, { created_at: new Date(row.created_at.getTime() + 1) }]) {
      await putRow({ ...row, ...changes })
      expect(await compare()).toEqual(["acknowledged and lost", "row and document differ"])
    }
    await putRow(row)
  })

  const written = [
    ["as it was created", (message: Resource) => !isUpdated(message)],
    ["updated since", isUpdated],
  ] as const

  test.each(written)("a row under another number, %s: is lost there and found here", async (_, isWanted) => {
    const { key, next } = someMessage(isWanted)
    const row = await rowOf(key)
    await deleteRow(key)
    await putRow({ ...row, number: next })
    const found = ["acknowledged and lost", "stored under another number", "row and document differ"]
    expect(await compare()).toEqual(found)
    await deleteRow({ ...key, number: next })
    await putRow(row)
  })

  test.each(written)("a row copied to another number, %s: is stored more than once", async (_, isWanted) => {
    const { key, next } = someMessage(isWanted)
    await putRow({ ...(await rowOf(key)), number: next })
    expect(await compare()).toEqual(["write stored more than once", "row and document differ"])
    await deleteRow({ ...key, number: next })
  })

  test("two rows with their bodies exchanged: each is under another number", async () => {
    const { key, chat } = someMessage()
    const other = living().find(({ parent, id }) => parent === chat && id !== key.number)
    const [one, two] = [await rowOf(key), await rowOf({ ...key, number: Number(other?.id) })]
    await putRow({ ...one, body: textOf(other?.creation.id ?? "", "message") })
    expect(await compare()).toEqual(
      expect.arrayContaining(["acknowledged and lost", "stored under another number", "row and document differ"]),
    )
    await Promise.all([putRow(one), putRow(two)])
  })

  test("a row that nobody wrote: should not be", async () => {
    const { key, next } = someMessage()
    await putRow({ ...(await rowOf(key)), number: next, body: "nobody wrote this" })
    expect(await compare()).toEqual(["row that should not be", "row and document differ"])
    await deleteRow({ ...key, number: next })
  })

  test("a deleted row that came back: should not be", async () => {
    const { key } = someMessage()
    const deleted = evidence.ledger.resources.find(
      ({ kind, deleted: gone, parent }) => kind === "message" && gone === "yes" && parent && !isDeleted(parent),
    )
    const { parent, id, state } = deleted as Resource
    const application = String(parent?.parent?.id)
    const place = { application, chat: Number(parent?.id), number: Number(id) }
    await putRow({ ...(await rowOf(key)), ...place, body: textOf(state.text.id, "message") })
    expect(await compare()).toEqual(expect.arrayContaining(["row that should not be"]))
    await deleteRow(place)
  })

  test("a count that is one too high: is wrong", async () => {
    const { key } = someMessage()
    const set = (by: number) =>
      stores()
        .mysql.updateTable("chats")
        .set((eb) => ({ messages_count: eb("messages_count", "+", by) }))
        .where("application", "=", key.application)
        .where("number", "=", key.chat)
        .execute()
    await set(1)
    const verdict = createVerdict()
    await judgeCounts({ direct, client: evidence.client, tokens: [key.application] }, 0, verdict)
    expect(failing(verdict)).toEqual(["wrong count"])
    await set(-1)
  })
})

describe("damage in Elasticsearch", () => {
  test("a document missing, stale, of another revision, or too many: differs", async () => {
    const { key, next } = someMessage()
    const { source, version } = await documentOf(key)
    const planted: [() => Promise<unknown>, () => Promise<unknown>][] = [
      [() => deleteDocument(key, version), () => putDocument(key, source, version)],
      [() => putDocument(key, { ...source, body: "older" }, version), () => putDocument(key, source, version)],
      [() => putDocument({ ...key, number: next }, source, 1), () => deleteDocument({ ...key, number: next }, 1)],
    ]
    for (const [plant, mend] of planted) {
      await plant()
      expect(await compare()).toEqual(["row and document differ"])
      await mend()
    }
    expect(await compare()).toEqual([])
    await putDocument(key, source, version + 1)
    expect(await compare()).toEqual(["row and document differ"])
    await stores().elasticsearch.delete(documentPlace(key))
  })
})

describe("damage in the ledger, as wrong answers would leave it", () => {
  // The test before removed a document for good, so its check is left out.
  const compareLedger = async () => (await compare()).filter((name) => name !== "row and document differ")

  test("one number told to two: is given twice", async () => {
    const { message, chat } = someMessage()
    const other = living().find(({ parent, id }) => parent === chat && id !== message.id) as Resource
    const { id } = other
    if (message.id !== undefined) other.id = message.id
    expect(await compareLedger()).toEqual(expect.arrayContaining(["number given twice"]))
    if (id !== undefined) other.id = id
  })

  test("one key answered with two numbers: is found", async () => {
    const { message, next } = someMessage()
    const replay = evidence.ledger.begin("replay", message)
    const answer = { status: 201, body: { number: next }, sentAt: Date.now(), tookMs: 1, reason: "" } as Answer
    evidence.ledger.attempt(replay, answer)
    evidence.ledger.acknowledge(replay, answer)
    expect(await compareLedger()).toEqual(["one key, two numbers"])
    evidence.ledger.writes.pop()
  })

  test("a number that nobody was told and no row has: is a gap", async () => {
    const { message, key } = someMessage()
    const row = await rowOf(key)
    const { resources } = evidence.ledger
    const at = resources.indexOf(message)
    resources.splice(at, 1)
    await deleteRow(key)
    expect(await compareLedger()).toEqual(["gap"])
    await putRow(row)
    resources.splice(at, 0, message)
    expect(await compareLedger()).toEqual([])
  })
})

describe("what is left over", () => {
  const left = async () => {
    const verdict = createVerdict()
    await judgeLeft(direct, await whatIsLeft(direct), verdict)
    return failing(verdict)
  }

  test("a dead letter, an event in the outbox, an entry of pending_index: each is found", async () => {
    expect(await left()).toEqual([])
    const { sqs, mysql } = stores()
    const letters = queues().INDEX_DEAD_LETTER_QUEUE_URL ?? ""
    await sqs.sendBatch(letters, [{ group: "g", body: "[]" }])
    expect(await left()).toEqual(["dead letter"])
    const received = await sqs.receive(letters)
    await sqs.remove(
      letters,
      received.map(({ ReceiptHandle }) => ReceiptHandle ?? ""),
    )

    const redis = new Redis(stores().config.REDIS_URL)
    await redis.hset(outboxKey("_"), "planted", "{}")
    expect(await left()).toEqual(["outbox not empty"])
    await redis.hdel(outboxKey("_"), "planted")
    redis.disconnect()

    const entry = { application: "planted", chat: 1, message: 1, revision: 1, due_at: null }
    await mysql.insertInto("pending_index").values(entry).execute()
    expect(await left()).toEqual(["queue or index backlog not empty"])
    await mysql.deleteFrom("pending_index").where("application", "=", "planted").execute()
    expect(await left()).toEqual([])
  })
})

describe("wrong reads", () => {
  const wrongReads = async (read: () => Promise<unknown>) => {
    const before = evidence.ledger.wrongReads.length
    await read()
    return evidence.ledger.wrongReads.splice(before).length
  }

  test("a message that is gone, older, or back: is a wrong read by number and in a list", async () => {
    const { message, key, chat } = someMessage()
    const row = await rowOf(key)
    const byNumber = () => wrongReads(() => readOne(load, message))
    const inList = () => wrongReads(() => readNewest(load, chat, "messages", [message]))
    const newest = living().filter(({ parent }) => parent === chat).length
    expect([await byNumber(), await inList()]).toEqual([0, 0])
    await deleteRow(key)
    expect(await byNumber()).toBe(1)
    if (newest < 20) expect(await inList()).toBe(1)
    await putRow({ ...row, body: "an older body" })
    expect(await byNumber()).toBe(1)
    await putRow(row)
    message.deleted = "yes"
    expect(await byNumber()).toBe(1)
    message.deleted = "no"
  })

  test("a hit that was never written under its number: is a wrong read", async () => {
    const { message, chat } = someMessage()
    const other = living().find(({ parent, id }) => parent === chat && id !== message.id) as Resource
    expect(await wrongReads(() => search(load, chat, other, [other]))).toBe(0)
    const swapped = { ...message, id: other.id ?? 0 }
    expect(await wrongReads(() => search(load, chat, other, [swapped]))).toBe(1)
  })
})

test("a status out of the contract and an answer after 11 s: are found, unless the way to the API was held up", () => {
  const ledger = createLedger()
  const answered = (status: number, tookMs: number) =>
    noteAnswer({ ...load, ledger }, "GET /", "id", { status, tookMs, sentAt: Date.now(), reason: "" } as Answer)
  const judged = () => {
    const verdict = createVerdict()
    judgeAnswers(ledger, faults, verdict)
    return failing(verdict)
  }
  const faults = createFaultLog()
  answered(503, 9_000)
  expect(judged()).toEqual([])
  answered(200, 11_000)
  expect(judged()).toEqual(["request over 10 s"])
  const record = faults.begin({ name: "cut client", harms: "client", run: async () => {} })
  expect(judged()).toEqual([])
  record.error = "it could not be cut"
  answered(500, 1)
  expect(judged()).toEqual(["wrong answer", "fault not done"])
})
