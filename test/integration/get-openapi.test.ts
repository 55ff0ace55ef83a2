import { expect, test } from "@jest/globals"
import { ROUTES } from "../../lib/http/routes.ts"
import { chatApi, directTransport, expectStatus } from "../steps/chat-api.ts"

const api = chatApi(directTransport())

test("asked for without any store, the document is OpenAPI 3.1 and has every path", async () => {
  const answer = await api.call({ path: "/openapi.json" })
  const document = expectStatus(answer, 200)
  expect(answer.headers["content-type"]).toBe("application/json; charset=utf-8")
  expect(document.openapi).toMatch(/^3\.1\./)
  expect(Object.keys(document.paths).sort()).toEqual([...new Set(ROUTES.map(({ path }) => path))].sort())
})
