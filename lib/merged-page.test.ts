// A page is the same as if the whole outbox and table had been merged, ordered and cut.
import { describe, expect, test } from "@jest/globals"
import fc from "fast-check"
import type { Page, PageRequest, Position } from "./contract.ts"
import type { WriteEvent } from "./events.ts"
import { compare, type Item, type ListSource, mergedPage, type Window } from "./merged-page.ts"

const RUNS = 500

/** What the outbox and the table may have of one resource: the revisions of its event and of its row. */
type Resource = { pending?: number; deleted?: boolean; row?: number }
const DELETED: Resource = { pending: 5, deleted: true, row: 4 }
const RESOURCES: Resource[] = [
  DELETED,
  {},
  { row: 5 },
  { pending: 5 },
  { pending: 5, row: 4 },
  { pending: 5, row: 5 },
  { pending: 5, row: 6 },
  { pending: 5, deleted: true },
  { pending: 5, deleted: true, row: 6 },
]

type PositionOf = (number: number) => Position
const byNumber: PositionOf = (number) => ({ key: number })
/** Every three resources share a time, and their keys do not grow with it. */
const byTime: PositionOf = (number) => ({ createdAt: Math.floor(number / 3), key: `${number % 3} of ${number}` })

function createSource(resources: Resource[], positionOf: PositionOf) {
  const numbered = resources.map((resource, number) => ({ ...resource, number }))
  const events = numbered.flatMap(({ number, pending, deleted }): WriteEvent[] => {
    if (pending === undefined) return []
    const key = { application: "token", chat: 1, message: number }
    return [{ revision: String(pending), ...key, created_at: 1, ...(deleted && { deleted }) }]
  })
  const items = numbered.flatMap(({ number, row }): Item<string>[] =>
    row === undefined ? [] : [{ position: positionOf(number), revision: row, value: `row ${number}` }],
  )
  const windowOf = <T>(list: T[], place: (one: T) => Position, { after, until, order, count }: Window): T[] =>
    list
      .filter((one) => after === undefined || compare(place(one), after, order) > 0)
      .filter((one) => until === undefined || compare(place(one), until, order) < 0)
      .sort((a, b) => compare(place(a), place(b), order))
      .slice(0, count)
  const reads = { pending: 0, rows: 0 }
  const source: ListSource<string> = {
    positionOf: ({ message }) => positionOf(message),
    valueOf: ({ message }, row) => `event ${message}, ${row ?? "no row"}`,
    async readPending(window) {
      reads.pending++
      return windowOf(events, source.positionOf, window)
    },
    async readRows(window, keysOnly) {
      reads.rows++
      const rows = windowOf(items, ({ position }) => position, window).reverse()
      return rows.map((row) => ({ ...row, value: keysOnly ? "only a key" : row.value }))
    },
  }
  return { source, reads }
}

/** Returns what the list shows of the resource, if anything. */
function shown({ pending, deleted, row }: Resource, number: number): string[] {
  if (pending === undefined || (row !== undefined && row > pending)) return row === undefined ? [] : [`row ${number}`]
  return deleted ? [] : [`event ${number}, ${row === undefined ? "no row" : `row ${number}`}`]
}

function expectedPage(resources: Resource[], positionOf: PositionOf, request: PageRequest): Page<string> {
  const { after, until, order, offset = 0, limit } = request
  const numbers = [...resources.keys()]
  if (order === "desc") numbers.reverse()
  const placeOf = (position: Position) => numbers.findIndex((n) => positionOf(n).key === position.key)
  const beyond = numbers.slice(after === undefined ? 0 : 1 + placeOf(after), until && placeOf(until))
  const list = beyond.flatMap((number) => shown(resources[number] ?? {}, number).map((value) => ({ number, value })))
  const page = list.slice(offset, offset + limit)
  const last = page.at(-1)
  return {
    data: page.map(({ value }) => value),
    next: last && list.length > offset + limit ? positionOf(last.number) : null,
  }
}

