import { describe, expect, test } from "@jest/globals"
import { List, type ListOptions } from "./lists.ts"

const ITEMS = Array.from({ length: 250 }, (_, index) => index + 1)

/** Returns a list of the items, and the sizes of the pages that are asked for. */
function listOf(options: ListOptions) {
  const asked: number[] = []
  const list = new List<number>((cursor = "0", limit) => {
    asked.push(limit)
    const end = Number(cursor) + limit
    return Promise.resolve({
      data: ITEMS.slice(Number(cursor), end),
      next_cursor: end < ITEMS.length ? `${end}` : null,
    })
  }, options)
  return { list, asked }
}

describe("a list", () => {
  test.each([
    ["all", undefined, ITEMS, [100, 100, 100]],
    ["some of a page", 3, ITEMS.slice(0, 3), [3]],
    ["some of several pages", 120, ITEMS.slice(0, 120), [100, 20]],
    ["none", 0, [], []],
    ["more than there is", 900, ITEMS, [100, 100, 100]],
  ])("of %s: yields each once and asks for no more", async (_name, limit, expected, pages) => {
    const { list, asked } = listOf({ limit })
    expect(await Array.fromAsync(list)).toEqual(expected)
    expect(asked).toEqual(pages)
  })

  test("that is left: asks for no further page, and begins anew next time", async () => {
    const { list, asked } = listOf({})
    for await (const item of list) if (item === 7) break
    for await (const item of list) {
      expect(item).toBe(1)
      break
    }
    expect(asked).toEqual([100, 100])
  })

  test("that is aborted amid a page: ends at once with the reason", async () => {
    const controller = new AbortController()
    const { list } = listOf({ signal: controller.signal })
    const reason = new Error("enough")
    const seen: number[] = []
    const reading = (async () => {
      for await (const item of list) {
        seen.push(item)
        if (item === 5) controller.abort(reason)
      }
    })()
    await expect(reading).rejects.toBe(reason)
    expect(seen).toEqual([1, 2, 3, 4, 5])
  })
})
