import { describe, expect, test } from "@jest/globals"
import { describeAway, searchAway } from "../steps/away-cases.ts"
import { describeBody } from "../steps/body-cases.ts"
import { chatApi, directTransport, expectStatus } from "../steps/chat-api.ts"
import { expectProblem } from "../steps/expect-problem.ts"
import { describeMissing } from "../steps/missing-cases.ts"
import { useTestStores } from "../steps/stores.ts"
import { givenWorld, reach, TARGETS } from "../steps/world.ts"

const stores = useTestStores()
const api = chatApi(directTransport())

const numbers = (body: { data: { number: number }[] }) => body.data.map(({ number }) => number)

async function givenStored(bodies: string[]): Promise<{ token: string; chat: number }> {
  const token = await api.givenApplication()
  const chat = await api.givenChat(token)
  for (const body of bodies) await api.givenMessage(token, chat, body)
  await reach("stored", stores())
  return { token, chat }
}

describe("a search", () => {
  test.each([
    ["one character", "e", [3, 2, 1]],
    ["part of a word", "ell", [1]],
    ["another case and without diacritics", "ELEVE", [2]],
    ["a query with white space at its ends", " lo", []],
    ["characters that other engines take for syntax", `*?%_"\\`, [3]],
    ["nothing that is there", "xyz", []],
  ])("for %s finds what contains it", async (_what, query, expected) => {
    const { token, chat } = await givenStored(["Hello", "Élève", `here *?%_"\\ there`])
    const byParameters = await api.searchMessages(token, chat, { query })
    expect(numbers(expectStatus(byParameters, 200))).toEqual(expected)
    expect(byParameters.body).toMatchObject({ total: expected.length, next_cursor: null })
    expect((await api.searchMessagesByPost(token, chat, { query })).text).toBe(byParameters.text)
  })

  test.each([
    ["curly quotes and a long dash", "It’s “ok” – now", `it's "ok" - now`, "<em>It’s “ok” – now</em>"],
    ["the same, in the query", `it's "ok" - now`, "It’s “ok” – now", "<em>it&#39;s &quot;ok&quot; - now</em>"],
    ["letters with a stroke and ligatures", "Łódź, Ørsted, Æsop", "lodz, orsted, ae", "<em>Łódź, Ørsted, Æ</em>sop"],
    ["Persian letters, digits and a non-joiner", "می‌خواهم ۱۲", "ميخواهم 12", "<em>می‌خواهم ۱۲</em>"],
    ["Arabic digits beside one another", "رقم ١٢٣٤٥", "234", "رقم ١<em>٢٣٤</em>٥"],
    ["an emoji without its joiners", "we 👨‍👩‍👧 go", "👨👩👧 g", "we <em>👨‍👩‍👧 g</em>o"],
    ["a soft hyphen", "co\u00adoperate", "cooperate", "<em>co\u00adoperate</em>"],
    ["a sign in a longer text, negated elsewhere", "1 ≠ 2 = 2", "= 2", "1 ≠ 2 <em>= 2</em>"],
  ])("for %s finds and shows what phones type", async (_what, body, query, highlight) => {
    const { token, chat } = await givenStored([body])
    const { data } = expectStatus(await api.searchMessages(token, chat, { query }), 200)
    expect(data).toMatchObject([{ body, highlight }])
  })

  test("for = does not find ≠, and messages of nothing but invisible characters are kept", async () => {
    const { token, chat } = await givenStored(["a ≠ b", "a =\u0338 b", "\u200b\u200f", "a = b"])
    expect(numbers(expectStatus(await api.searchMessages(token, chat, { query: "=" }), 200))).toEqual([4])
    expect(numbers(expectStatus(await api.searchMessages(token, chat, { query: "≠" }), 200))).toEqual([2, 1])
    expect(expectStatus(await api.getMessage(token, chat, 3), 200).body).toBe("\u200b\u200f")
  })

  test("answers whole messages with an escaped highlight", async () => {
    const { token, chat } = await givenStored(["<b>Fish & chips</b>"])
    const message = expectStatus(await api.getMessage(token, chat, 1), 200)
    const { data } = expectStatus(await api.searchMessages(token, chat, { query: "& CHIPS<" }), 200)
    expect(data).toEqual([{ ...message, highlight: "&lt;b&gt;Fish <em>&amp; chips&lt;</em>/b&gt;" }])
  })

  test("finds nothing of other chats and applications", async () => {
    const one = await givenStored(["shared word"])
    const other = await givenStored(["shared word too"])
    const sibling = await api.givenChat(one.token)
    const found = expectStatus(await api.searchMessages(one.token, one.chat, { query: "shared" }), 200)
    expect([found.total, numbers(found)]).toEqual([1, [1]])
    expect(expectStatus(await api.searchMessages(one.token, sibling, { query: "shared" }), 200).total).toBe(0)
    expect(expectStatus(await api.searchMessages(other.token, other.chat, { query: "too" }), 200).total).toBe(1)
  })

  test("finds a changed message by its new body only, and a deleted one no more", async () => {
    const { token, chat } = await givenStored(["alpha", "beta"])
    expectStatus(await api.updateMessage(token, chat, 1, { body: "gamma" }), 200)
    expectStatus(await api.deleteMessage(token, chat, 2), 204)
    await reach("stored", stores())
    const totals = ["alpha", "beta", "gamma"].map(
      async (query) => expectStatus(await api.searchMessages(token, chat, { query }), 200).total,
    )
    expect(await Promise.all(totals)).toEqual([0, 0, 1])
  })

  test.each(["asc", "desc"] as const)("in %s order goes on by cursor and by link, each match once", async (order) => {
    const { token, chat } = await givenStored(Array.from({ length: 5 }, (_, index) => `match ${index}`))
    const seen: number[] = []
    let page = await api.searchMessages(token, chat, { query: "match", limit: 2, order })
    for (;;) {
      seen.push(...numbers(expectStatus(page, 200)))
      expect(page.body.total).toBe(5)
      const [, path = "", query = ""] = /^<([^?]+)\?(.+)>; rel="next"$/.exec(String(page.headers.link)) ?? []
      if (page.body.next_cursor === null) break
      expect(new URLSearchParams(query).get("cursor")).toBe(page.body.next_cursor)
      page = await api.call({ path, query })
    }
    expect(seen).toEqual(order === "asc" ? [1, 2, 3, 4, 5] : [5, 4, 3, 2, 1])
  })

  test("goes on in a body with the cursor of a query string", async () => {
    const { token, chat } = await givenStored(["match 1", "match 2"])
    const first = expectStatus(await api.searchMessages(token, chat, { query: "match", limit: 1 }), 200)
    const rest = await api.searchMessagesByPost(token, chat, { query: "match", cursor: first.next_cursor })
    expect(numbers(expectStatus(rest, 200))).toEqual([1])
  })
})

