// chat-import against a running API: all of a source comes, in order and once, wherever the program is killed.
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { basename, join } from "node:path"
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals"
import { seededRandom, seedOf } from "../../campaign/load/random.ts"
import { type Application, ChatClient, type Message } from "../../client/src/index.ts"
import { endedOnce, startProgram } from "../steps/programs.ts"
import { freePort, useRunningApi } from "../steps/running-api.ts"

const CHATS = 5
const MESSAGES = 12_000
/** How far it comes at most before it is killed: lines of its state, of which a whole import has 125. */
const KILL_WITHIN_STEPS = 25
const KILLS_MIN = 3
const RUNS_MAX = 60
/** Among them, in the first runs, those of chats. */
const LOST_LINES = 3

const { api } = useRunningApi()
let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "chat-import-"))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const client = () => new ChatClient({ url: api().baseUrl })
const givenToken = async () => (await client().createApplication({ name: "import" })).token

type Line = { chat: string; body: string; sender: string; sent_at: string; metadata: object }
/** Many messages of a chat are alike, as in real ones. */
const given = (count: number): Line[] =>
  Array.from({ length: count }, (_, index) => ({
    chat: `chat ${index % CHATS}`,
    body: index % 7 < 3 ? "ok" : `message ${index}`,
    sender: `user ${index % 3}`,
    sent_at: "2026-01-31T09:00:00.000Z",
    metadata: index % 2 === 0 ? { source_id: index } : {},
  }))

async function write(name: string, lines: object[]): Promise<string> {
  const path = join(folder, name)
  await writeFile(path, lines.map((line) => `${JSON.stringify(line)}\n`).join(""))
  return path
}

const importing = (source: string, token: string, ...args: string[]) =>
  startProgram("chat-import", [source, ...args], { cwd: folder, env: { CHAT_URL: api().baseUrl, CHAT_TOKEN: token } })

const asLine = (chat: string, { body, sender, sent_at, metadata }: Message) => ({
  chat,
  body,
  sender,
  sent_at,
  metadata,
})

/** Returns all messages of an application by chat, and checks that their numbers have no holes. */
async function imported(token: string): Promise<Map<string, object[]>> {
  const found = new Map<string, object[]>()
  const application = client().application(token)
  for await (const { number, name } of application.chats()) {
    const messages: Message[] = []
    for await (const message of application.chat(number).messages()) messages.push(message)
    expect(messages.map((message) => message.number)).toEqual(messages.map((_, index) => index + 1))
    const lines = messages.map((message) => asLine(name ?? `chat ${number - 1}`, message))
    found.set(name ?? `chat ${number - 1}`, lines)
  }
  return found
}

const byChat = (lines: Line[]): Map<string, object[]> => Map.groupBy(lines, ({ chat }) => chat)

const stateOf = (source: string) => `${source}.import-state`
const stepsOf = async (source: string) => (await readFile(stateOf(source), "utf8").catch(() => "")).split("\n").length

/** Returns a function that tells whether an import has come some steps further than it is now. */
async function hasDone(source: string, steps: number): Promise<() => Promise<boolean>> {
  const before = await stepsOf(source)
  return async () => (await stepsOf(source)) >= before + steps
}

/** Imports, killing the program at random moments until it comes to its end. Returns how often it was killed. */
async function importKilled(source: string, token: string, between: () => Promise<void>): Promise<number> {
  const random = seededRandom(seedOf(basename(source)))
  for (let run = 0; run < RUNS_MAX; run++) {
    const isFar = await hasDone(source, random() * KILL_WITHIN_STEPS)
    const { code, stderr } = await endedOnce(importing(source, token, "--concurrency", "2"), "SIGKILL", isFar)
    if (code === 0) return run
    expect([code, stderr]).toEqual([null, expect.not.stringMatching(/chat-import:/)])
    await between()
  }
  throw new Error(`the import did not come to its end in ${RUNS_MAX} runs`)
}

describe("an import that is killed at random moments", () => {
  test("goes on where it stood: every message is there once, in order", async () => {
    const lines = given(MESSAGES)
    const token = await givenToken()
    const kills = await importKilled(await write("killed.ndjson", lines), token, async () => undefined)
    expect(kills).toBeGreaterThanOrEqual(KILLS_MIN)
    expect(await imported(token)).toEqual(byChat(lines))
  })

  test("whose state is older than what was sent: doubles nothing", async () => {
    const lines = given(MESSAGES)
    const token = await givenToken()
    const source = await write("late.ndjson", lines)
    const kills = await importKilled(source, token, () => loseEnd(stateOf(source)))
    expect(kills).toBeGreaterThanOrEqual(KILLS_MIN)
    expect(await imported(token)).toEqual(byChat(lines))
  })
})

/** Takes the last lines off a state, as a loss of power may, and leaves half of one. */
async function loseEnd(path: string, changed: (head: object) => object = (head) => head): Promise<void> {
  const text = await readFile(path, "utf8").catch(() => "")
  const [head = "", ...rest] = text.split("\n").slice(0, -1)
  if (head === "") return
  const kept = rest.slice(0, Math.max(0, rest.length - LOST_LINES))
  await writeFile(path, [JSON.stringify(changed(JSON.parse(head))), ...kept, '{"chat":"chat 0","num'].join("\n"))
}

