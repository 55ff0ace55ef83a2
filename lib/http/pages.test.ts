import { describe, expect, test } from "@jest/globals"
import fc from "fast-check"
import { invoke, withJson } from "../../test/steps/gateway-event.ts"
import { chatsPath } from "../../test/steps/paths.ts"
import type { Page, PageRequest, Position, SearchHit } from "../contract.ts"
import { LIMITS } from "../limits.ts"
import { endpoint } from "./endpoint.ts"
import { answerList, ListQuery } from "./pages.ts"
import { answerSearch, MessagesQuery, SearchInput, SearchOptions, SearchParameters } from "./searches.ts"

const TOKEN = "abcdefghijklmnopqrstuvwx"
const CHATS = { path: chatsPath(TOKEN), keyedBy: "number" } as const

/** Returns a list of `total` numbered items that records its requests. */
function numbered(total: number) {
  const asked: PageRequest[] = []
  const read = async (page: PageRequest): Promise<Page<{ number: number }>> => {
    asked.push(page)
    const numbers = Array.from({ length: total }, (_, index) => index + 1)
    if (page.order === "desc") numbers.reverse()
    const start = page.after ? numbers.indexOf(Number(page.after.key)) + 1 : (page.offset ?? 0)
    const data = numbers.slice(start, start + page.limit).map((number) => ({ number }))
    const last = data.at(-1)
    return { data, next: last && start + page.limit < total ? { key: last.number } : null }
  }
  return { asked, handler: endpoint({ query: ListQuery }, ({ query }) => answerList(CHATS, query, read)) }
}

/** Returns the path and query string of a Link header's next page. */
const nextOf = (link: unknown): string => /^<([^>]+)>; rel="next"$/.exec(String(link))?.[1] ?? ""

describe("a list", () => {
  test("without parameters gives 20 in ascending order", async () => {
    const { asked, handler } = numbered(3)
    const answer = await invoke(handler)
    expect(asked).toEqual([{ limit: LIMITS.pageLimitDefault, order: "asc" }])
    expect(answer.body).toEqual({ data: [{ number: 1 }, { number: 2 }, { number: 3 }], next_cursor: null })
    expect(answer.headers).not.toHaveProperty("link")
  })

  test("followed by its cursors or its links gives every item once, in order", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 0, max: 60 }),
        fc.integer({ min: 1, max: 25 }),
        fc.constantFrom("asc", "desc"),
        fc.boolean(),
        async (total, limit, order, byLink) => {
          const { handler } = numbered(total)
          const seen: number[] = []
          let queryString = `limit=${limit}&order=${order}`
          for (;;) {
            const { body, headers } = await invoke(handler, { queryString })
            seen.push(...body.data.map(({ number }: { number: number }) => number))
            if (body.next_cursor === null) break
            const [path, next = ""] = nextOf(headers.link).split("?")
            expect(path).toBe(CHATS.path)
            queryString = byLink ? next : `limit=${limit}&cursor=${body.next_cursor}`
          }
          const all = Array.from({ length: total }, (_, index) => index + 1)
          expect(seen).toEqual(order === "asc" ? all : all.reverse())
        },
      ),
      { numRuns: 50 },
    )
  })

  test("with a page skips the pages before it, up to the bound", async () => {
    const { asked, handler } = numbered(50)
    const answer = await invoke(handler, { queryString: "page=3&limit=20" })
    expect(asked[0]).toEqual({ limit: 20, order: "asc", offset: 40 })
    expect(answer.body.data).toHaveLength(10)
    expect(await invoke(handler, { queryString: "page=100&limit=100" })).toMatchObject({ status: 200 })
    expect(await invoke(handler, { queryString: "page=501" })).toMatchObject({ status: 422 })
  })

  test("with a cursor of the other order, or of another list, is 422", async () => {
    const { handler } = numbered(50)
    const { body } = await invoke(handler, { queryString: "order=desc" })
    const other = endpoint({ query: ListQuery }, ({ query }) =>
      answerList({ path: "/elsewhere", keyedBy: "number" }, query, async () => ({ data: [], next: null })),
    )
    const wrong = [
      await invoke(handler, { queryString: `order=asc&cursor=${body.next_cursor}` }),
      await invoke(other, { queryString: `cursor=${body.next_cursor}` }),
      await invoke(handler, { queryString: "cursor=x" }),
      await invoke(handler, { queryString: `cursor=${"x".repeat(LIMITS.cursorMax + 1)}` }),
    ]
    for (const answer of wrong) expect(answer).toMatchObject({ status: 422, body: { errors: [{ path: "cursor" }] } })
  })
})

