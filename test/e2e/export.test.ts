// chat-export against a running API: complete and in order wherever it is killed, and an import of it is the same again.
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals"
import { seededRandom, seedOf } from "../../campaign/load/random.ts"
import {
  type ApplicationHandle,
  type Chat,
  ChatClient,
  type Message,
  type MessageInput,
} from "../../client/src/index.ts"
import { eventually } from "../steps/eventually.ts"
import { endedOnce, startProgram } from "../steps/programs.ts"
import { useRunningApi } from "../steps/running-api.ts"

const CHATS = 6
const MESSAGES = 1_500
/** How much it writes at most before it is killed: a whole export is some 500,000 bytes. */
const KILL_WITHIN_BYTES = 150_000
const KILLS_MIN = 2
const RUNS_MAX = 60
const FOLLOW_LIMIT_MS = 20_000
const LINE_ENDS = "next line \u0085, line \u2028, paragraph \u2029."

const { api } = useRunningApi()
let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "chat-export-"))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const givenApplication = () => new ChatClient({ url: api().baseUrl }).createApplication({ name: "export" })
const run = (program: "chat-export" | "chat-import", token: string, ...args: string[]) =>
  startProgram(program, args, { cwd: folder, env: { CHAT_URL: api().baseUrl, CHAT_TOKEN: token } })
const exporting = (token: string, file: string, ...args: string[]) => run("chat-export", token, "-o", file, ...args)

type Line = { id: string; type: string; chat_number: number; number: number | null; data: Chat | Message | null }
const linesOf = async (file: string): Promise<Line[]> =>
  (await readFile(join(folder, file), "utf8"))
    .split("\n")
    .slice(0, -1)
    .map((line) => JSON.parse(line))

/** Returns the bytes of a file, 0 if it is not there. */
const sizeOf = (file: string): Promise<number> =>
  stat(join(folder, file)).then(
    ({ size }) => size,
    () => 0,
  )

type All = Map<string, object | null>
const key = (chat: number, number: number | null) => `${chat}/${number ?? ""}`

/** Returns what a reader of the lines ends with: the latest state of each chat and message. */
function folded(lines: Line[]): All {
  const found: All = new Map()
  for (const { chat_number: chat, number, data } of lines) {
    if (data !== null) found.set(key(chat, number), data)
    else
      for (const one of found.keys())
        if (number === null ? one.startsWith(`${chat}/`) : one === key(chat, number)) found.delete(one)
  }
  return found
}

/** Returns all that an application has; counts move without a change. */
async function listed(application: ApplicationHandle): Promise<All> {
  const found: All = new Map()
  for await (const chat of application.chats()) {
    found.set(key(chat.number, null), chat)
    for await (const message of application.chat(chat.number).messages())
      found.set(key(chat.number, message.number), message)
  }
  return found
}

const withoutCounts = (all: All) =>
  new Map(
    [...all].map(([name, data]) => [name, data && "messages_count" in data ? { ...data, messages_count: 0 } : data]),
  )

/** What an import keeps: numbers, texts, senders, metadata and when the original was sent. */
const importedOf = (all: All) =>
  new Map(
    [...all].map(([name, data]) => {
      const { name: called, body, sender, metadata, sent_at, created_at } = data as Chat & Message
      return [name, body === undefined ? { called, metadata } : { body, sender, metadata, at: sent_at ?? created_at }]
    }),
  )

const textOf = (index: number): MessageInput => ({ body: `message ${index} ${LINE_ENDS}`, sender: `user ${index % 3}` })

/** Fills an application, with edits, and holes of deleted messages and chats. */
async function fill(application: ApplicationHandle): Promise<void> {
  for (let number = 1; number <= CHATS; number++) {
    const chat = await application.createChat(number % 2 ? { name: `Chat ${number}`, metadata: { number } } : {})
    await chat.sendBatch(Array.from({ length: MESSAGES / CHATS }, (_, index) => textOf(index)))
    await chat.send({ body: "old", sent_at: "2001-02-03T04:05:06.789Z", metadata: { a: [1, { b: null }] } })
    await chat.updateMessage(2, { body: "edited" })
    for (const deleted of [1, 3, 4, 120]) await chat.deleteMessage(deleted)
  }
  await application.chat(5).update({ name: "Renamed" })
  for (const deleted of [1, 3]) await application.chat(deleted).delete()
}

