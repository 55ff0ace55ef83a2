import { describe, expect, test } from "@jest/globals"
import type { ChangesPosition, ChangesRequest } from "../contract.ts"
import { answerChanges } from "./changes.ts"

const PATH = "/applications/abcdefghijklmnopqrstuvwx/changes"
const POSITION: ChangesPosition = { revision: 1_764_356_515_123_456, start: 1_764_356_515_000_000, completeAt: 1 }

/** Returns the answer to a request, and what it asked for. */
async function asked(query: { cursor?: string; limit?: number; chat?: number }, hasMore = false) {
  let request: ChangesRequest | undefined
  const { body = "", headers } = await answerChanges(PATH, query, async (of) => {
    request = of
    return { data: [], next: POSITION, hasMore }
  })
  return { request, body: JSON.parse(body) as { next_cursor: string }, headers }
}

describe("a cursor of changes", () => {
  test("given back: leads to the position that it came from", async () => {
    const { body } = await asked({})
    expect(body).toEqual({ data: [], next_cursor: expect.stringMatching(/^[A-Za-z0-9_-]{1,128}$/), has_more: false })
    expect((await asked({ cursor: body.next_cursor, limit: 7 })).request).toEqual({ from: POSITION, chat: 0, limit: 7 })
  })

  test("left out, or the latest: begins there", async () => {
    expect((await asked({})).request).toEqual({ from: "beginning", chat: 0, limit: 50 })
    expect((await asked({ cursor: "latest", chat: 3 })).request).toEqual({ from: "latest", chat: 3, limit: 50 })
  })

  test("of another chat, or with wrong fields: is refused", async () => {
    const { next_cursor: cursor } = (await asked({ chat: 3 })).body
    const [scope] = JSON.parse(Buffer.from(cursor, "base64url").toString())
    const pack = (fields: unknown) => Buffer.from(JSON.stringify(fields)).toString("base64url")
    const wrong = [
      cursor,
      `${cursor}=`,
      pack([scope, -1, 0, 0]),
      pack([scope, 0.5, 0, 0]),
      pack([scope, 1, 1]),
      pack({}),
    ]
    for (const [index, one] of wrong.entries())
      await expect(asked({ cursor: one, chat: index === 0 ? 4 : 3 })).rejects.toMatchObject({ code: "invalid_request" })
    await expect(asked({ cursor: pack([scope, 2 ** 53, 0, 0]), chat: 3 })).rejects.toMatchObject({
      code: "invalid_request",
    })
  })

  test("shows nothing of the token", async () => {
    const { body } = await asked({})
    expect(Buffer.from(body.next_cursor, "base64url").toString()).not.toContain("abcdefgh")
  })

  test("where there is more: is in the link, with limit and chat", async () => {
    const { body, headers } = await asked({ limit: 7, chat: 3 }, true)
    expect(headers.link).toBe(`<${PATH}?limit=7&chat=3&cursor=${body.next_cursor}>; rel="next"`)
    expect((await asked({})).headers).not.toHaveProperty("link")
  })
})
