import { afterEach, describe, expect, test } from "@jest/globals"
import { baseUrl } from "./base-url.ts"

afterEach(() => {
  delete process.env.PUBLIC_URL
})

describe("the URL of the API", () => {
  test.each([
    [{ host: "localhost:3000" }, "http://localhost:3000"],
    [{ host: "127.0.0.1:99999" }, "http://127.0.0.1:99999"],
    [{ host: "[::1]:3000" }, "http://[::1]:3000"],
    [{ host: "chat.example.com", "x-forwarded-proto": "https" }, "https://chat.example.com"],
    [{ host: "chat.example.com", "x-forwarded-proto": "gopher" }, "http://chat.example.com"],
  ])("is what the caller has reached: %j", (headers, url) => {
    expect(baseUrl(headers)).toBe(url)
  })

  test.each([{}, { host: "" }, { host: 'a"b' }, { host: "a/b" }, { host: "a b" }, { host: "a@b" }])(
    "is not known by %j",
    (headers) => {
      expect(baseUrl(headers)).toBe("")
    },
  )

  test("is PUBLIC_URL where that is set, whatever the caller says, without a slash at its end", () => {
    process.env.PUBLIC_URL = "https://api.example.com/chat/"
    expect(baseUrl({ host: "localhost:3000" })).toBe("https://api.example.com/chat")
  })
})
