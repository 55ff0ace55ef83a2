// Commands with --stage, in a copy of the project: they never fall back to other stores than the stage's.
import { mkdir, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, jest, test } from "@jest/globals"
import { type Ran, runNode } from "../steps/child.ts"
import { copyProject, type ProjectCopy } from "../steps/project-copy.ts"
import { childEnvironment } from "../steps/running-api.ts"
import { useTestStores } from "../steps/stores.ts"

/** A command takes a second or two, more on a busy machine. */
const COMMAND_LIMIT_MS = 60_000

const stores = useTestStores()
jest.setTimeout(2 * COMMAND_LIMIT_MS)
let project: ProjectCopy

/** Nothing listens there. */
const NO_AWS = { AWS_ENDPOINT_URL: "http://127.0.0.1:1", AWS_EC2_METADATA_DISABLED: "true", HOME: "/nowhere" }
const KEYS = { AWS_ACCESS_KEY_ID: "test", AWS_SECRET_ACCESS_KEY: "test" }

const run = (args: string[], changes: Record<string, string>): Promise<Ran> => {
  const { AWS_ACCESS_KEY_ID: _id, AWS_SECRET_ACCESS_KEY: _key, ...env } = childEnvironment({})
  return runNode(args, { cwd: project.folder, env: { ...env, ...NO_AWS, ...changes }, limitMs: COMMAND_LIMIT_MS })
}

beforeAll(async () => {
  project = await copyProject()
  // Where the commands look without --stage: stores that work, and credentials.
  const { MYSQL_URL, REDIS_URL, SQS_ENDPOINT = "", ELASTICSEARCH_URL } = stores().config
  const working = { MYSQL_URL, REDIS_URL, SQS_ENDPOINT, ELASTICSEARCH_URL, ...KEYS }
  const text = Object.entries(working).map(([name, value]) => `${name}=${value}\n`)
  await mkdir(join(project.folder, ".data", "start"), { recursive: true })
  for (const file of [".env", join(".data", "start", "services.env")])
    await writeFile(join(project.folder, file), text.join(""))
}, COMMAND_LIMIT_MS)

afterAll(() => project.remove())

const OPS = ["local/ops.ts", "status"]
const MIGRATE = ["local/migrate.ts"]
const ROLLBACK = ["local/migrate.ts", "rollback"]

describe.each([
  ["ops", OPS],
  ["db:migrate", MIGRATE],
  ["db:rollback", ROLLBACK],
])("%s", (name, command) => {
  if (name !== "db:rollback")
    test("without a stage: works on the stores of the environment and of .env", async () => {
      expect(await run(command, {})).toMatchObject({ code: 0 })
    })

  test("of a stage, where AWS cannot be reached: ends with 1 and says so in one line, whatever .env and the shell hold", async () => {
    const ran = await run([...command, "--stage", "prod"], KEYS)
    expect(ran).toMatchObject({ code: 1, stdout: "" })
    const failed = "AWS cannot be reached in us-east-1 to read the stack chat-backend-prod: ECONNREFUSED\n"
    expect(ran.stderr).toBe(name === "ops" ? failed : `Preparing the stores failed. ${failed}`)
  })

  test("of a stage, without credentials: ends with 1 and says so in one line, and takes none from .env", async () => {
    const ran = await run([...command, "--stage", "prod"], {})
    expect(ran).toMatchObject({ code: 1, stdout: "" })
    expect(ran.stderr).toMatch(/There are no AWS credentials to read the stack chat-backend-prod: .*\n$/)
    expect(ran.stderr.trimEnd()).not.toContain("\n")
  })

  test.each([
    ["no stage", ["--stage"], "'--stage <value>'"],
    ["a name that no stage has", ["--stage", "a/b"], '"a/b"'],
    ["an option misspelt", ["--stag", "prod"], "'--stag'"],
  ])("with %s: ends with 2, names it and does nothing", async (_, args, why) => {
    const ran = await run([...command, ...args], KEYS)
    expect(ran).toMatchObject({ code: 2, stdout: "", stderr: expect.stringContaining(why) })
  })
})