describe("an export", () => {
  test("that is killed at random moments, while others write, has all in the end, each line whole", async () => {
    const application = await givenApplication()
    await fill(application)
    const random = seededRandom(seedOf("export"))
    let kills = 0
    for (let times = 0; times < RUNS_MAX; times++) {
      const exported = exporting(application.token, "killed.ndjson", "--concurrency", "1")
      const writing = application
        .chat(2)
        .send(textOf(times))
        .then(() => application.chat(4).updateMessage(10, { body: `${times}` }))
      const bytes = (await sizeOf("killed.ndjson")) + random() * KILL_WITHIN_BYTES
      const isFar = async () => (await sizeOf("killed.ndjson")) >= bytes
      const { code } = await endedOnce(exported, "SIGKILL", isFar)
      await writing
      if (code === null) kills++
      if (code !== null) expect(code).toBe(0)
      if (code === 0 && kills >= KILLS_MIN) break
    }
    expect(kills).toBeGreaterThanOrEqual(KILLS_MIN)
    expect((await exporting(application.token, "killed.ndjson").ended).code).toBe(0)
    const lines = await linesOf("killed.ndjson")
    expect(withoutCounts(folded(lines))).toEqual(withoutCounts(await listed(application)))
  })

  test("has no line that readers end elsewhere, and comes again as it was", async () => {
    const application = await givenApplication()
    await fill(application)
    expect((await exporting(application.token, "whole.ndjson").ended).code).toBe(0)
    const text = await readFile(join(folder, "whole.ndjson"), "utf8")
    expect(text).not.toMatch(/[\u0085\u2028\u2029]/)
    expect(text).toContain("\\u2028")
    expect(new Set((await linesOf("whole.ndjson")).map(({ id }) => id)).size).toBe(
      (await linesOf("whole.ndjson")).length,
    )

    const copy = await givenApplication()
    const imported = await run("chat-import", copy.token, "whole.ndjson").ended
    expect(imported).toMatchObject({
      code: 0,
      stdout: expect.stringContaining("placeholders to be created and deleted"),
    })
    const [expected, found] = [await listed(application), await listed(copy)].map(importedOf)
    expect(found).toEqual(expected)
    const messages = [...(expected?.keys() ?? [])].filter((name) => !name.endsWith("/")).length
    expect(imported.stdout).toContain(`Imported: 4 chats, ${messages.toLocaleString("en")} messages.`)
    const numbers = await Promise.all([application, copy].map(async (one) => (await one.createChat({})).number))
    expect(numbers).toEqual([CHATS + 1, CHATS + 1])

    const renumbered = await givenApplication()
    expect(
      (await run("chat-import", renumbered.token, "whole.ndjson", "--renumber", "--state", "other").ended).code,
    ).toBe(0)
    const chats = [...(await listed(renumbered)).keys()].filter((name) => name.endsWith("/"))
    expect(chats).toEqual(["1/", "2/", "3/", "4/"])
  })

  test("that follows goes on with what is written, until it is stopped; the next one with what came meanwhile", async () => {
    const application = await givenApplication()
    const chat = await application.createChat({ name: "Followed" })
    await chat.send("before")
    const exported = exporting(application.token, "followed.ndjson", "--follow")
    const bodies = async () =>
      (await linesOf("followed.ndjson")).flatMap(({ data }) => (data && "body" in data ? [data.body] : []))
    await eventually(async () => expect(await bodies()).toEqual(["before"]), FOLLOW_LIMIT_MS)
    await chat.send("while")
    await eventually(async () => expect(await bodies()).toEqual(["before", "while"]), FOLLOW_LIMIT_MS)
    expect((await endedOnce(exported, "SIGTERM", async () => true)).code).toBe(0)
    await chat.send("after")
    expect((await exporting(application.token, "followed.ndjson").ended).code).toBe(0)
    expect(await bodies()).toEqual(["before", "while", "after"])
  })

  test("is written to the standard output, and never over a file that it does not know", async () => {
    const application = await givenApplication()
    await application.createChat({ name: "Piped" })
    const { code, stdout } = await exporting(application.token, "-").ended
    expect([code, stdout.split("\n").length]).toEqual([0, 2])
    await writeFile(join(folder, "mine.txt"), "mine")
    const refused = await exporting(application.token, "mine.txt").ended
    expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining("is there already")])
    expect(await readFile(join(folder, "mine.txt"), "utf8")).toBe("mine")
  })
})
