import { expect, test } from "@jest/globals"
import { ROUTES } from "../../lib/operations/routes.ts"
import { steps, walk } from "./walk.ts"

const names = steps().map(({ name }) => name)

test("the steps: are all routes, created from the application down and deleted up to it", () => {
  const routes = ROUTES.flatMap(({ methods, path }) => methods.map((method) => `${method} ${path}`))
  expect(names.toSorted()).toEqual(routes.toSorted())
  const application = "/applications/{token}"
  const chats = `${application}/chats`
  const messages = `${chats}/{chat_number}/messages`
  expect(names.slice(0, 3)).toEqual(["POST /applications", `POST ${chats}`, `POST ${messages}`])
  const deletions = [`${messages}/{number}`, messages, `${chats}/{number}`, application].map((path) => `DELETE ${path}`)
  expect(names.slice(-4)).toEqual(deletions)
})

test("a walk: calls with what was created, and ends at the first answer of another status", async () => {
  const paths: string[] = []
  const walked = walk(steps(), ({ operation }) => async ({ path }) => {
    paths.push(path)
    const status = operation.id === "get-message" ? 500 : operation.answer.status
    return { status, headers: {}, text: "", body: { token: "a-token", number: paths.length } }
  })
  await expect(walked).rejects.toThrow(/^GET .*\/\{number\}: 500 , not 200$/)
  expect(paths).toContain("/applications/a-token/chats/2/messages/3")
})
