import { mkdtemp, readFile, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, expect, test } from "@jest/globals"
import type { Format, Item } from "./format.ts"
import { type Message, sourceOf } from "./given-source.ts"
import { Report } from "./report.ts"
import { Spool } from "./spool.ts"
import { stepsAfter } from "./steps.ts"
import { survey } from "./survey.ts"

let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "import-survey-"))
})
afterAll(() => rm(folder, { recursive: true }))

const message = (chat: string, body: string, members: Partial<Message> = {}): Item => ({
  ...{ kind: "message", chat, id: body, body, sender: null, sentAt: null, metadata: {}, at: { file: "f", line: 1 } },
  ...members,
})

/** Returns the chats of a source that tells these items, what would be sent, and what is wrong. */
async function surveyed(items: Item[], order: Format["order"] = "source") {
  const spool = await Spool.create(join(folder, "spool"))
  const report = new Report(join(folder, "report"))
  const format: Format = {
    ...{ name: "given", order },
    detects: async () => true,
    async *read() {
      yield* items
    },
  }
  const given = { source: sourceOf({}), format, options: { maxBytes: 1 }, spool, report }
  const chats = await survey(given)
  const sent: Record<string, string[]> = {}
  for (const chat of chats) {
    sent[chat.id] = []
    for await (const { json } of stepsAfter({ spool, chat, keeps: true }, { done: 0, hash: "" }))
      sent[chat.id]?.push(JSON.parse(json).body)
  }
  await report.close()
  await spool.close()
  return { chats, sent, summary: report.summary(), problems: report.problems }
}

test("Messages stay in the order of the source, chat by chat, and a chat may be named after them", async () => {
  const late: Item = { kind: "chat", chat: "a", name: "A", metadata: {} }
  const { chats, sent } = await surveyed([message("a", "1"), message("b", "2"), message("a", "3"), late])
  expect(chats.map(({ id, chat, messages }) => [id, chat, messages])).toEqual([
    ["a", { name: "A" }, 2],
    ["b", {}, 1],
  ])
  expect(sent).toEqual({ a: ["1", "3"], b: ["2"] })
})

test("Messages of a format in any order are sorted by time, those without one behind the one before them", async () => {
  const at = (time: string) => ({ sentAt: `2026-01-31T${time}` })
  const items = [
    message("a", "4", at("11:00:00Z")),
    message("a", "5"),
    message("a", "1", at("08:00:00Z")),
    message("a", "2", at("10:30:00+01:00")),
    message("a", "3", at("09:30:00Z")),
  ]
  expect((await surveyed(items, "time")).sent).toEqual({ a: ["1", "2", "3", "4", "5"] })
})

test("Of an export the last line of a number holds, what is gone is not sent, and placeholders keep the numbers", async () => {
  const items: Item[] = [
    { kind: "chat", chat: "3", number: 3, name: null, metadata: {} },
    message("3", "five", { number: 5 }),
    message("3", "old", { number: 2 }),
    message("3", "gone", { number: 4 }),
    message("3", "two", { number: 2 }),
    { kind: "deleted", chat: "3", number: 4 },
    { kind: "chat", chat: "1", number: 1, name: "first", metadata: {} },
    message("2", "lost", { number: 1 }),
    { kind: "deleted", chat: "2", number: null },
  ]
  const { chats, sent } = await surveyed(items)
  expect(chats.map(({ number, messages }) => [number, messages])).toEqual([
    [1, 0],
    [3, 2],
  ])
  expect(sent).toEqual({ "1": [], "3": ["-", "two", "-", "-", "five"] })
})

test("A chat of which only some messages have numbers, and a numbered one that is too long, are problems", async () => {
  const long = message("b", "x".repeat(10_001), { number: 1 })
  const { problems, summary } = await surveyed([message("a", "1", { number: 1 }), message("a", "2"), long])
  expect(problems).toBe(2)
  expect(summary.join("\n")).toMatch(/some messages of the chat have numbers.*longer than/s)
  expect((await readFile(join(folder, "report"), "utf8")).split("\n")).toHaveLength(3)
})
