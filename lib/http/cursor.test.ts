import { describe, expect, test } from "@jest/globals"
import fc from "fast-check"
import type { Position } from "../contract.ts"
import { ApiError } from "../errors.ts"
import { LIMITS } from "../limits.ts"
import { decodeCursor, encodeCursor } from "./cursor.ts"

const APPLICATIONS = { path: "/applications", keyedBy: "token" } as const
const CHATS = { path: "/applications/abcdefghijklmnopqrstuvwx/chats", keyedBy: "number" } as const
const OTHER_CHATS = { path: "/applications/ABCDEFGHIJKLMNOPQRSTUVWX/chats", keyedBy: "number" } as const

const MESSAGES = { path: "/applications/abcdefghijklmnopqrstuvwx/chats/1/messages", keyedBy: "message" } as const
const SEARCH = { path: "/applications/abcdefghijklmnopqrstuvwx/messages/search?a", keyedBy: "hit" } as const

const order = fc.constantFrom("asc" as const, "desc" as const)
const byNumber: fc.Arbitrary<Position> = fc.record({ key: fc.integer({ min: 1, max: LIMITS.numberMax }) })
const byToken: fc.Arbitrary<Position> = fc.record({
  key: fc.stringMatching(/^[A-Za-z0-9_-]{24}$/),
  createdAt: fc.integer({ min: 0, max: 253_402_300_799_999 }),
})

const byHit: fc.Arbitrary<Position> = fc.record({
  key: fc.integer({ min: 1, max: LIMITS.numberMax }),
  createdAt: fc.integer({ min: 0, max: 253_402_300_799_999 }),
  chat: fc.integer({ min: 1, max: LIMITS.numberMax }),
})

const pack = (fields: unknown): string => Buffer.from(JSON.stringify(fields)).toString("base64url")
const unpack = (cursor: string): unknown[] => JSON.parse(Buffer.from(cursor, "base64url").toString())

/** Expects 422 on the cursor, the only possible effect of a wrong cursor. */
function expectRefused(decode: () => unknown) {
  expect(decode).toThrow(ApiError)
  expect(decode).toThrow(
    expect.objectContaining({ code: "invalid_request", errors: [{ path: "cursor", message: expect.any(String) }] }),
  )
}

