import { describe, expect, test } from "@jest/globals"
import type { SQSRecord } from "aws-lambda"
import type { WriteEvent } from "../../lib/events.ts"
import { chatApi, directTransport, expectStatus } from "../steps/chat-api.ts"
import { deliver, eventsIn, sqsRecord, takeRecords } from "../steps/drain.ts"
import { startForwarder } from "../steps/forwarder.ts"
import { away, useTestStores, withEnvironment } from "../steps/stores.ts"
import { givenWorld } from "../steps/world.ts"

const CLAIM_MAX = 10_000
/** The function takes this many events at a time. */
const GROUP_EVENTS_MAX = 1_000
/** So slow a MySQL leaves no time for a second transaction. */
const SLOW_MS = 250

const stores = useTestStores()
const api = chatApi(directTransport())

const eventsOf = (records: SQSRecord[]) =>
  records.flatMap((record) => eventsIn(record)).toSorted((one, other) => one.message - other.message)

/** Returns three messages, each enough for a transaction: an accepted event, events that no outbox holds, another. */
async function givenMoreThanItHasTimeFor() {
  const { token, chat } = await givenWorld(api, stores(), "stored")
  for (const body of ["first", "last"]) expectStatus(await api.createMessage(token, chat, { body }), 201)
  const [first, last] = eventsOf(await takeRecords(stores(), "persist")) as [WriteEvent, WriteEvent]
  const copies = Array.from({ length: GROUP_EVENTS_MAX }, (_, index) => ({
    ...last,
    message: last.message + 1 + index,
  }))
  return { token, chat, first, last, copies, records: [sqsRecord([first]), sqsRecord(copies), sqsRecord([last])] }
}

/** Delivers the records to a slow MySQL. Returns the ids of the messages that must come again. */
async function deliverSlowly(records: SQSRecord[], changes: Record<string, string> = {}): Promise<string[]> {
  const line = await startForwarder(stores().config.MYSQL_URL)
  line.delay(SLOW_MS)
  try {
    return await withEnvironment({ MYSQL_URL: line.url, ...changes }, () => deliver("persist", records))
  } finally {
    await line.shut()
  }
}

async function storedNumbers(application: string): Promise<number[]> {
  const { mysql } = stores()
  const rows = await mysql.selectFrom("messages").select("number").where("application", "=", application).execute()
  return rows.map(({ number }) => number).toSorted((one, other) => one - other)
}

const counter = (application: string, chat: number) =>
  stores()
    .mysql.selectFrom("counters")
    .select(["highest", "live"])
    .where("application", "=", application)
    .where("chat", "=", chat)
    .executeTakeFirst()

describe("the persist function, given more events than it has time for", () => {
  test("sends the rest to the queue again", async () => {
    const { token, chat, first, last, copies, records } = await givenMoreThanItHasTimeFor()
    expect(await deliverSlowly(records)).toEqual([])
    expect(await storedNumbers(token)).toEqual([1, first.message])
    const again = await takeRecords(stores(), "persist")
    expect(eventsOf(again)).toEqual([last, ...copies])
    await deliver("persist", again)
    expect(await storedNumbers(token)).toHaveLength(3 + copies.length)
    expect(await counter(token, chat)).toEqual({ highest: 3 + copies.length, live: 3 + copies.length })
  })

  test("while the queue is away, leaves the rest to the relay, and takes again what no outbox holds", async () => {
    const { token, first, last, records } = await givenMoreThanItHasTimeFor()
    expect(await deliverSlowly(records, away("sqs"))).toEqual([records[1]?.messageId])
    expect(await storedNumbers(token)).toEqual([1, first.message])
    expect(await takeRecords(stores(), "persist")).toEqual([])
    const due = await stores().outbox.claim(token.charAt(0), CLAIM_MAX)
    // The outbox does not hold the origin.
    const { origin: _origin, ...held } = last
    expect(due.filter(({ application }) => application === token)).toEqual([held])
  })
})
