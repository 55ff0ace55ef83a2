// All stores are away when the API starts: it answers, says what is missing, and is ready once the last one is there.
import { afterEach, expect, test } from "@jest/globals"
import { seededRandom, shuffled } from "../../campaign/load/random.ts"
import type { Dependency } from "../../lib/errors.ts"
import { type ChatApi, expectStatus } from "../steps/chat-api.ts"
import { eventually } from "../steps/eventually.ts"
import { type Forwarder, queueUrlAt, startForwarder } from "../steps/forwarder.ts"
import { useApiProject } from "../steps/running-api.ts"

const DEPENDENCIES: Dependency[] = ["mysql", "redis", "sqs", "elasticsearch"]
/** Connections are retried each second; the rest is for a busy machine. */
const NOTICED_LIMIT_MS = 15_000
/** Readiness must report the missing dependencies this many times in a row: a single right answer could be luck. */
const STEADY_ANSWERS = 3
/** Time for both queues and a refresh of the index, without the relay, which starts after 30 s. */
const FOUND_LIMIT_MS = 20_000

/** One of the 24 orders, chosen in each run; its reverse and all at once are tested too. */
const order = shuffled(seededRandom(Date.now()), DEPENDENCIES)
const ORDERS: Dependency[][][] = [order.map((name) => [name]), order.toReversed().map((name) => [name]), [DEPENDENCIES]]
const CASES = ORDERS.map((steps) => ({ steps, text: steps.map((names) => names.join(" with ")).join(", then ") }))

const { stores, project } = useApiProject()
const lines = new Map<Dependency, Forwarder>()
afterEach(async () => {
  for (const line of lines.values()) await line.shut()
})

/** Starts a forwarder to each store, all shut. Returns the variables of an API behind them. */
async function givenShutLines(): Promise<Record<string, string>> {
  const { MYSQL_URL, REDIS_URL, ELASTICSEARCH_URL, SQS_ENDPOINT } = stores().config
  const behind = async (name: Dependency, url: string): Promise<string> => {
    const line = await startForwarder(url)
    await line.shut()
    lines.set(name, line)
    return line.url
  }
  const sqs = await behind("sqs", SQS_ENDPOINT as string)
  const queues = Object.entries(project().queues).map(([name, url]) => [name, queueUrlAt(url, sqs)])
  return {
    MYSQL_URL: await behind("mysql", MYSQL_URL),
    REDIS_URL: await behind("redis", REDIS_URL),
    ELASTICSEARCH_URL: await behind("elasticsearch", ELASTICSEARCH_URL),
    SQS_ENDPOINT: sqs,
    ...Object.fromEntries(queues),
  }
}

/** Checks that readiness names exactly `missing`, and that the process still answers. */
async function expectMissing(chats: ChatApi, missing: Set<Dependency>): Promise<void> {
  const answer = await chats.call({ path: "/health/ready" })
  const { status, dependencies } = expectStatus(answer, missing.size > 0 ? 503 : 200)
  const states = DEPENDENCIES.map((name) => [name, dependencies[name].state])
  expect(states).toEqual(DEPENDENCIES.map((name) => [name, missing.has(name) ? "down" : "up"]))
  expect(status).toBe(missing.size > 0 ? "not_ready" : "ready")
  expectStatus(await chats.call({ path: "/health" }), 200)
}

/** Checks that a new message is listed at once and found by a search soon after. */
async function expectServes(chats: ChatApi): Promise<void> {
  const token = await chats.givenApplication()
  const chat = await chats.givenChat(token)
  const number = await chats.givenMessage(token, chat, "after the start")
  const found = [expect.objectContaining({ number, body: "after the start" })]
  expect(expectStatus(await chats.listMessages(token, chat), 200).data).toEqual(found)
  await eventually(async () => {
    const answer = await chats.searchMessages(token, chat, { query: "after the start" })
    expect(expectStatus(answer, 200).data).toEqual(found)
  }, FOUND_LIMIT_MS)
}

test.each(CASES)(
  "an API started before all its stores, which come in the order $text: says what is missing, then serves without a restart",
  async ({ steps }) => {
    const { chats, stop } = await project().start(await givenShutLines())
    const missing = new Set(DEPENDENCIES)
    for (const names of [[], ...steps]) {
      for (const name of names) {
        await lines.get(name)?.open()
        missing.delete(name)
      }
      await eventually(() => expectMissing(chats, missing), NOTICED_LIMIT_MS)
      for (let count = 0; count < STEADY_ANSWERS; count++) await expectMissing(chats, missing)
    }
    await expectServes(chats)
    expect((await stop()).code).toBe(0)
  },
)
