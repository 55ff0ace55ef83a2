// Lists merge the outbox with MySQL: whatever was written, and however much of it is stored, pages are as in a model.
import { describe, expect, test } from "@jest/globals"
import fc from "fast-check"
import { chatApi, directTransport, expectStatus } from "../steps/chat-api.ts"
import { deliver, drainQueues, eventsIn, sqsRecord, takeRecords } from "../steps/drain.ts"
import type { Answered } from "../steps/gateway-event.ts"
import { useTestStores } from "../steps/stores.ts"

const stores = useTestStores()
const api = chatApi(directTransport())

const RUNS = 25
type Step = { kind: "create" | "update" | "delete"; at: number; text: string } | { kind: "persist"; share: number }
type Item = { key: string | number; text: string }
/** A kind of list, with a new parent for each. */
type Kind = {
  given: () => Promise<string>
  create: (parent: string, text: string) => Promise<string | number>
  update: (parent: string, key: string | number, text: string) => Promise<Answered>
  remove: (parent: string, key: string | number) => Promise<Answered>
  itemOf: (resource: Record<string, string | number>) => Item
}

const chats: Kind = {
  given: async () => `/applications/${await api.givenApplication()}/chats`,
  create: async (path, name) => expectStatus(await api.call({ method: "POST", path, json: { name } }), 201).number,
  update: (path, key, name) => api.call({ method: "PUT", path: `${path}/${key}`, json: { name } }),
  remove: (path, key) => api.call({ method: "DELETE", path: `${path}/${key}` }),
  itemOf: ({ number, name }) => ({ key: number ?? 0, text: String(name) }),
}
const messages: Kind = {
  given: async () => {
    const token = await api.givenApplication()
    return `/applications/${token}/chats/${await api.givenChat(token)}/messages`
  },
  create: async (path, body) => expectStatus(await api.call({ method: "POST", path, json: { body } }), 201).number,
  update: (path, key, body) => api.call({ method: "PUT", path: `${path}/${key}`, json: { body } }),
  remove: (path, key) => api.call({ method: "DELETE", path: `${path}/${key}` }),
  itemOf: ({ number, body }) => ({ key: number ?? 0, text: String(body) }),
}
const applications: Kind = {
  given: async () => {
    for (;;) {
      const { data } = expectStatus(await api.listApplications({ limit: 100 }), 200)
      if (data.length === 0) return "/applications"
      for (const { token } of data) expectStatus(await api.deleteApplication(token), 204)
    }
  },
  create: (_path, name) => api.givenApplication(name),
  update: (_path, key, name) => api.updateApplication(String(key), { name }),
  remove: (_path, key) => api.deleteApplication(String(key)),
  itemOf: ({ token, name }) => ({ key: token ?? "", text: String(name) }),
}

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant("create" as const),
      at: fc.nat(),
      text: fc.stringMatching(/^[a-z]{1,5}$/),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("update" as const),
      at: fc.nat(),
      text: fc.stringMatching(/^[a-z]{1,5}$/),
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("delete" as const), at: fc.nat(), text: fc.constant("") }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("persist" as const), share: fc.integer({ min: 1, max: 4 }) }) },
)

/** Persists a part of the queue in random order; the rest stays in the outbox, its queue messages lost. */
async function persistSome(share: number): Promise<void> {
  const events = (await takeRecords(stores(), "persist")).flatMap((record) => eventsIn<unknown>(record))
  const some = events.toReversed().filter((_, index) => index % share === 0)
  if (some.length > 0) expect(await deliver("persist", [sqsRecord(some)])).toEqual([])
}

/** Does the steps and returns what the list must show, oldest first. */
async function play(kind: Kind, parent: string, steps: Step[]): Promise<Item[]> {
  let items: Item[] = []
  for (const one of steps) {
    if (one.kind === "persist") await persistSome(one.share)
    else if (one.kind === "create") items.push({ key: await kind.create(parent, one.text), text: one.text })
    else {
      const item = items[one.at % Math.max(1, items.length)]
      if (!item) continue
      if (one.kind === "update") {
        expectStatus(await kind.update(parent, item.key, one.text), 200)
        item.text = one.text
      } else {
        expectStatus(await kind.remove(parent, item.key), 204)
        items = items.filter((other) => other !== item)
      }
    }
  }
  return items
}

