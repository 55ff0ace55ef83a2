// What messages carry, and ways to write and read many of them, over HTTP through serverless-offline.
import { describe, expect, test } from "@jest/globals"
import { LIMITS } from "../../lib/limits.ts"
import { chatApi, chatPath, expectStatus, httpTransport, messagePath, nextOf } from "../steps/chat-api.ts"
import { useRunningApi } from "../steps/running-api.ts"

const TIME = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
const MESSAGE = { sender: null, metadata: {}, sent_at: null, created_at: TIME, updated_at: TIME }

const { api } = useRunningApi()
const chats = chatApi((call) => httpTransport(api().baseUrl)(call))

describe("messages", () => {
  test("with sender, metadata and sent_at: created, changed under conditions and listed: keep what they should", async () => {
    const token = await chats.givenApplication()
    const path = messagePath(token, await chats.givenChat(token), 1)
    const text =
      '{"body":"imported","sender":"a ","metadata":{"b":1,"10":2,"__proto__":1e400},"sent_at":"2026-11-01T08:00:00+01:00"}'
    const created = await chats.call({ method: "POST", path: path.replace(/\/1$/, ""), text })
    expect(created.status).toBe(201)
    expect(created.text).toContain('"metadata":{"b":1,"10":2,"__proto__":1e400},"sent_at":"2026-11-01T07:00:00.000Z"')
    const { etag } = created.headers
    for (const method of ["GET", "HEAD"]) {
      const known = await chats.call({ method, path, headers: { "if-none-match": String(etag) } })
      expect([known.status, known.text, known.headers.etag]).toEqual([304, undefined, etag])
    }
    const change = (method: string, json: object, tag: unknown) =>
      chats.call({ method, path, json, headers: { "if-match": String(tag) } })
    const patched = await change("PATCH", { metadata: { c: 3 } }, etag)
    expect(expectStatus(patched, 200)).toMatchObject({ body: "imported", sender: "a ", metadata: { c: 3 } })
    for (const method of ["PUT", "PATCH", "DELETE"]) {
      const refused = await change(method, { body: "lost" }, etag)
      expect([refused.status, refused.body.code]).toEqual([412, "precondition_failed"])
    }
    const put = expectStatus(await change("PUT", { body: "whole" }, patched.headers.etag), 200)
    expect(put).toMatchObject({ body: "whole", sender: "a ", sent_at: "2026-11-01T07:00:00.000Z" })
    expect(put.metadata).toEqual({})
    expect((await chats.call({ path })).body).toEqual(put)
  })

  test("created in a batch: are listed above and below a number", async () => {
    const token = await chats.givenApplication()
    const chat = await chats.givenChat(token)
    await chats.givenMessage(token, chat, "first")
    const bodies = Array.from({ length: 30 }, (_, index) => `message ${index + 2}`)
    const created = await chats.createMessageBatch(token, chat, bodies)
    const { data } = expectStatus(created, 201)
    expect(data).toEqual(bodies.map((body, index) => ({ ...MESSAGE, number: index + 2, body })))
    const list = await chats.call({ path: String(created.headers.location) })
    expect(expectStatus(list, 200)).toEqual({ data, next_cursor: null })
    const first = await chats.listMessages(token, chat, { after: 5, before: 30, limit: 20 })
    const second = await chats.call({ path: nextOf(first.headers) })
    const numbers = [...expectStatus(first, 200).data, ...expectStatus(second, 200).data].map(({ number }) => number)
    expect(numbers).toEqual(Array.from({ length: 24 }, (_, index) => index + 6))
    expect(second.body.next_cursor).toBeNull()
  })

  test("created in a batch of exactly 1 MiB, and of one byte more: are taken, and refused with 413", async () => {
    const token = await chats.givenApplication()
    const path = `${chatPath(token, await chats.givenChat(token))}/messages/batch`
    const text = (more: string) => JSON.stringify({ messages: [{ body: "x" }], more })
    const post = (bytes: number) =>
      chats.call({ method: "POST", path, text: text("x".repeat(bytes - text("").length)) })
    expectStatus(await post(LIMITS.batchBytesMax), 201)
    const { status, headers, body } = await post(LIMITS.batchBytesMax + 1)
    expect([status, headers["content-type"], body.code]).toEqual([413, "application/problem+json", "body_too_large"])
    const wrong = await chats.call({ path })
    expect([wrong.status, wrong.headers.allow]).toEqual([405, "POST, OPTIONS"])
  })
})
