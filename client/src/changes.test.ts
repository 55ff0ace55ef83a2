import { describe, expect, test } from "@jest/globals"
import { problem, reply, serve } from "../../test/steps/scripted-server.ts"
import type { ChangesOptions } from "./changes.ts"
import { ChatClient } from "./client.ts"
import { CursorExpiredError, NotFoundError } from "./errors.ts"

const change = (number: number) => ({ id: `${number}`, type: "message.created", number, data: { number } })
const page = (numbers: number[], next_cursor: string, has_more = false) =>
  reply(200, { data: numbers.map(change), next_cursor, has_more })

const changesAt = (url: string, options: ChangesOptions = {}) =>
  new ChatClient({ url, retries: 1 }).application("token").changes(options)

describe("changes", () => {
  test("that are followed: come page after page; the cursor moves when a page is done", async () => {
    const { url, received } = await serve(page([1, 2], "a", true), page([3], "b"), page([], "c"), page([4], "d"))
    const controller = new AbortController()
    const changes = changesAt(url, { chat: 7, signal: controller.signal })
    const seen: unknown[] = []
    const reading = (async () => {
      for await (const { number } of changes) {
        seen.push([number, changes.cursor])
        if (number === 4) controller.abort()
      }
    })()
    await expect(reading).rejects.toThrow("This operation was aborted")
    const expected = [
      [1, undefined],
      [2, undefined],
      [3, "a"],
      [4, "c"],
    ]
    expect(seen).toEqual(expected)
    const cursors = received.map((request) => new URL(request.url, url).searchParams.get("cursor"))
    expect(cursors.slice(0, 4)).toEqual([null, "a", "b", "c"])
    expect(received[0]?.url).toBe("/applications/token/changes?limit=100&chat=7")
  })

  test("that are not followed: end with what there is, and say where to go on", async () => {
    const { url } = await serve(page([1], "a", true), page([2], "b"))
    const changes = changesAt(url, { follow: false })
    expect((await Array.fromAsync(changes)).map(({ number }) => number)).toEqual([1, 2])
    expect(changes.cursor).toBe("b")
  })

  test("of which there are none: give one page, for its cursor", async () => {
    const { url } = await serve(page([], "a"))
    expect(await Array.fromAsync(changesAt(url, { follow: false }).pages())).toEqual([{ data: [], cursor: "a" }])
  })

  test("that are left and taken up again: begin with the page that was not done", async () => {
    const { url, received } = await serve(page([1, 2], "a", true), page([3, 4], "b", true))
    const changes = changesAt(url)
    for await (const { number } of changes) if (number === 3) break
    for await (const { number } of changes) {
      expect(number).toBe(3)
      break
    }
    expect(received.at(-1)?.url).toContain("cursor=a")
  })

  test("after the first page: are followed for as long as the API is away", async () => {
    const away = problem(503, "unavailable", { "retry-after": "0" })
    const { url, received } = await serve(page([1], "a"), away, away, away, page([2], "b"))
    for await (const { number } of changesAt(url)) if (number === 2) break
    expect(received).toHaveLength(5)
  })

  test("that cannot be begun: throw after the usual retries", async () => {
    const { url, received } = await serve(problem(503, "unavailable", { "retry-after": "0" }))
    await expect(Array.fromAsync(changesAt(url))).rejects.toMatchObject({ code: "unavailable" })
    expect(received).toHaveLength(2)
  })

  test.each([
    [410, "cursor_expired", CursorExpiredError],
    [404, "not_found", NotFoundError],
  ])("answered %i amid: throw", async (status, code, Class) => {
    const { url } = await serve(page([1], "a", true), problem(status, code))
    await expect(Array.fromAsync(changesAt(url))).rejects.toBeInstanceOf(Class)
  })

  test("aborted while nothing comes: end at once with the reason", async () => {
    const { url, received } = await serve(page([], "a"))
    const controller = new AbortController()
    const reading = Array.fromAsync(changesAt(url, { signal: controller.signal }))
    while (received.length < 3) await new Promise(setImmediate)
    const reason = new Error("enough")
    controller.abort(reason)
    await expect(reading).rejects.toBe(reason)
  })
})
