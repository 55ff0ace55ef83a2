// The list above and below a number.
import { describe, expect, test } from "@jest/globals"
import { LIMITS } from "../../lib/limits.ts"
import { chatApi, directTransport, expectStatus } from "../steps/chat-api.ts"
import { drainQueues } from "../steps/drain.ts"
import { expectProblem } from "../steps/expect-problem.ts"
import type { Answered } from "../steps/gateway-event.ts"
import { countCalls } from "../steps/statements.ts"
import { away, useTestStores, withEnvironment } from "../steps/stores.ts"
import { givenWorld, unknownToken } from "../steps/world.ts"

const stores = useTestStores()
const api = chatApi(directTransport())

const LAST = 12
const ORDERS = ["asc", "desc"] as const
type Bounds = { after?: number; before?: number }

/** Creates messages 1 to 12: some stored, some changed or deleted since, some on their way. Returns those that live. */
async function givenMixed() {
  const token = await api.givenApplication()
  const chat = await api.givenChat(token)
  const bodies = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => `m ${from + index}`)
  expectStatus(await api.createMessageBatch(token, chat, bodies(1, 7)), 201)
  expectStatus(await api.deleteMessage(token, chat, 2), 204)
  await drainQueues(stores())
  expectStatus(await api.createMessageBatch(token, chat, bodies(8, LAST)), 201)
  for (const number of [5, 9]) expectStatus(await api.deleteMessage(token, chat, number), 204)
  expectStatus(await api.updateMessage(token, chat, 4, { body: "changed" }), 200)
  return { token, chat, living: [1, 3, 4, 6, 7, 8, 10, 11, 12] }
}

const numbersOf = (answer: Answered): number[] =>
  expectStatus(answer, 200).data.map(({ number }: { number: number }) => number)

/** Reads all pages, the first by `query`, the others by what `next` makes of an answer. Returns the pages' numbers. */
async function walk(first: Answered, next: (answer: Answered) => Promise<Answered>): Promise<number[][]> {
  const pages = [numbersOf(first)]
  for (let answer = first; answer.body.next_cursor !== null; ) {
    answer = await next(answer)
    pages.push(numbersOf(answer))
  }
  return pages
}

const ENDS = [undefined, 0, 1, 2, 5, 8, 9, 12, 13, LIMITS.numberMax]
const BOUNDS: Bounds[] = ENDS.flatMap((after) =>
  ENDS.map((before) => ({ ...(after !== undefined && { after }), ...(before !== undefined && { before }) })),
)

describe("a list between two numbers", () => {
  test.each(ORDERS)("of any, by cursor and by Link, %s, is the model's to its end and no further", async (order) => {
    const { token, chat, living } = await givenMixed()
    for (const bounds of BOUNDS) {
      const { after = 0, before = Infinity } = bounds
      const inside = living.filter((number) => number > after && number < before)
      const wanted = order === "asc" ? inside : inside.toReversed()
      for (const limit of [2, 20]) {
        const first = await api.listMessages(token, chat, { ...bounds, order, limit })
        const byCursor = await walk(first, ({ body }) =>
          api.listMessages(token, chat, { limit, cursor: body.next_cursor }),
        )
        const byLink = await walk(first, ({ headers }) => {
          const [, path = "", query = ""] = /^<([^?]+)\?([^>]+)>; rel="next"$/.exec(String(headers.link)) ?? []
          return api.call({ path, query })
        })
        expect([bounds, byCursor.flat()]).toEqual([bounds, wanted])
        expect([bounds, byLink]).toEqual([bounds, byCursor])
        for (const page of byCursor.slice(0, -1)) expect(page).toHaveLength(limit)
        if (wanted.length > 0) expect(byCursor.at(-1)).not.toEqual([])
      }
    }
  })

  test("shows each message as the whole list does", async () => {
    const { token, chat } = await givenMixed()
    const whole = expectStatus(await api.listMessages(token, chat), 200).data
    const part = expectStatus(await api.listMessages(token, chat, { after: 3, before: 11 }), 200).data
    expect(part).toEqual(whole.filter(({ number }: { number: number }) => number > 3 && number < 11))
  })

  test("of a chat or application that is not there is 404", async () => {
    const { token, chat } = await givenWorld(api, stores(), "pending")
    for (const bounds of [{ after: 1 }, { before: 1 }, { after: 5, before: 6 }, { after: 6, before: 5 }]) {
      expectProblem(await api.listMessages(token, chat + 1, bounds), 404, "not_found")
      expectProblem(await api.listMessages(unknownToken(), 1, bounds), 404, "not_found")
    }
  })
})