async function walk(
  kind: Kind,
  path: string,
  next: (last: Answered, page: number) => string | undefined,
): Promise<Item[][]> {
  const pages: Item[][] = []
  let query = next({ body: undefined } as Answered, 1)
  while (query !== undefined) {
    const answer = await api.call({ path, query })
    pages.push(expectStatus(answer, 200).data.map(kind.itemOf))
    query = next(answer, pages.length + 1)
  }
  return pages
}

/** Returns the model's pages. A full page is never followed by an empty one. */
function pagesOf(items: Item[], limit: number): Item[][] {
  const pages = Array.from({ length: Math.ceil(items.length / limit) }, (_, index) =>
    items.slice(index * limit, (index + 1) * limit),
  )
  return pages.length > 0 ? pages : [[]]
}

async function expectPages(kind: Kind, path: string, items: Item[], limit: number): Promise<void> {
  for (const order of ["asc", "desc"] as const) {
    const expected = pagesOf(order === "asc" ? items : items.toReversed(), limit)
    const byCursor = await walk(kind, path, ({ body }) => {
      if (body === undefined) return `limit=${limit}&order=${order}`
      return body.next_cursor === null ? undefined : `limit=${limit}&cursor=${body.next_cursor}`
    })
    expect(byCursor).toEqual(expected)
    const byPage = await walk(kind, path, ({ body }, page) =>
      body !== undefined && body.next_cursor === null ? undefined : `limit=${limit}&order=${order}&page=${page}`,
    )
    expect(byPage).toEqual(expected)
  }
}

describe("a list that is partly in the outbox and partly in MySQL", () => {
  test.each([
    ["chats", chats],
    ["messages", messages],
  ])("of %s, walked by cursor and by page in both orders, is the model's", async (_what, kind) => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), fc.integer({ min: 1, max: 7 }), async (steps, limit) => {
        const parent = await kind.given()
        await expectPages(kind, parent, await play(kind, parent, steps), limit)
      }),
      { numRuns: RUNS },
    )
  })

  test("of applications, by time of creation and then by token, is the model's", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 25 }), fc.integer({ min: 1, max: 7 }), async (steps, limit) => {
        await drainQueues(stores())
        const parent = await applications.given()
        const items = await play(applications, parent, steps)
        const created = new Map<string | number, string>()
        for (const { key } of items)
          created.set(key, expectStatus(await api.getApplication(String(key)), 200).created_at)
        const placeOf = ({ key }: Item) => `${created.get(key)} ${key}`
        const ordered = items.toSorted((a, b) => (placeOf(a) < placeOf(b) ? -1 : 1))
        await expectPages(applications, parent, ordered, limit)
      }),
      { numRuns: 12 },
    )
  })

  test("with more pending deletes than a window holds, goes on behind them", async () => {
    const path = await messages.given()
    const keys = await Promise.all(Array.from({ length: 620 }, (_, index) => messages.create(path, `message ${index}`)))
    await drainQueues(stores())
    const [first, last] = [Math.min(...keys.map(Number)), Math.max(...keys.map(Number))]
    const hidden = keys.filter((key) => key !== first && key !== last)
    // Fewer at a time than may wait for MySQL in one process.
    for (let at = 0; at < hidden.length; at += 100)
      await Promise.all(
        hidden.slice(at, at + 100).map(async (key) => expectStatus(await messages.remove(path, key), 204)),
      )
    for (const limit of [1, 2, 100]) {
      const pages = await walk(messages, path, ({ body }) => {
        if (body === undefined) return `limit=${limit}`
        return body.next_cursor === null ? undefined : `limit=${limit}&cursor=${body.next_cursor}`
      })
      expect(pages.flat().map(({ key }) => key)).toEqual([first, last])
    }
  })
})
