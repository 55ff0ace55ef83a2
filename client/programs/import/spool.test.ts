import { mkdtemp, readdir, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, expect, test } from "@jest/globals"
import { Spool } from "./spool.ts"

/** Of 42,000 messages on a machine that does other things. */
const MANY_LIMIT_MS = 30_000

let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "import-spool-"))
})
afterAll(() => rm(folder, { recursive: true }))

async function bodiesOf(spool: Spool, chat: number, from = 0): Promise<string[]> {
  const bodies: string[] = []
  for await (const { json } of spool.messagesOf(chat, from)) bodies.push(JSON.parse(json).body)
  return bodies
}

test("A spool gives each chat its messages by key, those of one key as they came", async () => {
  const spool = await Spool.create(join(folder, "a"))
  expect(await readdir(folder)).toEqual([])
  await spool.add(1, 5, { body: "e" })
  await spool.add(0, 2, { body: "b" })
  await spool.add(1, 3, { body: "c" })
  await spool.add(1, 5, { body: "f" })
  await spool.add(0, 1, { body: "ä" })
  await spool.sort(3, () => false)
  expect(await bodiesOf(spool, 0)).toEqual(["ä", "b"])
  expect(await bodiesOf(spool, 1)).toEqual(["c", "e", "f"])
  expect(await bodiesOf(spool, 1, 2)).toEqual(["f"])
  expect(await bodiesOf(spool, 2)).toEqual([])
  expect([spool.countOf(0), spool.countOf(1), spool.countOf(2), spool.lastKeyOf(1)]).toEqual([2, 3, 0, 5])
  expect([2, 3, 4, 5].map((key) => spool.countUpTo(1, key))).toEqual([0, 1, 1, 3])
  await spool.close()
})

test("A spool of unique keys keeps the last message of each, and none that is gone", async () => {
  const spool = await Spool.create(join(folder, "b"))
  await spool.add(0, 1, { body: "former" })
  await spool.add(0, 2, { body: "gone" })
  await spool.add(0, 1, { body: "latter" })
  await spool.add(0, 2, null)
  await spool.add(0, 3, null)
  await spool.add(0, 3, { body: "back" })
  await spool.sort(1, () => true)
  expect(await bodiesOf(spool, 0)).toEqual(["latter", "back"])
  expect(spool.countOf(0)).toBe(2)
  await spool.close()
})

test(
  "A spool of many messages of many chats, over several blocks, gives them all in order",
  async () => {
    const spool = await Spool.create(join(folder, "c"))
    const chats = 7
    const each = 6_000
    const text = "x".repeat(1_000)
    for (let index = 0; index < each; index++)
      for (let chat = 0; chat < chats; chat++)
        await spool.add(chat, index % 2 === 0 ? index : index - 2, { body: `${index} ${text}` })
    await spool.sort(chats, () => false)
    const expected = Array.from({ length: each }, (_, index) => index).sort(
      (a, b) => a - (a % 2) * 2 - (b - (b % 2) * 2) || a - b,
    )
    for (let chat = 0; chat < chats; chat++)
      expect((await bodiesOf(spool, chat)).map((body) => Number.parseInt(body, 10))).toEqual(expected)
    await spool.close()
  },
  MANY_LIMIT_MS,
)
