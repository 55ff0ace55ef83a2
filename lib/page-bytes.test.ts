import { expect, test } from "@jest/globals"
import { PAGE_BYTES_MAX, withinPageBytes } from "./page-bytes.ts"

const within = (bodies: string[]) => withinPageBytes(bodies.map((body, index) => ({ number: index + 1, body }))).length
const bodies = (body: string, count = 100) => Array<string>(count).fill(body)
/** Bytes of an item in an answer as AWS Lambda counts it: JSON in a JSON string. */
const bytesOf = (body: string) => Buffer.byteLength(JSON.stringify(JSON.stringify({ number: 100, body })))

test("a page of the longest bodies, of one byte each, is whole", () => {
  expect(within(bodies("a".repeat(10_000)))).toBe(100)
})

test.each([
  ["of four bytes each", "😀".repeat(10_000)],
  ["escaped as \\u0001", "\u0001".repeat(10_000)],
  ['escaped as \\"', '"'.repeat(15_000)],
])("a page of long bodies, %s, ends where the next one would exceed the bound", (_how, body) => {
  const count = within(bodies(body))
  expect(count).toBeLessThan(100)
  expect(count * bytesOf(body)).toBeLessThanOrEqual(PAGE_BYTES_MAX)
  expect((count + 1) * bytesOf(body)).toBeGreaterThan(PAGE_BYTES_MAX)
})

test("a page of short texts and a large object in each, ends where the next one would exceed the bound", () => {
  const items = Array.from({ length: 100 }, () => ({ body: "a", metadata: { note: "\u0001".repeat(10_000) } }))
  const each = Buffer.byteLength(JSON.stringify(JSON.stringify(items[0])))
  expect(withinPageBytes(items)).toHaveLength(Math.floor(PAGE_BYTES_MAX / each))
})

test("an item larger than a page is a page", () => {
  expect(within(bodies("a".repeat(PAGE_BYTES_MAX + 1), 2))).toBe(1)
})
