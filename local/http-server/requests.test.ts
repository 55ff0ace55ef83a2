import { describe, expect, test } from "@jest/globals"
import fc from "fast-check"
import { decodablePath, joinedHeaders } from "./requests.ts"

describe("the path of a request", () => {
  test.each([
    ["/applications", "/applications"],
    ["/applications/%20?limit=%zz", "/applications/%20?limit=%zz"],
    ["/applications/%zz", "/applications/%25zz"],
    ["/applications/%", "/applications/%25"],
    ["/applications/%ff/chats/%C3%A9?x=1", "/applications/%25ff/chats/%C3%A9?x=1"],
    ["/applications/x/chats/%e2%82", "/applications/x/chats/%25e2%2582"],
    ["http://example.com:80/health?x", "/health?x"],
    ["https://example.com", "/"],
    ["https://example.com?x", "/?x"],
  ])("%s becomes %s", (url, path) => {
    expect(decodablePath(url)).toBe(path)
  })

  test("of any kind can be decoded, and stays as it is where it could be before", () => {
    const escapes = fc.array(fc.constantFrom("%", "/", "a", "f", "C3", "A9", "%C3%A9", "%zz", "?", "é"))
    fc.assert(
      fc.property(escapes, (parts) => {
        const url = `/${parts.join("")}`
        const [before = "", after = ""] = [url, decodablePath(url)].map((target) => target.split("?")[0] ?? "")
        expect(() => decodeURIComponent(after)).not.toThrow()
        let isDecodable = true
        try {
          decodeURIComponent(before)
        } catch {
          isDecodable = false
        }
        expect(after === before).toBe(isDecodable)
      }),
    )
  })
})

test("headers are joined by their names in lower case, in the order in which they came", () => {
  const raw = ["X-Forwarded-For", "192.0.2.1", "Accept", "a", "x-forwarded-for", "192.0.2.2", "X-Empty", ""]
  expect([...joinedHeaders(raw)]).toEqual([
    ["x-forwarded-for", "192.0.2.1, 192.0.2.2"],
    ["accept", "a"],
    ["x-empty", ""],
  ])
})
