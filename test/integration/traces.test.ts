// A request's id and trace go with what it writes: into the queues' messages and the consumers' log lines.
import { randomUUID } from "node:crypto"
import { afterEach, describe, expect, jest, test } from "@jest/globals"
import { log } from "../../lib/log.ts"
import { chatApi, chatPath, directTransport, expectStatus } from "../steps/chat-api.ts"
import { deliver, drainQueues, eventsIn, sqsRecord, takeDeadLetters, takeRecords } from "../steps/drain.ts"
import { useTestStores } from "../steps/stores.ts"

const TRACE = "0af7651916cd43dd8448eb211c80319c"
const traceparent = `00-${TRACE}-b7ad6b7169203331-01`

const stores = useTestStores()
const api = chatApi(directTransport())

type Line = Record<string, unknown>

/** Returns the log lines with this message that `act` causes. */
async function linesOf(message: string, act: () => Promise<unknown>): Promise<Line[]> {
  const levels = (["info", "error"] as const).map((level) => jest.spyOn(log, level).mockImplementation(() => undefined))
  await act()
  return levels.flatMap(({ mock }) =>
    mock.calls.flatMap(([text, details]) => (text === message ? [details as Line] : [])),
  )
}
afterEach(() => {
  jest.restoreAllMocks()
})

async function givenMessage(headers: Record<string, string>): Promise<{ token: string; requestId: string }> {
  await drainQueues(stores())
  const token = await api.givenApplication()
  const chat = await api.givenChat(token)
  await drainQueues(stores())
  const answer = await api.createMessage(token, chat, { body: "traced" }, { headers })
  expectStatus(answer, 201)
  return { token, requestId: String(answer.headers["x-request-id"]) }
}

const eventsOf = (records: { body: string }[]): Line[] => records.flatMap((record) => eventsIn<Line>(record))

describe("a message with a request id and a traceparent", () => {
  test("has both in the request's line, in both queues' messages and in both consumers' lines", async () => {
    const requestId = `r-${randomUUID()}`
    const requests = await linesOf("request", () => givenMessage({ "x-request-id": requestId, traceparent }))
    expect(requests.at(-1)).toMatchObject({ request_id: requestId, trace_id: TRACE, status: 201 })
    jest.restoreAllMocks()
    const origin = { request_id: requestId, traceparent }
    const records = await takeRecords(stores(), "persist")
    expect(eventsOf(records)).toMatchObject([{ message: 1, body: "traced", origin }])
    const [persisted] = await linesOf("batch", () => deliver("persist", records))
    expect(persisted).toMatchObject({ request_ids: [requestId], trace_ids: [TRACE], failed: 0 })
    jest.restoreAllMocks()
    const keys = await takeRecords(stores(), "index")
    expect(eventsOf(keys)).toMatchObject([{ message: 1, origin }])
    const [indexed] = await linesOf("batch", () => deliver("index", keys))
    expect(indexed).toMatchObject({ request_ids: [requestId], trace_ids: [TRACE], failed: 0 })
  })

  test("has neither in the outbox, whose bytes are bounded", async () => {
    const { token } = await givenMessage({ traceparent })
    const key = { application: token, chat: 1, message: 1 }
    const { entries } = await stores().outbox.read(token, 1, [key])
    expect(entries[0]).toMatchObject({ body: "traced" })
    expect(entries[0]).not.toHaveProperty("origin")
  })
})

test("a message without any: has the request's own id, and no trace", async () => {
  const { requestId } = await givenMessage({})
  const records = await takeRecords(stores(), "persist")
  expect(eventsOf(records)).toMatchObject([{ origin: { request_id: requestId } }])
  expect(JSON.stringify(eventsOf(records))).not.toContain("traceparent")
  const [line] = await linesOf("batch", () => deliver("persist", records))
  expect(line).toMatchObject({ request_ids: [requestId] })
  expect(line).not.toHaveProperty("trace_ids")
})

test("a change and a delete: have theirs", async () => {
  const { token } = await givenMessage({})
  await drainQueues(stores())
  const path = `${chatPath(token, 1)}/messages/1`
  const headers = { "content-type": "application/json" }
  expectStatus(
    await api.call({
      method: "PATCH",
      path,
      json: { body: "new" },
      headers: { ...headers, "x-request-id": "r-patch" },
    }),
    200,
  )
  expectStatus(await api.call({ method: "DELETE", path, headers: { "x-request-id": "r-delete" } }), 204)
  const records = await takeRecords(stores(), "persist")
  expect(
    eventsOf(records)
      .map(({ origin }) => (origin as Line).request_id)
      .sort(),
  ).toEqual(["r-delete", "r-patch"])
  await deliver("persist", records)
})

test.each([
  ["none, as an older function sends it", undefined],
  ["a text", "r-1"],
  ["one of another form", { request_id: 7 }],
  ["one with a wrong traceparent", { request_id: "r-1", traceparent: "of no form" }],
  ["one with more than is known", { request_id: "r-1", more: { nested: true } }],
])("an event whose origin is %s: is stored", async (_, origin) => {
  const { token } = await givenMessage({})
  const records = await takeRecords(stores(), "persist")
  const [event] = eventsOf(records)
  const changed = { ...event, ...(origin === undefined ? { origin: undefined } : { origin }) }
  const [line] = await linesOf("batch", () => deliver("persist", [sqsRecord([changed])]))
  expect(line).toMatchObject({ failed: 0 })
  const stored = await stores().mysql.selectFrom("messages").select("body").where("application", "=", token).execute()
  expect(stored).toEqual([{ body: "traced" }])
})

test("a dead letter: tells the request that wrote it", async () => {
  const { token } = await givenMessage({ "x-request-id": "r-dead" })
  const records = await takeRecords(stores(), "persist")
  const [event] = eventsOf(records)
  const tooLong = { ...event, application: token, sender: "x".repeat(2_000) }
  const [line] = await linesOf("event is dead", () => deliver("persist", [sqsRecord([tooLong], { receives: 5 })]))
  expect(line).toMatchObject({ request_ids: ["r-dead"] })
  expect(await takeDeadLetters(stores(), "persist")).toMatchObject([{ body: [{ origin: { request_id: "r-dead" } }] }])
})
