import assert from "node:assert/strict"
import { randomUUID } from "node:crypto"
import { setTimeout as sleep } from "node:timers/promises"
import createClient from "openapi-fetch"
import type { paths } from "./api/schema.js"

const SEARCH_LIMIT_MS = 30_000 // search may lag by some seconds, on a busy machine by more
const APPLICATION = "/applications/{token}"
const CHATS = "/applications/{token}/chats"
const MESSAGES = "/applications/{token}/chats/{chat_number}/messages"
const { BASE_URL, ADMIN_API_KEY } = process.env
const api = createClient<paths>({ baseUrl: BASE_URL, headers: { "x-api-key": ADMIN_API_KEY } })

// Returns the answer of a call, or throws with its problem.
async function answer<T>(call: Promise<{ data?: T; error?: unknown }>) {
  const { data, error } = await call
  assert.ok(data, JSON.stringify(error))
  return data
}

const { token } = await answer(api.POST("/applications", { body: { name: "Walk" } }))
const application = { path: { token } }
const unnamed = await answer(api.POST(CHATS, { params: application }))
assert.deepEqual([unnamed.number, unnamed.name], [1, null])
const { number: chat_number } = await answer(api.POST(CHATS, { params: application, body: { name: "Order" } }))
const chat = { path: { token, chat_number } }

const once = { params: { ...chat, header: { "Idempotency-Key": randomUUID() } }, body: { body: "Grüße & one" } }
const sent = [await answer(api.POST(MESSAGES, once)), await answer(api.POST(MESSAGES, once))]
assert.deepEqual(
  sent.map(({ number }) => number),
  [1, 1],
)
const second = await answer(api.POST(MESSAGES, { params: chat, body: { body: "two" } }))
assert.equal(second.number, 2)

const first = await answer(api.GET(MESSAGES, { params: { ...chat, query: { limit: 1 } } }))
assert.ok(first.next_cursor)
const query = { limit: 1, cursor: first.next_cursor }
const last = await answer(api.GET(MESSAGES, { params: { ...chat, query } }))
assert.deepEqual(
  [first, last].flatMap(({ data }) => data.map(({ body }) => body)),
  ["Grüße & one", "two"],
)
assert.equal(last.next_cursor, null)

const search = { params: { ...chat, query: { query: "grusse &" } } }
for (const end = Date.now() + SEARCH_LIMIT_MS; ; await sleep(250)) {
  const { total, data } = await answer(api.GET(`${MESSAGES}/search`, search))
  if (total === 0 && Date.now() < end) continue
  assert.deepEqual([total, data[0]?.number, data[0]?.highlight], [1, 1, "<em>Grüße &amp;</em> one"])
  break
}

const missing = { params: { path: { ...chat.path, number: 99 } } }
const { error, response } = await api.GET(`${MESSAGES}/{number}`, missing)
assert.deepEqual([response.status, error?.code], [404, "not_found"])

const deleted = [
  await api.DELETE(`${MESSAGES}/{number}`, { params: { path: { ...chat.path, number: 1 } } }),
  await api.DELETE(`${CHATS}/{number}`, { params: { path: { token, number: chat_number } } }),
  await api.DELETE(APPLICATION, { params: application }),
]
assert.deepEqual(
  deleted.map((done) => done.response.status),
  [204, 204, 204],
)