describe("an import", () => {
  test("that is stopped by SIGINT says so, and the same command goes on", async () => {
    const lines = given(MESSAGES)
    const token = await givenToken()
    const source = await write("stopped.ndjson", lines)
    const isFar = await hasDone(source, KILL_WITHIN_STEPS)
    const first = await endedOnce(importing(source, token, "--concurrency", "1"), "SIGINT", isFar)
    expect(first).toMatchObject({ code: 130, stdout: expect.stringContaining("The same command goes on.") })
    const second = await importing(source, token).ended
    expect(second).toMatchObject({ code: 0, stdout: expect.stringContaining("Going on after") })
    expect(await imported(token)).toEqual(byChat(lines))
    const again = await importing(source, token).ended
    expect(again.code).toBe(0)
    expect(await imported(token)).toEqual(byChat(lines))
  })

  test("whose state lost its end after the API has forgotten the Idempotency-Keys: doubles nothing", async () => {
    const lines = given(MESSAGES)
    const token = await givenToken()
    const source = await write("forgotten.ndjson", lines)
    const isFar = await hasDone(source, KILL_WITHIN_STEPS)
    const stopped = await endedOnce(importing(source, token, "--concurrency", "3"), "SIGINT", isFar)
    expect(stopped.code).toBe(130)
    // With another id all keys are others, as they are for the API after 24 hours.
    await loseEnd(stateOf(source), (head) => ({ ...head, id: "forgotten" }))
    expect((await importing(source, token).ended).code).toBe(0)
    expect(await imported(token)).toEqual(byChat(lines))
  })

  test("of a source that has grown brings what is new, and one of another source is refused", async () => {
    const lines = given(230)
    const token = await givenToken()
    const source = await write("grown.ndjson", lines.slice(0, 111))
    expect((await importing(source, token).ended).code).toBe(0)
    await write("grown.ndjson", lines)
    expect((await importing(source, token).ended).code).toBe(0)
    expect(await imported(token)).toEqual(byChat(lines))
    await write("grown.ndjson", [{ ...lines[0], body: "another" }, ...lines.slice(1)])
    const { code, stdout, stderr } = await importing(source, token).ended
    expect([code, stderr]).toEqual([1, expect.stringContaining("the source is not the one that was imported before")])
    expect(stdout).not.toContain("goes on")
    expect(await imported(token)).toEqual(byChat(lines))
  })

  test("of a bad source tells each line and reason, and writes nothing", async () => {
    const token = await givenToken()
    const lines = [...given(150), { chat: "chat 0", body: 1 }, { body: "x" }]
    const { code, stdout } = await importing(await write("bad.ndjson", lines), token).ended
    expect(code).toBe(1)
    expect(stdout).toContain("bad.ndjson, line 151: body: is of the wrong type")
    expect(stdout).toContain("bad.ndjson, line 152: chat: is missing")
    expect(await imported(token)).toEqual(new Map())
    const report = await readFile(join(folder, "bad.ndjson.import-report"), "utf8")
    expect(
      report
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line)),
    ).toMatchObject([
      { what: "problem", file: "bad.ndjson", line: 151 },
      { what: "problem", file: "bad.ndjson", line: 152 },
    ])
  })

  test("that is dry says what would come and be left out, and writes nothing", async () => {
    const token = await givenToken()
    const source = await write("dry.ndjson", [...given(150), { chat: "chat 0", body: " " }])
    const { code, stdout } = await importing(source, token, "--dry-run").ended
    expect(code).toBe(0)
    expect(stdout).toContain("ndjson: 5 chats, 150 messages")
    expect(stdout).toContain("1 × empty message")
    expect(await imported(token)).toEqual(new Map())
  })

  test("of another API's token fails with what the API says", async () => {
    const { code, stderr } = await importing(await write("nobody.ndjson", given(3)), "x".repeat(24)).ended
    expect([code, stderr]).toEqual([1, expect.stringMatching(/chat-import: the API: .*/)])
  })

  test("with --create-application of a bad source, or where a state is, creates none", async () => {
    const names = async () => {
      const found: string[] = []
      for await (const { name } of client().applications()) found.push(name)
      return found
    }
    const creating = (source: string, name: string) => {
      const args = [source, "--create-application", name]
      return startProgram("chat-import", args, { cwd: folder, env: { CHAT_URL: api().baseUrl } }).ended
    }
    const bad = await creating(await write("worse.ndjson", [{ chat: "a", body: 1 }]), "Of a bad source")
    expect(bad).toMatchObject({ code: 1, stdout: expect.not.stringContaining("Created") })
    const token = await givenToken()
    const source = await write("begun.ndjson", given(3))
    expect((await importing(source, token).ended).code).toBe(0)
    const again = await creating(source, "Of a known state")
    expect(again).toMatchObject({ code: 1, stderr: expect.stringContaining("CHAT_TOKEN") })
    expect(await names()).not.toEqual(expect.arrayContaining([expect.stringMatching(/^Of a /)]))
  })

  test("without an API fails soon", async () => {
    const url = `http://127.0.0.1:${await freePort()}`
    const env = { CHAT_URL: url, CHAT_TOKEN: "x".repeat(24) }
    const args = [await write("away.ndjson", given(3))]
    const { code, stderr } = await startProgram("chat-import", args, { cwd: folder, env }).ended
    expect([code, stderr]).toEqual([1, expect.stringContaining(`the API does not answer at ${url} (ECONNREFUSED)`)])
  })

  test("with --create-application creates it and prints its token", async () => {
    const source = await write("created.ndjson", given(3))
    const args = [source, "--create-application", "Created"]
    const { code, stdout } = await startProgram("chat-import", args, { cwd: folder, env: { CHAT_URL: api().baseUrl } })
      .ended
    const token = stdout.match(/token: (\S+)/)?.[1] ?? ""
    expect(code).toBe(0)
    expect((await client().application(token).get()) as Application).toMatchObject({ name: "Created" })
    expect(await imported(token)).toEqual(byChat(given(3)))
  })
})