const PATH = `/applications/${TOKEN}/chats/7/messages/search`

/** Returns a search of 50 matches that records its requests. */
function searching() {
  const asked: unknown[] = []
  const search = async (request: { after?: Position | null; limit: number }) => {
    asked.push(request)
    const from = Number(request.after?.key ?? 51) - 1
    const numbers = Array.from({ length: Math.min(request.limit, from) }, (_, index) => from - index)
    const data = numbers.map((number) => ({ number }) as SearchHit)
    const last = numbers.at(-1) ?? 1
    return { data, next: last > 1 ? { key: last } : null, total: 50 }
  }
  const byParameters = endpoint({ query: SearchParameters }, ({ query }) => answerSearch(PATH, "number", query, search))
  const byBody = endpoint({ query: SearchOptions, body: SearchInput }, ({ query, body }) =>
    answerSearch(PATH, "number", { ...query, ...body }, search),
  )
  return { asked, byParameters, byBody }
}

describe("a search", () => {
  test("gives the newest first, with its total, and goes on by cursor", async () => {
    const { asked, byParameters } = searching()
    const first = await invoke(byParameters, { queryString: "query=%20a%26b%20&limit=30" })
    expect(first.body).toMatchObject({ total: 50, next_cursor: expect.any(String) })
    expect(asked).toEqual([{ query: " a&b ", order: "desc", limit: 30 }])
    const [path, next = ""] = nextOf(first.headers.link).split("?")
    expect(path).toBe(PATH)
    const second = await invoke(byParameters, { queryString: next })
    expect(asked[1]).toEqual({ query: " a&b ", order: "desc", limit: 30, after: { key: 21 } })
    expect(second.body).toMatchObject({ total: 50, next_cursor: null })
  })

  test("takes its options from the body before the query string", async () => {
    const { asked, byBody } = searching()
    await invoke(byBody, withJson({ query: "a", limit: 2 }, { queryString: "limit=5&order=asc" }))
    expect(asked).toEqual([{ query: "a", order: "asc", limit: 2 }])
  })

  test("that goes on in a body after a search in a query string is the same search", async () => {
    const { asked, byParameters, byBody } = searching()
    const { body } = await invoke(byParameters, { queryString: "query=a&limit=10" })
    await invoke(byBody, withJson({ query: "a", cursor: body.next_cursor, limit: 10 }))
    expect(asked[1]).toEqual({ query: "a", order: "desc", limit: 10, after: { key: 41 } })
    expect(await invoke(byBody, withJson({ query: "b", cursor: body.next_cursor }))).toMatchObject({ status: 422 })
  })

  test("between two times asks for them in milliseconds, both inside, and its cursor is of that search only", async () => {
    const { asked, byParameters, byBody } = searching()
    const [from, to] = ["2026-11-26T04:00:00.0001+02:00", "2026-11-26T02:30:00.9999Z"]
    const query = new URLSearchParams({ query: "a", from, to, limit: "10" })
    const { body, headers } = await invoke(byParameters, { queryString: query.toString() })
    const start = Date.UTC(2026, 10, 26, 2)
    const question = { query: "a", order: "desc", limit: 10, from: start + 1, to: start + 30 * 60_000 + 999 }
    expect(asked).toEqual([question])
    await invoke(byParameters, { queryString: nextOf(headers.link).split("?")[1] ?? "" })
    await invoke(byBody, withJson({ query: "a", from, to, limit: 10, cursor: body.next_cursor }))
    expect(asked.slice(1)).toEqual([1, 2].map(() => ({ ...question, after: { key: 41 } })))
    for (const other of [{}, { from }, { to }, { from: to, to }])
      expect(await invoke(byBody, withJson({ query: "a", ...other, cursor: body.next_cursor }))).toMatchObject({
        status: 422,
        body: { errors: [{ path: "cursor" }] },
      })
  })

  test.each([
    ["", "query"],
    ["query=", "query"],
    ["query=%20%20", "query"],
    [`query=${"a".repeat(257)}`, "query"],
    ["query=a&query=b", "query"],
    ["query=a&page=2", "page"],
    ["query=a&limit=0", "limit"],
    ["query=a&from=yesterday", "from"],
    ["query=a&from=", "from"],
    ["query=a&to=2026-02-30T00:00:00Z", "to"],
    ["query=a&to=2026-11-26T04:00:00", "to"],
    ["query=a&to=2026-11-26T04:00:00+02:00", "to"],
    ["query=a&from=2026-11-26T04:00:00.001Z&to=2026-11-26T04:00:00Z", "to"],
  ])("asked for with ?%s is 422 and names %s", async (queryString, path) => {
    const answer = await invoke(searching().byParameters, { queryString })
    expect(answer).toMatchObject({ status: 422, body: { errors: [{ path }] } })
  })

  test.each([
    [{}, "query"],
    [{ query: "" }, "query"],
    [{ query: 5 }, "query"],
    [{ query: "a", limit: "5" }, "limit"],
    [{ query: "a", limit: 101 }, "limit"],
    [{ query: "a", order: "up" }, "order"],
    [{ query: "a", cursor: "" }, "cursor"],
    [{ query: "a", from: 1 }, "from"],
    [{ query: "a", page: 2 }, "page"],
    [{ query: "a", page: null }, "page"],
  ])("asked for with the body %j is 422 and names %s", async (body, path) => {
    const answer = await invoke(searching().byBody, withJson(body))
    expect(answer).toMatchObject({ status: 422, body: { errors: [{ path }] } })
  })
})

