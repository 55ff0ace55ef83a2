import { afterAll, beforeAll, describe, expect, test } from "@jest/globals"
import { type GivenIndex, givenDocuments, givenIndex, givenToken } from "../../../test/steps/search-index.ts"
import { type FoldedQuery, fold } from "../folding/fold.ts"
import { type SearchAnswer, type SearchRequest, searchIndex } from "./query-index.ts"

const TIMEOUT_MS = 20_000

let given: GivenIndex
beforeAll(async () => {
  given = await givenIndex()
})
afterAll(() => given.remove())

const givenChat = (application: string, chat: number, bodies: readonly string[]) =>
  givenDocuments(given, application, chat, bodies)

const search = ({
  query,
  ...request
}: Partial<Omit<SearchRequest, "query">> & { application: string; query: string }) =>
  searchIndex(given.client, given.alias, {
    chat: 1,
    order: "desc",
    after: null,
    limit: 20,
    timeoutMs: TIMEOUT_MS,
    ...request,
    query: fold(query) as FoldedQuery,
  })

/** Returns the numbers of all pages, and the totals that the pages gave. */
async function searchAll(request: Parameters<typeof search>[0]): Promise<{ numbers: number[]; totals: Set<number> }> {
  const numbers: number[] = []
  const totals = new Set<number>()
  for (let after: SearchAnswer["next"] = null; ; ) {
    const page = await search({ ...request, after })
    numbers.push(...page.hits.map(({ number }) => number))
    totals.add(page.total)
    if (page.next === null) return { numbers, totals }
    after = page.next
  }
}

describe("searchIndex: what is found", () => {
  test("wildcards, operators and quotes, searched for, are only themselves", async () => {
    const application = givenToken()
    const texts = [
      "50% off",
      "a*b",
      "what?",
      "x_y",
      'say "hi"',
      "c:\\dir\\",
      "a AND b",
      "{{mustache}}",
      "[a TO b]",
      "../etc",
      "\u0000\u0001\u0002",
    ]
    await givenChat(application, 1, texts)

    for (const query of [
      "%",
      "*",
      "?",
      "_",
      '"',
      "\\",
      "{{",
      "[",
      "/",
      "a*",
      "*b",
      "AND",
      "TO b]",
      "\u0001",
      "\u0000\u0001\u0002",
      "x?y",
      ".*",
      "_:*",
    ]) {
      const { numbers } = await searchAll({ application, query, order: "asc" })
      const expected = texts.flatMap((text, at) => (fold(text).includes(fold(query)) ? [at + 1] : []))
      expect({ query, numbers }).toEqual({ query, numbers: expected })
    }
  })

  test("a query of any length, of which one character differs, is not found", async () => {
    const application = givenToken()
    const text = "abcdefghijk𠮷l"
    const characters = [...text]
    const changed = characters.map((_, at) => characters.with(at, "x").join(""))
    await givenChat(application, 1, [text, ...changed])

    for (let length = 4; length <= characters.length; length++) {
      const query = characters.slice(0, length).join("")
      const expected = [1, ...changed.flatMap((_, at) => (at >= length ? [at + 2] : []))]
      const { numbers } = await searchAll({ application, query, order: "asc" })
      expect({ query, numbers }).toEqual({ query, numbers: expected })
    }
  })

  test("control characters among others, searched for, are themselves", async () => {
    const application = givenToken()
    const texts = ["ab\u0001cdefgh", "ab\u0002cdefgh", "abc\u0001\u0002def", "abcdefgh"]
    await givenChat(application, 1, texts)

    for (const query of ["b\u0001cdef", "b\u0002cdef", "c\u0001\u0002d", "bcdefg", "abc\u0002def"]) {
      const { numbers } = await searchAll({ application, query, order: "asc" })
      expect({ query, numbers }).toEqual({
        query,
        numbers: texts.flatMap((text, at) => (text.includes(query) ? [at + 1] : [])),
      })
    }
  })

  test("a query longer than every body, or the longest that there is, is answered", async () => {
    const application = givenToken()
    await givenChat(application, 1, ["ab", "x".repeat(10_000), `${"x".repeat(255)}y`])

    expect((await search({ application, query: "x".repeat(256) })).total).toBe(1)
    expect((await search({ application, query: `${"x".repeat(255)}y` })).total).toBe(1)
    expect((await search({ application, query: "\ufdfa".repeat(256) })).total).toBe(0)
  })
})

