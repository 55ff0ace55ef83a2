// The README's commands, run as if pasted into a shell.
import { spawn } from "node:child_process"
import { mkdir, mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals"
import { buildClient } from "../../local/client-build.ts"
import { ROOT } from "../../local/services/settings.ts"
import { ADMIN_KEYS } from "../steps/admin-key-cases.ts"
import { runNode } from "../steps/child.ts"
import { eventually } from "../steps/eventually.ts"
import { copyProject } from "../steps/project-copy.ts"
import { matches, sectionOf } from "../steps/project-files.ts"
import { childEnvironment, useApiProject } from "../steps/running-api.ts"

const SEARCH_LIMIT_MS = 60_000
/** A slow machine takes seconds to bundle a function. */
const COMMAND_LIMIT_MS = 90_000
/** Several pages of a loop that asks once a second. */
const MESSAGES = 30
const WRITE_EVERY_MS = 200
const [ADMIN_KEY = ""] = ADMIN_KEYS
/** An empty key is the same as none. */
const NO_KEY = ""

/** Returns a document's blocks of code below a heading, by default those of the README for a shell. */
const commandsBelow = (heading: string, language = "sh", document = "README.md"): string[] =>
  matches(sectionOf(document, heading), new RegExp(`\`\`\`${language}\\n([\\s\\S]*?)\`\`\``, "g"))

/** Runs a script in a shell and returns what it printed. Throws unless every command succeeded. */
function runShell(script: string, cwd: string, environment: Record<string, string>): Promise<string> {
  return new Promise((resolve, reject) => {
    const env = childEnvironment(environment)
    const shell = spawn("sh", ["-eu", "-c", script], { cwd, env, timeout: COMMAND_LIMIT_MS })
    let stdout = ""
    let stderr = ""
    shell.stdout.on("data", (chunk: Buffer) => (stdout += chunk))
    shell.stderr.on("data", (chunk: Buffer) => (stderr += chunk))
    shell.once("error", reject)
    shell.once("close", (code, signal) =>
      code === 0 ? resolve(stdout) : reject(new Error(`ended with ${signal ?? code}: ${stdout}${stderr}`)),
    )
  })
}

const { project } = useApiProject()

/** Where a program has installed the client. */
let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "chat-backend-readme-"))
  const installed = join(folder, "node_modules", "chat-backend-client")
  await mkdir(installed, { recursive: true })
  await buildClient(installed)
}, COMMAND_LIMIT_MS)
afterAll(() => rm(folder, { recursive: true, force: true }))

describe("the README's tour, pasted into a shell block by block", () => {
  const tour = commandsBelow("Try it")

  /** Runs a script of the tour with the address and key of a running API, and returns the lines that it printed. */
  const walk = async (script: string, baseUrl: string, key: string): Promise<string[]> => {
    const output = await runShell(script.replaceAll("http://localhost:3000", baseUrl), ROOT, { ADMIN_API_KEY: key })
    return output.trim().split("\n")
  }

  test.each([
    ["without an admin key", NO_KEY],
    ["with an admin key", ADMIN_KEY],
  ])("of an API %s: creates, lists and finds what it says", async (_name, key) => {
    const { baseUrl, stop } = await project().start({ ADMIN_API_KEY: key })
    const [search = ""] = tour.slice(-1)
    const lines = await walk([...tour.slice(0, -1), 'echo "$token"'].join("\n"), baseUrl, key)
    const token = lines.pop() ?? ""
    const [ready, application, chat, first, second, again, list] = lines.map((line) => JSON.parse(line))
    expect(ready).toMatchObject({ status: "ready" })
    expect(application).toMatchObject({ token, name: "Support", chats_count: 0 })
    expect(chat).toMatchObject({ number: 1, name: "Order 1001" })
    expect(first).toMatchObject({ number: 1, body: "Größe L, 100% Wolle: where is my parcel?" })
    expect(second).toMatchObject({ number: 2 })
    expect(again).toEqual(second)
    expect(list).toEqual({ data: [second, first], next_cursor: null })

    const variables = `token=${token}\n${tour[0]?.split("\n")[0]}\n`
    await eventually(async () => {
      const [found = ""] = await walk(variables + search, baseUrl, key)
      const { total, data } = JSON.parse(found)
      expect([total, data[0]?.highlight]).toEqual([1, "<em>Größe L, 100%</em> Wolle: where is my parcel?"])
    }, SEARCH_LIMIT_MS)
    await stop()
  })

  test("of an API with an admin key, when the shell has none or a wrong one: ends where it creates, and says why", async () => {
    const { baseUrl, stop } = await project().start({ ADMIN_API_KEY: ADMIN_KEY })
    for (const key of [NO_KEY, `not-${ADMIN_KEY}`]) {
      const ended = await walk(tour.join("\n"), baseUrl, key).catch(String)
      expect(ended).toMatch(/No application was created: see the answer above\n$/)
      expect(ended).not.toContain("not_found")
    }
    await stop()
  })
})

