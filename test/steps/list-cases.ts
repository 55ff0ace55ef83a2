// The parameters that every list accepts and refuses.
import { describe, expect, test } from "@jest/globals"
import type { ChatApi } from "./chat-api.ts"
import { expectStatus } from "./chat-api.ts"
import { expectProblem } from "./expect-problem.ts"

/** A list to test: `given` makes one with `count` items, oldest first; `key` is the member that identifies them. */
export type ListUnderTest = {
  given: (count: number) => Promise<{ path: string; keys: (string | number)[] }>
  key: "token" | "number"
  /** Makes another list of the same kind, whose cursors must not be accepted. */
  other: () => Promise<string>
}

const REFUSED: [string, string, string][] = [
  ["limit 0", "limit=0", "limit"],
  ["limit 101", "limit=101", "limit"],
  ["a negative limit", "limit=-1", "limit"],
  ["a limit that is no number", "limit=ten", "limit"],
  ["a limit with a fraction", "limit=1.5", "limit"],
  ["an empty limit", "limit=", "limit"],
  ["a limit given twice", "limit=1&limit=2", "limit"],
  ["another order", "order=up", "order"],
  ["an order in capitals", "order=ASC", "order"],
  ["page 0", "page=0", "page"],
  ["a page that is no number", "page=first", "page"],
  ["a page beyond the last offset", "limit=100&page=101", "page"],
  ["a far page at the default limit", "page=501", "page"],
  ["an empty cursor", "cursor=", "cursor"],
  ["garbage as a cursor", "cursor=garbage", "cursor"],
  ["a cursor that is no base64url", "cursor=%F0%9F%99%82", "cursor"],
  ["a cursor of 513 characters", `cursor=${"a".repeat(513)}`, "cursor"],
]

/** Describes the parameters of a list. */
export function describeList(api: ChatApi, { given, key, other }: ListUnderTest): void {
  const keysOf = (body: { data: Record<string, unknown>[] }) => body.data.map((item) => item[key])
  const read = async (path: string, query?: string) => api.call({ path, ...(query !== undefined && { query }) })
  const firstCursor = async (path: string, query: string): Promise<string> =>
    expectStatus(await read(path, query), 200).next_cursor

  describe("a list's parameters", () => {
    test.each(REFUSED)("with %s are 422", async (_what, query, parameter) => {
      const { path } = await given(1)
      const answer = await read(path, query)
      expectProblem(answer, 422, "invalid_request")
      expect(answer.body.errors).toEqual([{ in: "query", path: parameter, message: expect.any(String) }])
    })

    test("with a cursor and a page are 422", async () => {
      const { path } = await given(2)
      const cursor = await firstCursor(path, "limit=1")
      expectProblem(await read(path, `cursor=${cursor}&page=2`), 422, "invalid_request")
    })

    test("with a cursor of the other order are 422", async () => {
      const { path } = await given(2)
      const cursor = await firstCursor(path, "limit=1&order=asc")
      expectProblem(await read(path, `cursor=${cursor}&order=desc`), 422, "invalid_request")
    })

    test("with a cursor of another list are 422", async () => {
      const { path } = await given(2)
      const cursor = await firstCursor(path, "limit=1")
      expectProblem(await read(await other(), `cursor=${cursor}`), 422, "invalid_request")
    })

    test("with a cursor changed in one character are 422, or go on in the same list", async () => {
      const { path } = await given(2)
      const cursor = await firstCursor(path, "limit=1")
      for (const index of [0, 5, 12, 20]) {
        const changed = `${cursor.slice(0, index)}${cursor[index] === "A" ? "B" : "A"}${cursor.slice(index + 1)}`
        expect([200, 422]).toContain((await read(path, `cursor=${changed}`)).status)
      }
    })

    test("left out give 20, oldest first, and a cursor and a link to the rest", async () => {
      const { path, keys } = await given(22)
      const first = await read(path)
      expect(keysOf(expectStatus(first, 200))).toEqual(keys.slice(0, 20))
      expect(first.headers.link).toBe(`<${path}?cursor=${first.body.next_cursor}>; rel="next"`)
      const second = await read(path, `cursor=${first.body.next_cursor}`)
      expect(keysOf(expectStatus(second, 200))).toEqual(keys.slice(20))
      expect(second.body.next_cursor).toBeNull()
      expect(second.headers).not.toHaveProperty("link")
    })

    test("with a limit of just what there is have no next page", async () => {
      const { path, keys } = await given(2)
      const answer = expectStatus(await read(path, "limit=2&order=desc"), 200)
      expect(keysOf(answer)).toEqual(keys.toReversed())
      expect(answer.next_cursor).toBeNull()
    })

    test("with a page give that page, and nothing beyond the last", async () => {
      const { path, keys } = await given(3)
      expect(keysOf(expectStatus(await read(path, "limit=2&page=1"), 200))).toEqual(keys.slice(0, 2))
      expect(keysOf(expectStatus(await read(path, "limit=2&page=2"), 200))).toEqual(keys.slice(2))
      expect(expectStatus(await read(path, "limit=2&page=3"), 200)).toEqual({ data: [], next_cursor: null })
      expect(expectStatus(await read(path, "limit=100&page=100"), 200)).toEqual({ data: [], next_cursor: null })
    })
  })
}