describe("a cursor", () => {
  test("that was encoded decodes to the same position and order", () => {
    fc.assert(
      fc.property(order, byNumber, byToken, byHit, (order, number, token, hit) => {
        expect(decodeCursor(SEARCH, encodeCursor(SEARCH, order, hit))).toEqual({ order, after: hit })
        expect(decodeCursor(CHATS, encodeCursor(CHATS, order, number))).toEqual({ order, after: number })
        expect(decodeCursor(APPLICATIONS, encodeCursor(APPLICATIONS, order, token))).toEqual({ order, after: token })
      }),
    )
  })

  test("that was encoded with the end of its list decodes with it", () => {
    fc.assert(
      fc.property(order, byNumber, fc.nat(LIMITS.numberMax), (order, after, end) => {
        const until = { key: end }
        expect(decodeCursor(MESSAGES, encodeCursor(MESSAGES, order, after, until))).toEqual({ order, after, until })
        expect(decodeCursor(MESSAGES, encodeCursor(MESSAGES, order, after))).toEqual({ order, after })
      }),
    )
  })

  test.each([
    ["a negative number", -1],
    ["a fraction", 1.5],
    ["a number above all numbers", LIMITS.numberMax + 1],
    ["a text", "9"],
    ["nothing", null],
  ])("whose list ends at %s is refused", (_, end) => {
    const [order, path, key] = unpack(encodeCursor(MESSAGES, "asc", { key: 1 }))
    expectRefused(() => decodeCursor(MESSAGES, pack([order, path, key, end])))
    expectRefused(() => decodeCursor(MESSAGES, pack([order, path, key, 1, 1])))
  })

  test("is short, URL-safe, and shows no token of a chat's application", () => {
    fc.assert(
      fc.property(order, byNumber, byToken, (order, number, token) => {
        const cursors = [encodeCursor(CHATS, order, number), encodeCursor(APPLICATIONS, order, token)]
        for (const cursor of cursors) expect(cursor).toMatch(/^[A-Za-z0-9_-]{1,128}$/)
        expect(Buffer.from(cursors[0] ?? "", "base64url").toString()).not.toContain("abcdefghijkl")
      }),
    )
  })

  test("of another list is refused", () => {
    fc.assert(
      fc.property(order, byNumber, byToken, byHit, (order, number, token, hit) => {
        expectRefused(() => decodeCursor(CHATS, encodeCursor(SEARCH, order, hit)))
        expectRefused(() => decodeCursor(SEARCH, encodeCursor(CHATS, order, number)))
        expectRefused(() => decodeCursor({ ...SEARCH, path: `${SEARCH.path}b` }, encodeCursor(SEARCH, order, hit)))
        expectRefused(() => decodeCursor(OTHER_CHATS, encodeCursor(CHATS, order, number)))
        expectRefused(() => decodeCursor(CHATS, encodeCursor(APPLICATIONS, order, token)))
        expectRefused(() => decodeCursor(APPLICATIONS, encodeCursor(CHATS, order, number)))
      }),
    )
  })

  test("that is garbage is refused", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.base64String(), fc.json().map(pack)), (garbage) => {
        expectRefused(() => decodeCursor(CHATS, garbage))
        expectRefused(() => decodeCursor(APPLICATIONS, garbage))
        expectRefused(() => decodeCursor(SEARCH, garbage))
        expectRefused(() => decodeCursor(MESSAGES, garbage))
      }),
    )
  })

  test("that was changed in one character is refused or still within its ranges", () => {
    fc.assert(
      fc.property(byNumber, fc.nat(), fc.stringMatching(/^[A-Za-z0-9_-]$/), (position, at, character) => {
        const cursor = encodeCursor(CHATS, "asc", position)
        const index = at % cursor.length
        const changed = cursor.slice(0, index) + character + cursor.slice(index + 1)
        try {
          const { after } = decodeCursor(CHATS, changed)
          expect(Number.isInteger(after.key) && Number(after.key) >= 1 && Number(after.key) <= LIMITS.numberMax).toBe(
            true,
          )
        } catch (error) {
          expect(error).toBeInstanceOf(ApiError)
        }
      }),
    )
  })

  test.each([
    ["a number of 0", 0],
    ["a negative number", -1],
    ["a fraction", 1.5],
    ["a number above all numbers", LIMITS.numberMax + 1],
    ["a text", "1 OR 1=1"],
    ["nothing", null],
    ["an object", { key: 1 }],
  ])("with the right list but %s is refused", (_, key) => {
    const [order, path] = unpack(encodeCursor(CHATS, "asc", { key: 1 }))
    expectRefused(() => decodeCursor(CHATS, pack([order, path, key])))
  })

  test.each([
    ["a short token", "short", 1],
    ["a negative time", "abcdefghijklmnopqrstuvwx", -1],
    ["a time after the year 9999", "abcdefghijklmnopqrstuvwx", 253_402_300_800_000],
    ["no time", "abcdefghijklmnopqrstuvwx", undefined],
  ])("with the list of applications but %s is refused", (_, key, createdAt) => {
    const [order, path] = unpack(encodeCursor(APPLICATIONS, "asc", { key: "abcdefghijklmnopqrstuvwx", createdAt: 1 }))
    expectRefused(() => decodeCursor(APPLICATIONS, pack([order, path, key, createdAt])))
  })

  test.each([
    ["no chat", 1, undefined],
    ["a chat 0", 1, 0],
    ["a time before 1970", -1, 1],
    ["a time after the year 9999", 253_402_300_800_000, 1],
  ])("with the right search but %s is refused", (_, createdAt, chat) => {
    const [order, path, key] = unpack(encodeCursor(SEARCH, "asc", { key: 1, createdAt: 1, chat: 1 }))
    expectRefused(() => decodeCursor(SEARCH, pack([order, path, key, createdAt, chat])))
  })

  test("with a wrong order, more fields or padding is refused", () => {
    const cursor = encodeCursor(CHATS, "asc", { key: 1 })
    const [, path, key] = unpack(cursor)
    expectRefused(() => decodeCursor(CHATS, pack(["up", path, key])))
    expectRefused(() => decodeCursor(CHATS, pack(["asc", path, key, 1])))
    expectRefused(() => decodeCursor(CHATS, `${cursor}=`))
    expectRefused(() => decodeCursor(CHATS, ` ${cursor}`))
  })
})