const WORDED_TIME = "from: must be a possible RFC 3339 time with its offset; a + in a URL is written %2B"

describe("a search from a time", () => {
  test.each([
    ["2026-11-26t12:00:00z", 0],
    ["2026-11-26T12:00:00+0000", 0],
    ["2026-11-26T06:30:00-0530", 0],
    ["2026-11-26T23:59:60Z", 12 * 3_600_000],
  ])("written as %s asks for the same in a query string and in a body", async (from, afterNoon) => {
    const { asked, byParameters, byBody } = searching()
    const queryString = new URLSearchParams({ query: "a", from }).toString()
    expect(await invoke(byParameters, { queryString })).toMatchObject({ status: 200 })
    expect(await invoke(byBody, withJson({ query: "a", from }))).toMatchObject({ status: 200 })
    const question = { query: "a", order: "desc", limit: 20, from: Date.UTC(2026, 10, 26, 12) + afterNoon }
    expect(asked).toEqual([question, question])
  })

  test.each([
    "2026-02-30T00:00:00Z",
    "2026-11-26T24:00:00Z",
    "2026-13-01T00:00:00Z",
    "2026-11-26T12:00:00+99:99",
    "2026-11-26T12:00:00 02:00",
  ])("that cannot be, %s, is 422 with a hint, in a query string and in a body", async (from) => {
    const { byParameters, byBody } = searching()
    const answers = [
      await invoke(byParameters, { queryString: new URLSearchParams({ query: "a", from }).toString() }),
      await invoke(byBody, withJson({ query: "a", from })),
    ]
    for (const answer of answers) expect(answer).toMatchObject({ status: 422, body: { detail: WORDED_TIME } })
  })
})

describe("the parameters of a chat's messages", () => {
  test.each([
    [{ page: "2" }, true],
    [{ query: "a" }, true],
    [{ query: "a", page: "2" }, false],
    [{ query: "" }, false],
    [{ page: "2", cursor: "x" }, false],
    [{ query: "a", from: "2026-11-26T04:00:00Z" }, true],
    [{ from: "2026-11-26T04:00:00Z" }, false],
    [{ to: "2026-11-26T04:00:00Z" }, false],
  ])("%j fit: %p", (parameters, fit) => {
    expect(MessagesQuery.safeParse(parameters).success).toBe(fit)
  })
})
