import { expect, test } from "@jest/globals"
import { ROUTES } from "../../lib/operations/routes.ts"
import { chatApi, directTransport, expectStatus } from "../steps/chat-api.ts"

/** The paths of the document: all but those of parts of other answers. */
const DOCUMENTED = [...new Set(ROUTES.filter(({ isHidden }) => !isHidden).map(({ path }) => path))].sort()

const api = chatApi(directTransport())

test("the document's server is an absolute URL: where its caller has reached the API", async () => {
  for (const [headers, url] of [
    [{ host: "localhost:3000" }, "http://localhost:3000"],
    [{ host: "chat.example.com", "x-forwarded-proto": "https" }, "https://chat.example.com"],
  ] as const)
    expect((await api.call({ path: "/openapi.json", headers })).body.servers).toEqual([{ url }])
})

test("asked for without any store, the document is OpenAPI 3.1 and has every path", async () => {
  const answer = await api.call({ path: "/openapi.json" })
  const document = expectStatus(answer, 200)
  expect(answer.headers["content-type"]).toBe("application/json; charset=utf-8")
  expect(document.openapi).toMatch(/^3\.1\./)
  expect(Object.keys(document.paths).sort()).toEqual(DOCUMENTED)
})
