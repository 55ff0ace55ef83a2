// Pages of the longest messages: bounded in bytes, since AWS Lambda refuses answers above 6 MB.
import { expect, test } from "@jest/globals"
import { PAGE_BYTES_MAX } from "../../lib/page-bytes.ts"
import { chatApi, directTransport, expectStatus } from "../steps/chat-api.ts"
import type { Answered } from "../steps/gateway-event.ts"
import { useTestStores } from "../steps/stores.ts"
import { reach, STAGES } from "../steps/world.ts"

const stores = useTestStores()
const api = chatApi(directTransport())

const COUNT = 100
const NUMBERS = Array.from({ length: COUNT }, (_, index) => index + 1)
/** The rest of an answer, besides its items. */
const ENVELOPE_BYTES = 1_000

async function givenLong(body: string): Promise<{ token: string; chat: number }> {
  const token = await api.givenApplication()
  const chat = await api.givenChat(token)
  for (const _ of NUMBERS) await api.givenMessage(token, chat, body)
  return { token, chat }
}

/** Reads all pages of a hundred items. Checks the size of each, and that there are several. */
async function readPages(read: (query: Record<string, string | number>) => Promise<Answered>): Promise<number[]> {
  const found: number[] = []
  let pages = 0
  for (let cursor: string | undefined; pages === 0 || cursor !== undefined; pages++) {
    const answer = await read({ order: "asc", limit: COUNT, ...(cursor && { cursor }) })
    const { data, next_cursor } = expectStatus(answer, 200)
    expect(Buffer.byteLength(JSON.stringify(answer.text))).toBeLessThanOrEqual(PAGE_BYTES_MAX + ENVELOPE_BYTES)
    found.push(...data.map(({ number }: { number: number }) => number))
    cursor = next_cursor ?? undefined
  }
  expect(pages).toBeGreaterThan(1)
  return found
}

test.each(STAGES)("a list of long messages, %s, has all of them once on pages of 4 MB", async (stage) => {
  const { token, chat } = await givenLong("\u0001".repeat(10_000))
  await reach(stage, stores())
  expect(await readPages((query) => api.listMessages(token, chat, query))).toEqual(NUMBERS)
})

test("a search with ten thousand matches in each message has all of them once on pages of 4 MB", async () => {
  const { token, chat } = await givenLong("a".repeat(10_000))
  await reach("stored", stores())
  expect(await readPages((query) => api.searchMessages(token, chat, { ...query, query: "a" }))).toEqual(NUMBERS)
  expect(await readPages((query) => api.searchApplication(token, { ...query, query: "a" }))).toEqual(NUMBERS)
})
