import { describe, expect, test } from "@jest/globals"
import { describeAway, listAway, searchAway } from "../steps/away-cases.ts"
import { chatApi, directTransport, expectStatus } from "../steps/chat-api.ts"
import { expectProblem } from "../steps/expect-problem.ts"
import { describeList } from "../steps/list-cases.ts"
import { describeMissing } from "../steps/missing-cases.ts"
import { useTestStores } from "../steps/stores.ts"
import { givenWorld, reach, STAGES, TARGETS } from "../steps/world.ts"

const stores = useTestStores()
const api = chatApi(directTransport())
const target = TARGETS.listMessages

describe("the list of a chat's messages", () => {
  test.each(STAGES)("shows each as it is, without the deleted ones, writes being %s", async (stage) => {
    const token = await api.givenApplication()
    const chat = await api.givenChat(token)
    for (const body of ["one", "two", "three"]) await api.givenMessage(token, chat, body)
    await reach(stage, stores())
    expectStatus(await api.updateMessage(token, chat, 1, { body: "changed" }), 200)
    expectStatus(await api.deleteMessage(token, chat, 2), 204)
    await api.givenMessage(token, chat, "four")
    for (const _ of [1, 2]) {
      const { data } = expectStatus(await api.listMessages(token, chat), 200)
      expect(data).toMatchObject([
        { number: 1, body: "changed" },
        { number: 3, body: "three" },
        { number: 4, body: "four" },
      ])
      expect(data[0]).toEqual(expectStatus(await api.getMessage(token, chat, 1), 200))
      await reach(stage, stores())
    }
  })

  test("has what is stored between changes on their way, and beyond them", async () => {
    const token = await api.givenApplication()
    const chat = await api.givenChat(token)
    for (const body of ["one", "two", "three", "four", "five"]) await api.givenMessage(token, chat, body)
    await reach("stored", stores())
    for (const number of [2, 4]) expectStatus(await api.updateMessage(token, chat, number, { body: "changed" }), 200)
    for (const [order, numbers] of [
      ["asc", [1, 2, 3, 4, 5]],
      ["desc", [5, 4, 3, 2, 1]],
    ] as const) {
      const found: number[] = []
      let cursor: string | undefined
      do {
        const query = { order, limit: 1, ...(cursor && { cursor }) }
        const { data, next_cursor } = expectStatus(await api.listMessages(token, chat, query), 200)
        found.push(...data.map(({ number }: { number: number }) => number))
        cursor = next_cursor ?? undefined
      } while (cursor)
      expect(found).toEqual(numbers)
    }
  })

  test.each(STAGES)("of a chat without any is empty, %s", async (stage) => {
    const token = await api.givenApplication()
    const chat = await api.givenChat(token)
    await reach(stage, stores())
    expect(expectStatus(await api.listMessages(token, chat), 200)).toEqual({ data: [], next_cursor: null })
  })
})

describe("the list with a query", () => {
  test("is the search, newest first, with total and highlights", async () => {
    const { token, chat } = await givenWorld(api, stores(), "stored")
    await api.givenMessage(token, chat, "second body")
    await reach("stored", stores())
    const answer = expectStatus(await api.listMessages(token, chat, { query: "BODY" }), 200)
    expect(answer).toMatchObject({
      total: 2,
      next_cursor: null,
      data: [
        { number: 2, highlight: "second <em>body</em>" },
        { number: 1, highlight: "first <em>body</em>" },
      ],
    })
  })

  test.each([
    ["nothing", "query=", "query"],
    ["white space", "query=%20%09", "query"],
    ["257 characters", `query=${"x".repeat(257)}`, "query"],
    ["a page", "query=x&page=1", "page"],
    ["another order", "query=x&order=newest", "order"],
    ["a cursor of the list", "query=x&cursor=WyJhc2MiLCIwMDAwMDAwMCIsMV0", "cursor"],
  ])("of %s is 422", async (_what, query, parameter) => {
    const { token, chat } = await givenWorld(api, stores(), "pending")
    const answer = await api.listMessages(token, chat, query)
    expectProblem(answer, 422, "invalid_request")
    expect(answer.body.errors[0].path).toBe(parameter)
  })
})

const givenMessages = async (count: number) => {
  const token = await api.givenApplication()
  const chat = await api.givenChat(token)
  const keys: number[] = []
  for (let index = 0; index < count; index++) keys.push(await api.givenMessage(token, chat))
  return { path: `/applications/${token}/chats/${chat}/messages`, keys }
}

describeList(api, { given: givenMessages, key: "number", other: async () => (await givenMessages(1)).path })
describeMissing(api, stores, target)
describeAway(api, stores, target, listAway())
describe("the list with a query, when", () => {
  describeAway(api, stores, { ...target, query: { query: "body" } }, searchAway())
})
