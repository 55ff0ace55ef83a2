import { spawn } from "node:child_process"
import { once } from "node:events"
import { mkdtemp, rm, stat, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, expect, test } from "@jest/globals"
import { UnauthorizedError } from "../src/errors.ts"
import { fileOutput } from "./export/output.ts"
import { reasonOf } from "./failures.ts"
import { checkNoState } from "./import/state.ts"

let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "chat-programs-"))
})
afterAll(() => rm(folder, { recursive: true }))

/** Runs a program without any settings in its environment. Returns how it ended, and the lines that it said. */
async function run(program: string, ...args: string[]) {
  const path = join(import.meta.dirname, `${program}.ts`)
  const child = spawn(process.execPath, [path, ...args], { cwd: folder, env: { PATH: process.env.PATH } })
  let said = ""
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (data) => {
      said += String(data)
    })
  const [code] = await once(child, "close")
  return { code, said: said.trim().split("\n") }
}

test.each([
  ["chat-import", ["a.zip"], "chat-import: give --url or CHAT_URL"],
  ["chat-import", ["a.zip", "--url", "http://127.0.0.1:1"], "chat-import: give --token or CHAT_TOKEN, or --create-"],
  ["chat-import", ["a.zip", "--url", "here", "--token", "t"], "chat-import: --url: must be an address such as"],
  ["chat-import", ["a.zip", "--wrong"], "chat-import: Unknown option '--wrong'"],
  ["chat-export", ["--url", "http://127.0.0.1:1", "--token", "t"], "chat-export: give --output"],
])("A wrong command line of %s %j is told with its reason", async (program, args, reason) => {
  const { code, said } = await run(program, ...args)
  expect([code, said]).toEqual([2, [expect.stringContaining(reason), `See ${program} --help`]])
})

test("A source that is not there is told in a sentence", async () => {
  const { code, said } = await run("chat-import", "missing.zip", "--dry-run")
  expect([code, said]).toEqual([1, ["chat-import: missing.zip: there is no such file or folder"]])
})

test("An import from what needs a time zone says which option is missing", async () => {
  await writeFile(join(folder, "WhatsApp Chat with Ann.txt"), "25/03/2024, 15:15 - Ann: Hello\n")
  const { code, said } = await run("chat-import", "WhatsApp Chat with Ann.txt", "--dry-run")
  expect(code).toBe(1)
  expect(said).toContain("Nothing was imported. Give --timezone, and try again.")
})

test("A refused creation of an application names the key that is missing", () => {
  const error = new UnauthorizedError({ code: "unauthorized", status: 401, detail: "no", requestId: "r" })
  expect(reasonOf(error)).toMatch(/^the API: unauthorized: no.*set ADMIN_API_KEY$/)
})

test("An export can be read by its owner only", async () => {
  const path = join(folder, "export.ndjson")
  const output = await fileOutput(path, undefined)
  await output.close()
  expect((await stat(path)).mode & 0o777).toBe(0o600)
})

test("An application is not created where the state of an import is", async () => {
  const path = join(folder, "state")
  await expect(checkNoState(path)).resolves.toBeUndefined()
  await writeFile(path, '{"version":1}\n')
  await expect(checkNoState(path)).rejects.toThrow(/give the token of that one in CHAT_TOKEN, and leave --create-app/)
})
