// The zips of the functions, packaged without network and credentials, and `invoke local`.
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { afterAll, beforeAll, describe, expect, jest, test } from "@jest/globals"
import { ROOT } from "../../local/services/settings.ts"
import { type Ran, runNode } from "../steps/child.ts"
import { gatewayEvent, withJson } from "../steps/gateway-event.ts"
import { copyProject, type ProjectCopy } from "../steps/project-copy.ts"
import { childEnvironment } from "../steps/running-api.ts"
import { bareEnvironment, runServerless } from "../steps/serverless.ts"
import { useTestStores } from "../steps/stores.ts"
import { unzip } from "../steps/unzip.ts"

/** Bundling takes seconds, many times that on a busy machine. */
const PACKAGE_LIMIT_MS = 180_000
const INVOKE_LIMIT_MS = 60_000
/** Node processes started in parallel. */
const PARALLEL = 2

const stores = useTestStores()
jest.setTimeout(PACKAGE_LIMIT_MS)
let project: ProjectCopy
let unpacked: string
let zips: string[]

beforeAll(async () => {
  project = await copyProject()
  unpacked = await mkdtemp(join(tmpdir(), "chat-backend-zips-"))
  const args = ["package", "--stage", "dev", "--package", "out"]
  const packaged = await runServerless(project.folder, args, bareEnvironment(unpacked), PACKAGE_LIMIT_MS)
  if (packaged.code !== 0) throw new Error(`serverless package: ${packaged.stdout}${packaged.stderr}`)
  zips = (await readdir(join(project.folder, "out"))).filter((file) => file.endsWith(".zip")).sort()
}, PACKAGE_LIMIT_MS + 10_000)

afterAll(async () => {
  await project?.remove()
  await rm(unpacked, { recursive: true, force: true })
})

/** Unpacks a function's zip outside the repository, below no node_modules. Returns its folder. */
async function unpack(zip: string): Promise<string> {
  const folder = join(unpacked, zip.replace(".zip", ""))
  for (const [path, content] of unzip(await readFile(join(project.folder, "out", zip)))) {
    await mkdir(dirname(join(folder, path)), { recursive: true })
    await writeFile(join(folder, path), content)
  }
  return folder
}

/** Loads a function's handler like Lambda, in a new process; with an event, calls it and prints the answer. */
function load(zip: string, folder: string, env: NodeJS.ProcessEnv, event?: unknown): Promise<Ran> {
  const script = `
    const { handler } = require("./functions/${zip.replace(".zip", ".js")}")
    if (typeof handler !== "function") throw new Error("no handler")
    const event = ${JSON.stringify(event ?? null)}
    const answer = event && handler(event, { awsRequestId: "invocation-1", functionName: "f" })
    Promise.resolve(answer).then((value) => {
      console.log(JSON.stringify(value))
      process.exit()
    })`
  return runNode(["-e", script], { cwd: folder, env, limitMs: INVOKE_LIMIT_MS })
}

const lastLine = ({ stdout }: Ran) => JSON.parse(stdout.trimEnd().split("\n").at(-1) ?? "null")

