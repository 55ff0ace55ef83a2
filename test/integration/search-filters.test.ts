// Searches by sender and by time, over every way to ask.
import { describe, expect, test } from "@jest/globals"
import { chatApi, directTransport, expectStatus } from "../steps/chat-api.ts"
import { expectProblem } from "../steps/expect-problem.ts"
import type { Answered } from "../steps/gateway-event.ts"
import { useTestStores } from "../steps/stores.ts"
import { reach } from "../steps/world.ts"

const stores = useTestStores()
const api = chatApi(directTransport())

type Asked = Record<string, string | number>
type Way = (token: string, chat: number, asked: Asked) => Promise<Answered>

const WAYS: [string, Way][] = [
  ["in a query string", api.searchMessages],
  ["in a body", api.searchMessagesByPost],
  ["of a list", api.listMessages],
  ["over an application", (token, _chat, asked) => api.searchApplication(token, asked)],
  ["over an application, in a body", (token, _chat, asked) => api.searchApplicationByPost(token, asked)],
]

const numbers = (answer: Answered): number[] =>
  expectStatus(answer, 200).data.map(({ number }: { number: number }) => number)

async function givenMessages(messages: object[]): Promise<{ token: string; chat: number }> {
  const token = await api.givenApplication()
  const chat = await api.givenChat(token)
  for (const message of messages) expectStatus(await api.createMessage(token, chat, message), 201)
  await reach("stored", stores())
  return { token, chat }
}

describe.each(WAYS)("a search %s", (_way, search) => {
  test("for a sender finds what exactly that one sent, newest first and without highlights", async () => {
    const { token, chat } = await givenMessages([
      { body: "one", sender: "ann" },
      { body: "two", sender: "Ann" },
      { body: "three", sender: "ann " },
      { body: "four", sender: "änn" },
      { body: "ann" },
      { body: "<six>", sender: "ann" },
    ])
    const answer = await search(token, chat, { sender: "ann" })
    expect(numbers(answer)).toEqual([6, 1])
    expect(answer.body).toMatchObject({ total: 2, next_cursor: null })
    for (const hit of answer.body.data) expect(hit).toMatchObject({ sender: "ann" })
    for (const hit of answer.body.data) expect(hit).not.toHaveProperty("highlight")
    expect(numbers(await search(token, chat, { sender: "ann " }))).toEqual([3])
    expect(numbers(await search(token, chat, { sender: "ann", order: "asc" }))).toEqual([1, 6])
    expect(numbers(await search(token, chat, { sender: "nobody" }))).toEqual([])
  })

  test("for a query and a sender finds what both let through, with highlights", async () => {
    const { token, chat } = await givenMessages([
      { body: "a parcel", sender: "ann" },
      { body: "a parcel", sender: "bob" },
      { body: "a letter", sender: "ann" },
    ])
    const answer = await search(token, chat, { query: "parcel", sender: "ann" })
    expect(numbers(answer)).toEqual([1])
    expect(answer.body.data).toMatchObject([{ highlight: "a <em>parcel</em>" }])
  })

  test("for a sender goes on by cursor, which is of no other search", async () => {
    const { token, chat } = await givenMessages([1, 2, 3].map((index) => ({ body: `${index}`, sender: "ann" })))
    const first = await search(token, chat, { sender: "ann", limit: 2 })
    expect(numbers(first)).toEqual([3, 2])
    const cursor: string = first.body.next_cursor
    expect(numbers(await search(token, chat, { sender: "ann", limit: 2, cursor }))).toEqual([1])
    const [, path = "", query = ""] = /^<([^?]+)\?(.+)>; rel="next"$/.exec(String(first.headers.link)) ?? []
    expect(numbers(await api.call({ path, query }))).toEqual([1])
    for (const other of [{ sender: "bob" }, { query: "ann" }, { sender: "ann", query: "1" }])
      expectProblem(await search(token, chat, { ...other, cursor }), 422, "invalid_request")
  })

  test("between two times looks at sent_at, and at created_at where that is null", async () => {
    const { token, chat } = await givenMessages([
      { body: "match", sent_at: "2020-01-01T00:00:00.000Z" },
      { body: "match", sent_at: "2021-06-01T12:00:00.500Z" },
      { body: "match" },
    ])
    const { created_at: now } = expectStatus(await api.getMessage(token, chat, 3), 200)
    const found = async (asked: Asked) => numbers(await search(token, chat, { query: "match", ...asked }))
    expect(await found({ to: "2020-12-31T00:00:00Z" })).toEqual([1])
    expect(await found({ from: "2021-06-01T12:00:00.5Z", to: "2021-06-01T12:00:00.5Z" })).toEqual([2])
    expect(await found({ from: "2021-06-01T12:00:00.501Z" })).toEqual([3])
    expect(await found({ from: now, to: now })).toEqual([3])
    expect(await found({ from: "2020-01-01T00:00:00Z", to: now })).toEqual([3, 2, 1])
  })

  test.each<[string, Asked, string]>([
    ["a blank sender", { sender: " " }, "sender"],
    ["an empty sender", { sender: "" }, "sender"],
    ["a sender of 256 characters", { sender: "x".repeat(256) }, "sender"],
    ["a query that folds to nothing beside a sender", { query: "\u200d", sender: "ann" }, "query"],
    ["a page beside a sender", { sender: "ann", page: 2 }, "page"],
  ])("for %s is 422", async (_what, asked, path) => {
    const { token, chat } = await givenMessages([])
    const answer = await search(token, chat, asked)
    expectProblem(answer, 422, "invalid_request")
    expect(answer.body.errors).toMatchObject([{ path }])
  })
})

describe("a search for neither a query nor a sender", () => {
  test.each(WAYS.filter(([way]) => way !== "of a list"))("%s, between two times, is 422", async (way, search) => {
    const { token, chat } = await givenMessages([])
    const answer = await search(token, chat, { from: "2026-01-01T00:00:00Z" })
    expectProblem(answer, 422, "invalid_request")
    const place = way.endsWith("body") ? "body" : "query"
    expect(answer.body.errors).toEqual([{ in: place, path: "query", message: expect.any(String) }])
  })

  test("in a body takes the sender of the query string", async () => {
    const { token, chat } = await givenMessages([{ body: "x", sender: "ann" }, { body: "y" }])
    expect(numbers(await api.searchMessagesByPost(token, chat, {}, { sender: "ann" }))).toEqual([1])
  })
})