describe("searchIndex: filters", () => {
  test("a member that must be exactly so, finds only documents that have it so", async () => {
    const application = givenToken()
    for (const chat of [1, 2]) await givenChat(application, chat, ["one fish", "two fish"])
    const all = { application, query: "fish", limit: 20, order: "asc", timeoutMs: TIMEOUT_MS } as const
    const filtered = (exact: Record<string, string>) =>
      searchIndex(given.client, given.alias, { ...all, without: [], query: fold(all.query) as FoldedQuery, exact })
    expect((await filtered({})).total).toBe(4)
    const { hits, total } = await filtered({ chat_key: `${application}/2` })
    expect([total, hits.map(({ chat_number, number }) => [chat_number, number])]).toEqual([
      2,
      [
        [2, 1],
        [2, 2],
      ],
    ])
    expect((await filtered({ chat_key: application })).total).toBe(0)
  })
})

describe("searchIndex: pages", () => {
  test("a chat with hits, paged in either order while messages arrive, repeats and skips none", async () => {
    const application = givenToken()
    await givenChat(
      application,
      1,
      Array.from({ length: 25 }, (_, index) => `message ${index + 1}`),
    )
    const first = await search({ application, query: "message", limit: 10 })
    const bodies = Array.from({ length: 30 }, (_, index) => `message ${index + 1}`)
    await givenChat(application, 1, bodies)

    const second = await search({ application, query: "message", limit: 10, after: first.next })
    const third = await search({ application, query: "message", limit: 10, after: second.next })

    expect([first, second, third].flatMap(({ hits }) => hits.map(({ number }) => number))).toEqual(
      Array.from({ length: 25 }, (_, index) => 25 - index),
    )
    expect([first.next, second.next, third.next]).toEqual([{ key: 16 }, { key: 6 }, null])
    expect([first.total, second.total]).toEqual([25, 30])
    expect((await searchAll({ application, query: "message", order: "asc", limit: 7 })).numbers).toEqual(
      Array.from({ length: 30 }, (_, index) => index + 1),
    )
  })

  test("a last page that is exactly full, read, has no next", async () => {
    const application = givenToken()
    await givenChat(application, 1, ["one", "one", "one"])

    expect(await search({ application, query: "one", limit: 3 })).toMatchObject({ total: 3, next: null })
    expect(await search({ application, query: "one", limit: 2 })).toMatchObject({ total: 3, next: { key: 2 } })
  })

  test("a hit, found, is the message as it was sent", async () => {
    const application = givenToken()
    const body = " Ünï\u0301 \u0000 <b>𠮷</b> \ufffe "
    await givenChat(application, 1, [body])

    const [hit] = (await search({ application, query: "uni" })).hits

    expect(hit).toEqual({
      chat_number: 1,
      number: 1,
      body,
      sender: null,
      metadata: null,
      sent_at: null,
      created_at: expect.any(String),
      updated_at: expect.any(String),
    })
    expect(new Date(hit?.created_at as string).toISOString()).toBe(hit?.created_at)
  })

  test("more matches than are counted, searched, give the bound as total", async () => {
    const application = givenToken()
    await givenChat(
      application,
      1,
      Array.from({ length: 10_050 }, () => "many"),
    )

    const first = await search({ application, query: "many", limit: 100 })

    expect(first).toMatchObject({ total: 10_000, next: { key: 9_951 } })
    expect(await search({ application, query: "a", after: { key: 9_951 }, order: "asc", limit: 100 })).toMatchObject({
      total: 10_000,
      next: null,
    })
  })
})
