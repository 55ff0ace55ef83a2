// MySQL is away: cut off, hanging, and back with a backlog. docs/architecture.md makes each of these promises.
import { expect, test } from "@jest/globals"
import { relay } from "../../lib/relay/relay.ts"
import type { SearchStores } from "../../lib/stores.ts"
import { expectUnavailable } from "../steps/away-cases.ts"
import { chatApi, directTransport, expectStatus } from "../steps/chat-api.ts"
import { deliver, drainQueues, refreshIndex, takeRecords, whileConsuming } from "../steps/drain.ts"
import { eventually } from "../steps/eventually.ts"
import { type Forwarder, startForwarder } from "../steps/forwarder.ts"
import { useTestStores, withEnvironment } from "../steps/stores.ts"
import { timed } from "../steps/timed.ts"
import { givenWorld } from "../steps/world.ts"

/** The limit of a request that docs/architecture.md promises. */
const REQUEST_MAX_MS = 9_000
/** With the breaker open, a read is refused without a call; ten times what that takes. */
const AT_ONCE_MS = 500
/** Less than the relay waits for events that may still be in the queue. */
const BACK_LIMIT_MS = 20_000
const READS = 200
/** The number of failures that opens the breaker. */
const SOME = 3
/** A statement's limit (4 s) and up to 3 s of the breaker; dead connections one after the other would take 11 s. */
const GIVEN_UP_WITHIN_MS = 9_000
const MESSAGES = 300
const RELAY_BUDGET_MS = 2_000

const stores = useTestStores()
const api = chatApi(directTransport())

/** Runs `act` with MySQL behind a forwarder that it may cut or silence. */
async function withLine(act: (line: Forwarder, own: SearchStores) => Promise<void>, change = {}): Promise<void> {
  const line = await startForwarder(stores().config.MYSQL_URL)
  try {
    await withEnvironment({ MYSQL_URL: line.url, ...change }, (own) => act(line, own))
  } finally {
    line.hang(false)
    await line.shut()
  }
}

test("a MySQL that hangs amid reads: all are 503 within their limit, then at once, and it serves by itself once it is back", async () => {
  const { token, chat } = await givenWorld(api, stores(), "stored")
  await withLine(async (line) => {
    expectStatus(await api.getMessage(token, chat, 1), 200)
    line.hang(true)
    const read = () => timed(api.getMessage(token, chat, 1))
    for (const { answer, tookMs } of await Promise.all(Array.from({ length: READS }, read))) {
      expectUnavailable(answer)
      expect(tookMs).toBeLessThan(REQUEST_MAX_MS)
    }
    await eventually(async () => {
      const { answer, tookMs } = await read()
      expectUnavailable(answer)
      expect(tookMs).toBeLessThan(AT_ONCE_MS)
    }, REQUEST_MAX_MS)
    expectUnavailable(await api.updateMessage(token, chat, 1, { body: "changed" }))
    expectStatus(await api.searchMessages(token, chat, { query: "body" }), 200)
    line.hang(false)
    await eventually(async () => expectStatus(await api.getMessage(token, chat, 1), 200), BACK_LIMIT_MS)
  })
})

test("a line to MySQL that goes silent and stays so: the connections are given up, and others serve", async () => {
  const { token, chat } = await givenWorld(api, stores(), "stored")
  await withLine(async (line) => {
    const reads = () => Promise.all(Array.from({ length: READS }, () => api.getMessage(token, chat, 1)))
    for (const answer of await reads()) expectStatus(answer, 200)
    line.silence()
    // These calls find connections of the pool dead; the others must not be tried one after the other.
    await Promise.all(Array.from({ length: SOME }, () => api.getMessage(token, chat, 1)))
    await eventually(async () => expectStatus(await api.getMessage(token, chat, 1), 200), GIVEN_UP_WITHIN_MS)
    for (const answer of await reads()) expectStatus(answer, 200)
  })
})

test("a MySQL that is away: creations are accepted until the outbox is full, then 503; and all is stored once it is back", async () => {
  const { token, chat } = await givenWorld(api, stores(), "stored")
  await drainQueues(stores())
  await withLine(
    async (line, own) => {
      await line.shut()
      const answers = await Promise.all(Array.from({ length: MESSAGES + 20 }, () => api.createMessage(token, chat)))
      const accepted = answers.filter(({ status }) => status === 201)
      expect(accepted).toHaveLength(MESSAGES)
      for (const answer of answers) if (answer.status !== 201) expectUnavailable(answer)
      const last = Math.max(...accepted.map(({ body }) => body.number))
      expect(last).toBe(1 + MESSAGES)
      expectStatus(await api.getMessage(token, chat, last), 200)
      expectUnavailable(await api.getMessage(token, chat, 1))
      // The queue's events are delivered while MySQL is away and left to the outbox, so they are due once it is back.
      expect(await deliver("persist", await takeRecords(own, "persist"))).toEqual([])
      expect((await relay(own, RELAY_BUDGET_MS)).events).toBe(0)
      await line.open()
      await whileConsuming(own, async () => {
        await eventually(async () => {
          await relay(own, RELAY_BUDGET_MS)
          const rows = own.mysql.selectFrom("messages").select("number").where("application", "=", token)
          expect(await rows.orderBy("number").execute()).toEqual(
            Array.from({ length: 1 + MESSAGES }, (_, index) => ({ number: index + 1 })),
          )
        }, BACK_LIMIT_MS)
      })
      expect(expectStatus(await api.createMessage(token, chat), 201).number).toBe(last + 1)
      await drainQueues(own)
      await refreshIndex(own)
    },
    { OUTBOX_EVENTS_MAX: String(MESSAGES) },
  )
})