describe("a list above or below what is no number", () => {
  test.each(["-1", "1.5", "abc", "", "01", "%201", "1e3", String(LIMITS.numberMax + 1), "9".repeat(20)])(
    "such as %s is 422 that names the parameter",
    async (value) => {
      const { token, chat } = await givenWorld(api, stores(), "pending")
      for (const name of ["after", "before"]) {
        const answer = await api.listMessages(token, chat, `${name}=${value}`)
        expectProblem(answer, 422, "invalid_request")
        expect(answer.body.errors).toEqual([
          { in: "query", path: name, message: `must be a whole number from 0 to ${LIMITS.numberMax}` },
        ])
      }
    },
  )

  test.each([
    ["a cursor", (cursor: string) => `cursor=${cursor}`, "cursor"],
    ["a page", () => "page=1", "page"],
    ["a query", () => "query=body", "query"],
  ])("beside %s is 422 that names each", async (_what, other, name) => {
    const { token, chat } = await givenWorld(api, stores(), "pending")
    await api.givenMessage(token, chat)
    const { next_cursor: cursor } = expectStatus(await api.listMessages(token, chat, { limit: 1 }), 200)
    const answer = await api.listMessages(token, chat, `after=0&before=9&${other(cursor)}`)
    expectProblem(answer, 422, "invalid_request")
    expect(answer.body.errors).toEqual(
      ["after", "before"].map((path) => ({ in: "query", path, message: `cannot be given with ${name}` })),
    )
  })

  test("in the cursor of another list is 422", async () => {
    const { token, chat } = await givenMixed()
    const { next_cursor: cursor } = expectStatus(
      await api.listMessages(token, chat, { limit: 1, after: 1, before: 9 }),
      200,
    )
    const other = await api.givenChat(token)
    await api.givenChat(token)
    expectProblem(await api.listMessages(token, other, { cursor }), 422, "invalid_request")
    expectProblem(await api.listChats(token, { cursor }), 422, "invalid_request")
  })
})

describe("a list between numbers that the outbox has", () => {
  const given = async () => {
    const { token, chat } = await givenWorld(api, stores(), "pending")
    expectStatus(await api.createMessageBatch(token, chat, ["two", "three", "four", "five"]), 201)
    return { token, chat }
  }
  const QUERIES: [string, Bounds & { order?: "desc"; limit?: number }, number[]][] = [
    ["above a number, a page of it", { after: 2, limit: 2 }, [3, 4]],
    ["below a number, newest first", { before: 4, limit: 2, order: "desc" }, [3, 2]],
    ["below a number beyond the last, newest first", { before: 900, limit: 2, order: "desc" }, [5, 4]],
    ["between two numbers, all of it", { after: 1, before: 5 }, [2, 3, 4]],
    ["between two numbers, newest first, all of it", { after: 1, before: 5, order: "desc" }, [4, 3, 2]],
  ]

  test.each(QUERIES)("%s, needs no MySQL", async (_what, query, numbers) => {
    const { token, chat } = await given()
    const page = async () => expect(numbersOf(await api.listMessages(token, chat, query))).toEqual(numbers)
    const { mysql, redis } = await countCalls(stores(), page, page)
    expect(mysql).toEqual({ reads: [], writes: [] })
    expect(redis).toHaveLength(1)
    await withEnvironment(away("mysql"), page)
  })

  test("and beyond, waits for no more than one statement", async () => {
    const { token, chat } = await given()
    await drainQueues(stores())
    const page = async () => expect(numbersOf(await api.listMessages(token, chat, { after: 5 }))).toEqual([])
    const { mysql, redis } = await countCalls(stores(), page, page)
    expect([mysql.reads.length, mysql.writes.length, redis.length]).toEqual([1, 0, 1])
  })
})
