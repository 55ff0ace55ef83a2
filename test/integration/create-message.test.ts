import { expect, test } from "@jest/globals"
import { chatApi, directTransport } from "../steps/chat-api.ts"
import { drainQueues, refreshIndex } from "../steps/drain.ts"
import { countCalls } from "../steps/statements.ts"
import { useTestStores } from "../steps/stores.ts"

const stores = useTestStores()
const api = chatApi(directTransport())

test("smoke", async () => {
  const token = await api.givenApplication()
  const chat = await api.givenChat(token)
  await api.givenMessage(token, chat, "hello")
  await drainQueues(stores())
  await refreshIndex(stores())
  const found = await api.searchMessages(token, chat, { query: "ell" })
  expect(found.body).toMatchObject({ total: 1 })
  const counts = await countCalls(stores(), () => api.createMessage(token, chat), () => api.createMessage(token, chat))
  expect(counts).toEqual({})
})
