import { describe, expect, test } from "@jest/globals"
import { ERROR_CODES } from "../../lib/errors.ts"
import { ChatError, ConnectionError, ERROR_CLASSES, errorOf, NotFoundError, TimeoutError } from "./errors.ts"
import * as index from "./index.ts"

const details = { status: 404, detail: "There is no such chat.", requestId: "request-1" }

describe("errors", () => {
  test("have a class for each code of the API, exported under its name", () => {
    const own = ["connection_failed", "timed_out"]
    expect(Object.keys(ERROR_CLASSES).sort()).toEqual([...Object.keys(ERROR_CODES), ...own].sort())
    const exported = new Set<unknown>(Object.values(index))
    for (const [code, Class] of Object.entries(ERROR_CLASSES)) {
      const error = errorOf({ ...details, code })
      expect([error.constructor, error.name, exported.has(Class)]).toEqual([Class, Class.name, true])
      expect(error).toBeInstanceOf(ChatError)
    }
    expect(new Set(Object.values(ERROR_CLASSES)).size).toBe(Object.keys(ERROR_CLASSES).length)
  })

  test("tell code, detail and request", () => {
    const error = errorOf({ ...details, code: "not_found" })
    expect(error).toBeInstanceOf(NotFoundError)
    expect(String(error)).toBe("NotFoundError: not_found: There is no such chat. (request request-1)")
    expect(error).toMatchObject({ ...details, code: "not_found", errors: [], isAfterLostAnswer: false })
  })

  test.each(["a_new_code", "constructor", "__proto__"])("with the unknown code %s: are plain", (code) => {
    expect(errorOf({ ...details, code }).constructor).toBe(ChatError)
  })

  test("of time are errors of connection", () => {
    expect(errorOf({ ...details, code: "timed_out" })).toBeInstanceOf(TimeoutError)
    expect(errorOf({ ...details, code: "timed_out" })).toBeInstanceOf(ConnectionError)
  })
})
