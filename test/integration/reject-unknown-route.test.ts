import { describe, expect, test } from "@jest/globals"
import { ROUTES } from "../../lib/operations/routes.ts"
import { chatApi, directTransport } from "../steps/chat-api.ts"
import { expectProblem } from "../steps/expect-problem.ts"
import { pathOf } from "../steps/world.ts"

const api = chatApi(directTransport())

const METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"] as const
const PATHS = [...new Set(ROUTES.map(({ path }) => path))]
/** 405 depends on the path alone; nothing needs to exist there. */
const NOWHERE = { token: "n".repeat(24), chat: 1, message: 1 }

const methodsAt = (path: string): string[] =>
  ROUTES.filter((route) => route.path === path).flatMap(({ methods }) => methods)
const wrong = PATHS.flatMap((path) =>
  METHODS.filter((method) => !methodsAt(path).includes(method)).map((method) => [method, path] as const),
)

describe("a path of the API", () => {
  test.each(wrong)("called with %s %s, is 405 with what it takes", async (method, template) => {
    const answer = await api.call({ method, path: pathOf(template, NOWHERE), json: { name: "x" } })
    expectProblem(answer, 405, "method_not_allowed")
    const allowed = String(answer.headers.allow).split(", ")
    expect(allowed).toEqual(expect.arrayContaining([...methodsAt(template), "OPTIONS"]))
    expect(allowed).not.toContain(method)
  })
})

describe("a path that is none of the API's", () => {
  test.each([
    ["GET", "/"],
    ["POST", "/application"],
    ["GET", "/applications/a/b"],
    ["DELETE", `/applications/${NOWHERE.token}/chats/1/messages/1/edits`],
    ["GET", "/health/live"],
    ["GET", "/../etc/passwd"],
  ])("called with %s %s, is 404", async (method, path) => {
    expectProblem(await api.call({ method, path }), 404, "not_found")
  })
})