const COMBINING_ONLY = "\u0301\u0308"

describe("a search that is refused", () => {
  test.each([
    ["no query", {}, "query"],
    ["an empty query", { query: "" }, "query"],
    ["a blank query", { query: " \t\u3000" }, "query"],
    ["a query that folds to nothing", { query: COMBINING_ONLY }, "query"],
    ["a query of invisible characters", { query: "\u200d\u00ad\u200f" }, "query"],
    ["a query of white space and invisible characters", { query: " \u200b " }, "query"],
    ["a query of 257 characters", { query: "x".repeat(257) }, "query"],
    ["limit 0", { query: "x", limit: 0 }, "limit"],
    ["limit 101", { query: "x", limit: 101 }, "limit"],
    ["another order", { query: "x", order: "newest" }, "order"],
    ["garbage as a cursor", { query: "x", cursor: "garbage" }, "cursor"],
    ["a page", { query: "x", page: 2 }, "page"],
  ])("for %s is 422, in a query string and in a body", async (_what, asked, path) => {
    const { token, chat } = await givenWorld(api, stores(), "pending")
    const answers = [
      await api.searchMessages(token, chat, asked as Record<string, string | number>),
      await api.searchMessagesByPost(token, chat, asked),
    ]
    for (const [index, answer] of answers.entries()) {
      expectProblem(answer, 422, "invalid_request")
      const place = index === 0 ? "query" : "body"
      expect(answer.body.errors).toEqual([{ in: place, path, message: expect.any(String) }])
    }
  })

  test("for the cursor of another query, or of the list, is 422", async () => {
    const { token, chat } = await givenStored(["match 1", "match 2"])
    const { next_cursor: cursor } = expectStatus(await api.searchMessages(token, chat, "query=match&limit=1"), 200)
    expectProblem(await api.searchMessages(token, chat, { query: "atch", cursor }), 422, "invalid_request")
    const list = expectStatus(await api.listMessages(token, chat, "limit=1"), 200)
    expectProblem(
      await api.searchMessages(token, chat, { query: "match", cursor: list.next_cursor }),
      422,
      "invalid_request",
    )
  })

  test("for 256 characters beyond U+FFFF is not: it is taken", async () => {
    const { token, chat } = await givenWorld(api, stores(), "stored")
    expect(expectStatus(await api.searchMessages(token, chat, { query: "🙂".repeat(256) }), 200).total).toBe(0)
  })
})

describe.each([
  ["in a query string", TARGETS.searchMessages],
  ["in a body", TARGETS.searchMessagesByPost],
])("a search %s", (_where, target) => {
  describeMissing(api, stores, target)
  describeAway(api, stores, target, searchAway())
})

describeBody(api, stores, TARGETS.searchMessagesByPost, [
  { what: "with a number as its query", json: { query: 5 }, path: "query" },
  { what: "with a lone surrogate in its query", json: { query: "x\ud83d" }, path: "query" },
  { what: "with null as its query", json: { query: null }, path: "query" },
])
