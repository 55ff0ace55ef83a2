import { describe, expect, test } from "@jest/globals"
import { itemsOf, sourceOf } from "../given-source.ts"
import { ndjson } from "./ndjson.ts"

const linesOf = (...values: object[]) => ({ "chats.ndjson": values.map((value) => JSON.stringify(value)).join("\n") })

describe("lines of one's own", () => {
  test("are known by their chat", async () => {
    expect(await ndjson.detects(sourceOf(linesOf({ chat: "general", body: "Hello" })))).toBe(true)
    expect(await ndjson.detects(sourceOf(linesOf({ type: "version", version: 1 })))).toBe(false)
  })

  test("need a chat and a text only", async () => {
    const at = { file: "chats.ndjson", line: 1 }
    expect(await itemsOf(ndjson, linesOf({ chat: 7, body: "Hello" }))).toEqual([
      { kind: "message", chat: "7", id: "line 1", body: "Hello", sender: null, sentAt: null, metadata: {}, at },
    ])
  })

  test("may have all that a message has, and say what a chat is", async () => {
    const line = {
      chat: "a",
      id: "m1",
      body: "Hello",
      sender: "ann",
      sent_at: "2026-01-31T09:00:00Z",
      metadata: { x: 1 },
    }
    const items = await itemsOf(ndjson, linesOf({ chat: "a", name: "A", metadata: { y: 1 } }, line))
    expect(items).toMatchObject([
      { kind: "chat", chat: "a", name: "A", metadata: { y: 1 } },
      { kind: "message", id: "m1", sender: "ann", sentAt: "2026-01-31T09:00:00Z", metadata: { x: 1 } },
    ])
  })

  test.each([
    ["[]", /not a JSON object/],
    ["{", /is not JSON/],
    ['{"body":"x"}', /chat: is missing/],
    ['{"chat":"a","body":1}', /body: is of the wrong type/],
    ['{"chat":"a","body":"x","metadata":[]}', /metadata: is of the wrong type/],
    ['{"chat":"a","body":"x","sent_at":"tomorrow"}', /sent_at: "tomorrow" is not an RFC 3339 time/],
    ['{"chat":"a","body":"x","sent_at":"2026-01-31T25:00:00Z"}', /sent_at: .* is not an RFC 3339 time/],
  ])("that are wrong are problems with their number: %s", async (line, why) => {
    const items = await itemsOf(ndjson, { f: `{"chat":"a","body":"x"}\n${line}\n{"chat":"a","body":"y"}` })
    expect(items.map(({ kind }) => kind)).toEqual(["message", "problem", "message"])
    expect(items[1]).toMatchObject({ why: expect.stringMatching(why), at: { file: "f", line: 2 } })
  })
})

describe("an export of this API", () => {
  const change = (type: string, number: number | null, data: object | null) => ({
    id: "1",
    type,
    at: "2026-01-31T09:00:00.000Z",
    chat_number: 3,
    number,
    data,
  })
  const resource = {
    number: 5,
    body: "Hello",
    sender: "ann",
    metadata: { x: 1 },
    sent_at: null,
    created_at: "2026-01-31T09:00:00.000Z",
  }

  test("has chats and messages with their numbers, and the time of creation where there is no other", async () => {
    const sent = { ...resource, sent_at: "2020-01-01T00:00:00.000Z" }
    const chat = change("chat.updated", null, { number: 3, name: "C", metadata: {} })
    const items = await itemsOf(
      ndjson,
      linesOf(change("message.created", 5, resource), change("message.updated", 6, sent), chat),
    )
    expect(items).toMatchObject([
      {
        kind: "message",
        chat: "3",
        number: 5,
        body: "Hello",
        sender: "ann",
        sentAt: "2026-01-31T09:00:00.000Z",
        metadata: { x: 1 },
      },
      { kind: "message", number: 6, sentAt: "2020-01-01T00:00:00.000Z" },
      { kind: "chat", chat: "3", number: 3, name: "C" },
    ])
  })

  test("tells what is gone", async () => {
    const items = await itemsOf(ndjson, linesOf(change("message.deleted", 5, null), change("chat.deleted", null, null)))
    expect(items).toEqual([
      { kind: "deleted", chat: "3", number: 5 },
      { kind: "deleted", chat: "3", number: null },
    ])
  })

  test("with a change of another kind is a problem", async () => {
    expect(await itemsOf(ndjson, linesOf(change("chat.moved", null, {})))).toMatchObject([{ kind: "problem" }])
  })
})
