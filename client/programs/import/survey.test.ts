import { mkdtemp, readFile, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, expect, test } from "@jest/globals"
import type { Format, Item } from "./format.ts"
import { type Message, sourceOf } from "./given-source.ts"
import { Report } from "./report.ts"
import { Spool } from "./spool.ts"
import { messagesDone, stepsAfter } from "./steps.ts"
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
  const doneOf = (steps: number) => {
    return chats.reduce((sum, chat) => sum + messagesDone({ spool, chat, keeps: true }, steps), 0)
  }
  const done = (steps: number[]) => steps.map(doneOf)
  await report.close()
  await spool.close()
  const { problems } = report
  return { chats, sent, done, summary: report.summary(), problems, advice: report.advice() }
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

test("A text that is split is told, and its later parts are counted", async () => {
  const { chats, summary } = await surveyed([message("a", "x".repeat(25_000), { id: "1" }), message("a", "y")])
  expect(chats).toMatchObject([{ messages: 4, laterParts: 2 }])
  expect(summary[1]).toBe("  1 × long text: it has over 10,000 characters: split into 3 messages")
  expect(JSON.parse(await readFile(join(folder, "report"), "utf8"))).toMatchObject({ what: "long text", id: "1" })
})

test("A kind of which reasons differ has one as an example, and one of which they are the same has it", async () => {
  const [empty, long] = [message("a", " "), (chars: number) => message("a", "x".repeat(chars))]
  const { summary } = await surveyed([empty, empty, long(15_000), long(25_000)])
  expect(summary).toContain("  2 × long text, for example: it has over 10,000 characters: split into 2 messages")
  expect(summary).toContain("  2 × empty message: it has neither a text nor a file with a name")
})

test("Placeholders are not counted among the messages that are done", async () => {
  const numbered = [2, 5, 6].map((number) => message("a", `${number}`, { number }))
  const { done } = await surveyed(numbered)
  expect(done([0, 1, 2, 4, 5, 6])).toEqual([0, 0, 1, 1, 2, 3])
})

test.each([
  [["--timezone"], "Give --timezone"],
  [["--timezone", "--date-order", "--timezone"], "Give --timezone and --date-order"],
  [["--timezone", undefined], "Mend the source, give --timezone"],
  [[undefined], "Mend the source, or tell its --format"],
] as const)("What is to be done about problems that lack %j", async (options, advice) => {
  const problems = options.map((option): Item => {
    return { kind: "problem", why: "w", at: { file: "f" }, ...(option === undefined ? {} : { option }) }
  })
  expect((await surveyed(problems)).advice).toBe(advice)
})

test("A chat of which only some messages have numbers, and a numbered one that is too long, are problems", async () => {
  const long = message("b", "x".repeat(10_001), { number: 1 })
  const { problems, summary } = await surveyed([message("a", "1", { number: 1 }), message("a", "2"), long])
  expect(problems).toBe(2)
  expect(summary.join("\n")).toMatch(/some messages of the chat have numbers.*longer than/s)
  expect((await readFile(join(folder, "report"), "utf8")).split("\n")).toHaveLength(3)
})