const scene = fc.record({
  resources: fc.array(fc.constantFrom(...RESOURCES), { minLength: 1, maxLength: 40 }),
  order: fc.constantFrom("asc" as const, "desc" as const),
  limit: fc.integer({ min: 1, max: 8 }),
  offset: fc.option(fc.nat(12), { nil: undefined }),
  start: fc.option(fc.nat(39), { nil: undefined }),
  end: fc.option(fc.nat(39), { nil: undefined }),
})

describe.each([
  ["numbers", byNumber],
  ["times and keys", byTime],
])("a page by %s", (_, positionOf) => {
  test("of any resources, from anywhere to anywhere: is cut from the whole", async () => {
    await fc.assert(
      fc.asyncProperty(scene, async ({ resources, order, limit, offset, start, end }) => {
        const place = (at: number | undefined) =>
          at !== undefined && at < resources.length ? positionOf(at) : undefined
        const [after, until] = [place(start), place(end)]
        const ends = { ...(after && { after }), ...(until && { until }) }
        const request = { order, limit, ...(offset !== undefined && { offset }), ...ends }
        const { source } = createSource(resources, positionOf)
        expect(await mergedPage(source, request)).toEqual(expectedPage(resources, positionOf, request))
      }),
      { numRuns: RUNS },
    )
  })

  test("after page, to the end: shows everything once", async () => {
    await fc.assert(
      fc.asyncProperty(scene, async ({ resources, order, limit }) => {
        const { source } = createSource(resources, positionOf)
        const all: string[] = []
        for (let after: Position | null | undefined; after !== null; ) {
          const page = await mergedPage(source, { order, limit, ...(after && { after }) })
          all.push(...page.data)
          after = page.next
        }
        expect(all).toEqual(expectedPage(resources, positionOf, { order, limit: resources.length }).data)
      }),
      { numRuns: RUNS },
    )
  })

  test("behind more pending deletes than a window holds: is found", async () => {
    const resources = Array.from({ length: 600 }, () => DELETED)
    const { source } = createSource([...resources, { row: 5 }, { pending: 5 }], positionOf)
    const page = await mergedPage(source, { order: "asc", limit: 1 })
    expect(page).toEqual({ data: ["row 600"], next: positionOf(600) })
  })
})

test("a page that the outbox fills without a gap: asks for no rows", async () => {
  const { source, reads } = createSource(
    Array.from({ length: 9 }, () => ({ pending: 5 })),
    byNumber,
  )
  const whole = { ...source, isWhole: () => true }
  expect((await mergedPage(whole, { order: "asc", limit: 3 })).data).toHaveLength(3)
  expect(reads).toEqual({ pending: 1, rows: 0 })
  await mergedPage(whole, { order: "asc", limit: 9 })
  expect(reads).toEqual({ pending: 2, rows: 1 })
})

test("a range that the outbox has whole: asks for no rows, however long the page may be", async () => {
  const { source, reads } = createSource(
    Array.from({ length: 9 }, () => ({ pending: 5 })),
    byNumber,
  )
  const whole = { ...source, isWhole: () => true }
  for (const [order, after, until] of [
    ["asc", 2, 6],
    ["desc", 6, 2],
  ] as const) {
    const request = { order, limit: 20, after: { key: after }, until: { key: until } }
    expect((await mergedPage(whole, request)).data).toHaveLength(3)
  }
  expect(reads).toEqual({ pending: 2, rows: 0 })
})

test("a page, some of whose rows have a pending delete: takes one read of each", async () => {
  const rows = Array.from({ length: 100 }, (_, number): Resource => (number % 9 ? { row: 4 } : DELETED))
  const { source, reads } = createSource(rows, byNumber)
  expect((await mergedPage(source, { order: "desc", limit: 20 })).data).toHaveLength(20)
  expect(reads).toEqual({ pending: 1, rows: 1 })
})
