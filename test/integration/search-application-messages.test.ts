// A search through all chats of an application. search-messages.test.ts tests what matches.
import { describe, expect, test } from "@jest/globals"
import { describeAway, searchAway } from "../steps/away-cases.ts"
import { describeBody } from "../steps/body-cases.ts"
import { chatApi, directTransport, expectStatus } from "../steps/chat-api.ts"
import { drainQueue } from "../steps/drain.ts"
import { expectProblem } from "../steps/expect-problem.ts"
import { describeMissing } from "../steps/missing-cases.ts"
import { useTestStores } from "../steps/stores.ts"
import { givenWorld, reach, TARGETS } from "../steps/world.ts"

const stores = useTestStores()
const api = chatApi(directTransport())

type Hit = { chat_number: number; number: number; created_at: string }
const places = (body: { data: Hit[] }) => body.data.map(({ chat_number, number }) => [chat_number, number])

/** Creates an application with `count` chats, and a message in each of `chats`, one after the other. */
async function givenMessages(count: number, chats: number[]): Promise<string> {
  const token = await api.givenApplication()
  for (let chat = 1; chat <= count; chat++) await api.givenChat(token)
  for (const chat of chats) await api.givenMessage(token, chat, `match in ${chat}`)
  await reach("stored", stores())
  return token
}

const setPurgeDue = (application: string, chat: number) =>
  stores()
    .mysql.updateTable("tombstones")
    .set({ purge_at: new Date() })
    .where("application", "=", application)
    .where("chat", "=", chat)
    .execute()

describe("a search through an application", () => {
  test("finds the messages of all its chats, newest first, each with its chat", async () => {
    const token = await givenMessages(3, [2, 1, 3, 2])
    const other = await givenMessages(1, [1])
    const answer = await api.searchApplication(token, { query: "MATCH" })
    const found = expectStatus(answer, 200)
    expect([found.total, places(found), found.next_cursor]).toEqual([
      4,
      [
        [2, 2],
        [3, 1],
        [1, 1],
        [2, 1],
      ],
      null,
    ])
    const message = expectStatus(await api.getMessage(token, 3, 1), 200)
    expect(found.data[1]).toEqual({ chat_number: 3, ...message, highlight: "<em>match</em> in 3" })
    expect((await api.searchApplicationByPost(token, { query: "MATCH" })).text).toBe(answer.text)
    expect(expectStatus(await api.searchApplication(other, { query: "match" }), 200).total).toBe(1)
  })

  test.each(["asc", "desc"] as const)(
    "in %s order goes on by cursor and by link while messages arrive, each match once",
    async (order) => {
      const token = await givenMessages(2, [1, 2, 1, 1, 2])
      const all = [
        [1, 1],
        [2, 1],
        [1, 2],
        [1, 3],
        [2, 2],
      ]
      const seen: number[][] = []
      let page = await api.searchApplication(token, { query: "match", limit: 2, order })
      for (;;) {
        seen.push(...places(expectStatus(page, 200)))
        const [, path = "", query = ""] = /^<([^?]+)\?(.+)>; rel="next"$/.exec(String(page.headers.link)) ?? []
        if (page.body.next_cursor === null) break
        expect(new URLSearchParams(query).get("cursor")).toBe(page.body.next_cursor)
        if (seen.length === 2) {
          await api.givenMessage(token, 1, "match, later")
          await reach("stored", stores())
        }
        page = await api.call({ path, query })
      }
      expect(seen).toEqual(order === "asc" ? [...all, [1, 4]] : all.toReversed())
    },
  )

  test("of messages created in one millisecond, goes on by chat and number", async () => {
    const token = await givenMessages(3, [])
    await Promise.all(
      Array.from({ length: 60 }, (_, index) => api.givenMessage(token, 1 + (index % 3), "match at once")),
    )
    await reach("stored", stores())
    const seen: Hit[] = []
    for (let cursor: string | null | undefined; cursor !== null; ) {
      const query = { query: "match", limit: 7, ...(cursor === undefined ? {} : { cursor }) }
      const found = expectStatus(await api.searchApplication(token, query), 200)
      seen.push(...found.data)
      cursor = found.next_cursor
    }
    const position = ({ created_at, chat_number, number }: Hit) =>
      `${created_at} ${chat_number} ${String(number).padStart(3, "0")}`
    expect(new Set(seen.map(({ created_at }) => created_at)).size).toBeLessThan(60)
    expect(seen.map(position)).toEqual([...new Set(seen.map(position))].sort().reverse())
    expect(seen).toHaveLength(60)
  })

  test.each(["pending", "being purged", "purged"])(
    "finds nothing of a chat whose delete is %s, and all of the others",
    async (stage) => {
      const token = await givenMessages(2, [1, 2, 1])
      expectStatus(await api.deleteChat(token, 1), 204)
      if (stage !== "pending") await drainQueue(stores(), "persist")
      // A small chat is purged with its delete, but a large one's rows and documents remain for a while.
      if (stage === "being purged") await setPurgeDue(token, 1)
      if (stage === "purged") await reach("stored", stores())
      const found = expectStatus(await api.searchApplication(token, { query: "match" }), 200)
      expect([found.total, places(found)]).toEqual([1, [[2, 1]]])
    },
  )
})

