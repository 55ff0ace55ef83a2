import { describe, expect, test } from "@jest/globals"
import { createRouter } from "./router.ts"

const KEYS = [
  "GET /",
  "GET /chats",
  "GET /chats/{number}",
  "DELETE /chats/{number}",
  "GET /chats/{chat_number}/messages/search",
  "GET /chats/{chat_number}/messages/{number}",
  "GET /chats/latest/members",
  "$default",
]

function routerOf(keys: string[]) {
  const router = createRouter<string>()
  for (const key of keys) router.add(key, `function of ${key}`)
  return router
}

describe("the route of a request", () => {
  const router = routerOf(KEYS)

  test.each([
    ["GET", "/", "GET /", undefined],
    ["GET", "/chats", "GET /chats", undefined],
    ["GET", "/chats/", "GET /chats", undefined],
    ["GET", "/chats/7", "GET /chats/{number}", { number: "7" }],
    ["DELETE", "/chats/7/", "DELETE /chats/{number}", { number: "7" }],
    ["GET", "/chats/a%2Fb", "GET /chats/{number}", { number: "a/b" }],
    ["GET", "/chats/7/messages/8", "GET /chats/{chat_number}/messages/{number}", { chat_number: "7", number: "8" }],
    ["GET", "/chats/7/messages/search", "GET /chats/{chat_number}/messages/search", { chat_number: "7" }],
    // What begins like a literal may still be a parameter.
    ["GET", "/chats/latest", "GET /chats/{number}", { number: "latest" }],
    [
      "GET",
      "/chats/latest/messages/8",
      "GET /chats/{chat_number}/messages/{number}",
      { chat_number: "latest", number: "8" },
    ],
    ["GET", "/%63hats", "GET /chats", undefined],
    ["POST", "/chats/7", "$default", undefined],
    ["GET", "/chats/7/messages", "$default", undefined],
    ["GET", "/chats//messages/8", "$default", undefined],
    ["GET", "/Chats", "$default", undefined],
  ])("%s %s is %s", (method, path, key, pathParameters) => {
    expect(router.find(method, path)).toEqual({ key, target: `function of ${key}`, pathParameters })
  })

  test("that no other takes, without a default one, is none", () => {
    expect(routerOf(["GET /chats"]).find("GET", "/others")).toBeUndefined()
  })
})

test.each(["ANY /{proxy+}", "GET /chats/a{number}"])("a route of another kind (%s) is refused", (key) => {
  expect(() => routerOf([key])).toThrow("not supported")
})