describe("the zips", () => {
  test("each: unpacked outside the repository: is loaded by a fresh process without any configuration", async () => {
    const files = (await readdir(join(ROOT, "functions"))).filter((file) => !file.endsWith(".test.ts"))
    expect(zips).toEqual(files.map((file) => file.replace(".ts", ".zip")).sort())
    const left = zips.values()
    const loadNext = async () => {
      for (const zip of left) {
        const { code, stderr } = await load(zip, await unpack(zip), bareEnvironment(unpacked))
        expect([zip, code, stderr]).toEqual([zip, 0, ""])
      }
    }
    await Promise.all(Array.from({ length: PARALLEL }, loadNext))
  })

  test("of the functions that neither search nor index: are without the client of Elasticsearch, so they start sooner", async () => {
    const withClient: string[] = []
    for (const zip of zips) {
      const bundle = join(await unpack(zip), "functions", zip.replace(".zip", ".js"))
      if ((await readFile(bundle, "utf8")).includes("x-elastic-client-meta")) withClient.push(zip.replace(".zip", ""))
    }
    const searching = ["list-messages", "search-application-messages", "search-messages"]
    const others = ["get-metrics", "get-readiness", "index-messages", "prepare-stores", "relay-outbox"]
    expect(withClient).toEqual([...others, ...searching].sort())
  })

  test("of get-health: called in a fresh process: answers 200 without any configuration", async () => {
    const event = gatewayEvent({ path: "/health" })
    const ran = await load("get-health.zip", await unpack("get-health.zip"), bareEnvironment(unpacked), event)
    expect(lastLine(ran)).toMatchObject({ statusCode: 200, body: '{"status":"ok"}' })
  })

  test("of create-application: called in the cloud without an admin key: refuses, and the log says why", async () => {
    const cloud = { AWS_EXECUTION_ENV: "AWS_Lambda_nodejs24.x", LOG_LEVEL: "INFO" }
    const { SQS_ENDPOINT: _endpoint, ...environment } = childEnvironment(cloud)
    const event = gatewayEvent(withJson({ name: "from a zip" }, { path: "/applications" }))
    const folder = await unpack("create-application.zip")
    const ran = await load("create-application.zip", folder, environment, event)
    expect(lastLine(ran).statusCode).toBe(500)
    expect(ran.stdout + ran.stderr).toContain("ADMIN_API_KEY: is required in the cloud")
  })

  test("of create-application: called in a fresh process on the real services: creates", async () => {
    const event = gatewayEvent(withJson({ name: "from a zip" }, { path: "/applications" }))
    const folder = await unpack("create-application.zip")
    const ran = await load("create-application.zip", folder, childEnvironment({ LOG_LEVEL: "INFO" }), event)
    const { statusCode, body } = lastLine(ran)
    expect([statusCode, JSON.parse(body)]).toEqual([201, expect.objectContaining({ name: "from a zip" })])
    expect(ran.stdout).toContain('"status":201')
    expect(ran.stdout).not.toMatch(new RegExp(`"application":"${JSON.parse(body).token}`))
  })

  test("of relay-outbox: called in a fresh process for a stage: reports its metrics, and without one none", async () => {
    const folder = await unpack("relay-outbox.zip")
    const linesOf = async (changes: Record<string, string>) => {
      const ran = await load("relay-outbox.zip", folder, childEnvironment({ LOG_LEVEL: "INFO", ...changes }), {})
      expect([ran.code, ran.stdout]).toEqual([0, expect.stringContaining('"message":"job"')])
      return ran.stdout.split("\n").filter((line) => line.includes('"_aws"'))
    }
    expect(await linesOf({})).toEqual([])
    const [line = "null", ...others] = await linesOf({ METRICS_STAGE: "prod" })
    expect([JSON.parse(line), others]).toEqual([
      expect.objectContaining({ stage: "prod", OutboxAge: expect.any(Number) }),
      [],
    ])
  })
})

describe("invoke local", () => {
  test.each([
    ["any stage", []],
    ["the emulator's stage", ["--stage", "local"]],
  ])("with an event and %s: answers as the API does, and ends by itself", async (_name, stage) => {
    const event = gatewayEvent(withJson({ name: "invoked" }, { path: "/applications" }))
    const args = ["invoke", "local", ...stage, "-f", "create-application", "--data", JSON.stringify(event)]
    const { code, stdout } = await runServerless(project.folder, args, childEnvironment({}), INVOKE_LIMIT_MS)
    const answer = JSON.parse(stdout.slice(stdout.indexOf('{\n    "statusCode"')))
    expect([code, answer.statusCode]).toEqual([0, 201])
    const { token } = JSON.parse(answer.body)
    const { entries } = await stores().outbox.read(token, 0, [{ application: token, chat: 0, message: 0 }])
    expect(entries).toMatchObject([{ application: token, name: "invoked" }])
  })
})
