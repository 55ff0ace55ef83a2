import assert from "node:assert/strict"
import { randomUUID } from "node:crypto"
import { setTimeout as sleep } from "node:timers/promises"
import { client } from "./api/client.gen.js"
import * as api from "./api/sdk.gen.js"

const SEARCH_LIMIT_MS = 30_000 // search may lag by some seconds, on a busy machine by more
const throwOnError = true as const
client.setConfig({ baseUrl: process.env.BASE_URL, auth: process.env.ADMIN_API_KEY })

const { token } = (await api.createApplication({ body: { name: "Walk" }, throwOnError })).data
const application = { token }
const unnamed = (await api.createChat({ path: application, throwOnError })).data
assert.deepEqual([unnamed.number, unnamed.name], [1, null])
const { number: chat_number } = (await api.createChat({ path: application, body: { name: "Order" }, throwOnError }))
  .data
const chat = { token, chat_number }

const once = { path: chat, body: { body: "Grüße & one" }, headers: { "Idempotency-Key": randomUUID() }, throwOnError }
const sent = [(await api.createMessage(once)).data.number, (await api.createMessage(once)).data.number]
assert.deepEqual(sent, [1, 1])
const second = (await api.createMessage({ path: chat, body: { body: "two" }, throwOnError })).data
assert.equal(second.number, 2)

const first = (await api.listMessages({ path: chat, query: { limit: 1 }, throwOnError })).data
assert.ok(first.next_cursor)
const query = { limit: 1, cursor: first.next_cursor }
const last = (await api.listMessages({ path: chat, query, throwOnError })).data
assert.deepEqual(
  [first, last].flatMap(({ data }) => data.map(({ body }) => body)),
  ["Grüße & one", "two"],
)
assert.equal(last.next_cursor, null)

for (const end = Date.now() + SEARCH_LIMIT_MS; ; await sleep(250)) {
  const { total, data } = (await api.searchMessages({ path: chat, query: { query: "grusse &" }, throwOnError })).data
  if (total === 0 && Date.now() < end) continue
  assert.deepEqual([total, data[0]?.number, data[0]?.highlight], [1, 1, "<em>Grüße &amp;</em> one"])
  break
}

const { error, response } = await api.getMessage({ path: { ...chat, number: 99 } })
assert.deepEqual([response?.status, error?.code], [404, "not_found"])

const deleted = [
  await api.deleteMessage({ path: { ...chat, number: 1 }, throwOnError }),
  await api.deleteChat({ path: { token, number: chat_number }, throwOnError }),
  await api.deleteApplication({ path: application, throwOnError }),
]
assert.deepEqual(
  deleted.map((answer) => answer.response.status),
  [204, 204, 204],
)