describe.each([
  ["one chat", (token: string, query: Record<string, string>) => api.searchMessages(token, 1, query)],
  ["an application", (token: string, query: Record<string, string>) => api.searchApplication(token, query)],
])("a search of %s between two times", (_what, search) => {
  test("finds what was created then or in between, and tells how many", async () => {
    const token = await givenMessages(1, [])
    const times: string[] = []
    for (let number = 1; number <= 4; number++) {
      times.push(expectStatus(await api.createMessage(token, 1, { body: "match" }), 201).created_at)
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
    await reach("stored", stores())
    const [, second = "", third = ""] = times
    const found = async (bounds: Record<string, string>) => {
      const { data, total } = expectStatus(await search(token, { query: "match", ...bounds }), 200)
      expect(total).toBe(data.length)
      return data.map(({ number }: Hit) => number)
    }
    expect(await found({ from: second })).toEqual([4, 3, 2])
    expect(await found({ to: third })).toEqual([3, 2, 1])
    expect(await found({ from: second, to: third })).toEqual([3, 2])
    expect(await found({ from: second, to: second })).toEqual([2])
    const inTokyo = new Date(Date.parse(third) + 9 * 3_600_000).toISOString().replace("Z", "+09:00")
    expect(await found({ from: inTokyo })).toEqual([4, 3])
    for (const [from, to] of [
      ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999Z"],
      ["0000-01-01T00:00:00+23:59", "9999-12-31T23:59:59.999-23:59"],
    ] as const)
      expect(await found({ from, to })).toHaveLength(4)
    expect(await found({ to: "1969-12-31T23:59:59Z" })).toEqual([])
  })
})

describe("a search through an application that is refused", () => {
  test.each([
    ["no query", {}, "query"],
    ["a query that folds to nothing", { query: "\u0301" }, "query"],
    ["a time that is none", { query: "x", from: "today" }, "from"],
    ["an end before its beginning", { query: "x", from: "2026-01-02T00:00:00Z", to: "2026-01-01T00:00:00Z" }, "to"],
    ["garbage as a cursor", { query: "x", cursor: "garbage" }, "cursor"],
  ])("for %s is 422, in a query string and in a body", async (_what, asked, path) => {
    const { token } = await givenWorld(api, stores(), "pending")
    const answers = [
      await api.searchApplication(token, asked as Record<string, string>),
      await api.searchApplicationByPost(token, asked),
    ]
    for (const [index, answer] of answers.entries()) {
      expectProblem(answer, 422, "invalid_request")
      const place = index === 0 ? "query" : "body"
      expect(answer.body.errors).toEqual([{ in: place, path, message: expect.any(String) }])
    }
  })

  test("for the cursor of another query or of a chat is 422", async () => {
    const token = await givenMessages(1, [1, 1])
    const search = (query: string) => api.searchApplication(token, query)
    const { next_cursor: own } = expectStatus(await search("query=match&limit=1"), 200)
    expectProblem(await search(`query=matc&cursor=${own}`), 422, "invalid_request")
    const { next_cursor: ofChat } = expectStatus(await api.searchMessages(token, 1, "query=match&limit=1"), 200)
    expectProblem(await search(`query=match&cursor=${ofChat}`), 422, "invalid_request")
  })
})

describe.each([
  ["in a query string", TARGETS.searchApplicationMessages],
  ["in a body", TARGETS.searchApplicationMessagesByPost],
])("a search through an application %s", (_where, target) => {
  describeMissing(api, stores, target)
  describeAway(api, stores, target, searchAway())
})

describeBody(api, stores, TARGETS.searchApplicationMessagesByPost, [
  { what: "with a number as its query", json: { query: 5 }, path: "query" },
])