describe("the README's loop that follows a chat", () => {
  /** Runs a command that never ends until it has printed `last`, and returns what it printed. */
  async function runUntil(last: string, command: string, args: string[], write: () => Promise<void>): Promise<string> {
    const loop = spawn(command, args, { cwd: folder, env: childEnvironment({}), timeout: COMMAND_LIMIT_MS })
    let printed = ""
    loop.stdout.on("data", (chunk: Buffer) => (printed += chunk))
    loop.stderr.on("data", (chunk: Buffer) => (printed += chunk))
    const ended = new Promise((resolve) => loop.once("close", resolve))
    try {
      while (!printed.includes(last) && loop.exitCode === null && loop.signalCode === null) await write()
    } finally {
      loop.kill()
      await ended
    }
    return printed
  }

  const post = async (url: string, body: object) => {
    const headers = { "content-type": "application/json" }
    const answer = await fetch(url, { method: "POST", headers, body: JSON.stringify(body) })
    return (await answer.json()) as { token: string; number: number }
  }

  const constants = (api: string, token: string) => `const [api, token] = ${JSON.stringify([api, token])}\n`

  test.each([
    ["in a shell", "sh"],
    ["in TypeScript", "ts"],
  ])("%s: prints each new message once, in order, and nothing of another chat", async (_name, language) => {
    const { baseUrl, stop } = await project().start()
    const { token } = await post(`${baseUrl}/applications`, { name: "Support" })
    const chats = `${baseUrl}/applications/${token}/chats`
    await post(chats, {})
    await post(chats, {})
    const [loop = ""] = commandsBelow("Follow a chat", language)
    const [command, args] =
      language === "sh"
        ? ["sh", ["-eu", "-c", `api=${baseUrl}\ntoken=${token}\n${loop}`]]
        : [process.execPath, ["--input-type=module-typescript", "-e", `${constants(baseUrl, token)}${loop}`]]
    let last = 0
    const write = async () => {
      // When the loop begins is not known, so messages are written until it has printed some.
      await post(`${chats}/2/messages`, { body: "in another chat" })
      last = (await post(`${chats}/1/messages`, { body: `number ${last + 1}.` })).number
      await sleep(WRITE_EVERY_MS)
    }
    const printed = await runUntil(`number ${MESSAGES}.`, command, args, write)
    const numbers = matches(printed, /number (\d+)\./g).map(Number)
    expect(numbers.at(-1)).toBeGreaterThanOrEqual(MESSAGES)
    expect(numbers).toEqual(numbers.map((_, index) => (numbers[0] ?? 0) + index))
    expect(printed).not.toContain("in another chat")
    await stop()
  })
})

test("the quick start of the client's README: sends a message and lists it", async () => {
  const { baseUrl, stop } = await project().start()
  const [text = ""] = commandsBelow("Quick start", "ts", "client/README.md")
  const args = ["--input-type=module-typescript", "-e", text.replace("http://localhost:3000", baseUrl)]
  const { code, stdout, stderr } = await runNode(args, {
    cwd: folder,
    env: childEnvironment({}),
    limitMs: COMMAND_LIMIT_MS,
  })
  expect([code, stderr]).toEqual([0, ""])
  expect(stdout).toMatch(/^1 Where is my parcel\?\nsent as number 1\n$/)
  await stop()
})

test("the README's call of a function without the emulator: answers and ends", async () => {
  const [command = ""] = commandsBelow("Work on the stores")
  const { folder, remove } = await copyProject()
  try {
    const output = await runShell(command, folder, { ...project().queues, ADMIN_API_KEY: NO_KEY })
    expect(output).toMatch(/"statusCode": 201/)
    expect(output).toMatch(/"location": "\/applications\/[\w-]{24}"/)
  } finally {
    await remove()
  }
})
