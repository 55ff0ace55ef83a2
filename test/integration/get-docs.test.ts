import { expect, test } from "@jest/globals"
import { chatApi, directTransport, expectStatus } from "../steps/chat-api.ts"

const api = chatApi(directTransport())

test("asked for without any store, the page is HTML and loads nothing from elsewhere", async () => {
  const answer = await api.call({ path: "/docs" })
  expectStatus(answer, 200)
  expect(answer.headers["content-type"]).toBe("text/html; charset=utf-8")
  expect(answer.text).not.toMatch(/(?:src|href)=["']?(?:https?:)?\/\//)
})
