// The queue is away when the API starts, and again later: nothing is refused, and all is stored once the queue is back.
import { afterAll, expect, test } from "@jest/globals"
import type { ChatApi } from "../steps/chat-api.ts"
import { expectStatus } from "../steps/chat-api.ts"
import { eventually } from "../steps/eventually.ts"
import { type Forwarder, queueUrlAt, startForwarder } from "../steps/forwarder.ts"
import { useApiProject } from "../steps/running-api.ts"

const MESSAGES = 20
/** The pollers recover within seconds. */
const BACK_LIMIT_MS = 30_000
/** An event is due for the relay after 30 s, and the relay runs each minute. */
const RELAYED_LIMIT_MS = 150_000
/** A creation waits half a second for a queue that is away, and not at all while the breaker is open. */
const CREATION_LIMIT_MS = 3_000

const { stores, project } = useApiProject()
let line: Forwarder
afterAll(() => line.shut())

/** Creates a chat with messages, all accepted and visible while the queue is away. Returns its application. */
async function writeWhileAway(chats: ChatApi): Promise<string> {
  const token = await chats.givenApplication()
  const chat = await chats.givenChat(token)
  const started = performance.now()
  for (let message = 1; message <= MESSAGES; message++)
    expect(await chats.givenMessage(token, chat, `message ${message}`)).toBe(message)
  expect((performance.now() - started) / MESSAGES).toBeLessThan(CREATION_LIMIT_MS)
  expectStatus(await chats.updateMessage(token, chat, 1, { body: "changed" }), 200)
  expect((await chats.deleteMessage(token, chat, 2)).status).toBe(204)
  const { data } = expectStatus(await chats.listMessages(token, chat), 200)
  expect(data).toHaveLength(MESSAGES - 1)
  expect(data[0].body).toBe("changed")
  return token
}

async function storedBodies(token: string): Promise<string[]> {
  const query = stores().mysql.selectFrom("messages").select("body").where("application", "=", token)
  return (await query.orderBy("number").execute()).map(({ body }) => body)
}

async function indexedCount(token: string): Promise<number> {
  const { elasticsearch, config } = stores()
  const index = config.ELASTICSEARCH_INDEX
  await elasticsearch.indices.refresh({ index })
  return (await elasticsearch.count({ index, routing: token, query: { term: { application: token } } })).count
}

test("the queue: away at the start and again later: creations are accepted, and stored once it is back", async () => {
  line = await startForwarder(stores().config.SQS_ENDPOINT as string)
  await line.shut()
  const moved = Object.entries(project().queues).map(([name, url]) => [name, queueUrlAt(url, line.url)])
  const { chats, stop } = await project().start({ SQS_ENDPOINT: line.url, ...Object.fromEntries(moved) })
  expect((await chats.call({ path: "/health" })).status).toBe(200)
  const ready = await chats.call({ path: "/health/ready" })
  expect([ready.status, ready.body.dependencies.sqs.state]).toEqual([503, "down"])
  const early = await writeWhileAway(chats)
  expect(await storedBodies(early)).toEqual([])

  await line.open()
  await eventually(async () => {
    // New writes need not wait for the relay.
    const token = await chats.givenApplication()
    await chats.givenChat(token)
    await chats.givenMessage(token, 1, "while it is there")
    await eventually(async () => expect(await storedBodies(token)).toEqual(["while it is there"]), 2_000)
  }, BACK_LIMIT_MS)

  await line.shut()
  const late = await writeWhileAway(chats)
  await line.open()
  const bodies = ["changed", ...Array.from({ length: MESSAGES - 2 }, (_, index) => `message ${index + 3}`)]
  await eventually(async () => {
    for (const token of [early, late]) {
      expect(await storedBodies(token)).toEqual(bodies)
      expect(await indexedCount(token)).toBe(MESSAGES - 1)
    }
  }, RELAYED_LIMIT_MS)
  expect((await chats.call({ path: "/health/ready" })).status).toBe(200)
  expect((await stop()).code).toBe(0)
})
