import { expect, test } from "@jest/globals"
import { chatApi, directTransport, expectStatus } from "../steps/chat-api.ts"

const api = chatApi(directTransport())

test("without any store, health is 200: it speaks of this process only", async () => {
  expect(expectStatus(await api.call({ path: "/health" }), 200)).toEqual({ status: "ok" })
})
