// The CloudFormation template and the zips, packaged without network and credentials, and `invoke local`.
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { afterAll, beforeAll, describe, expect, jest, test } from "@jest/globals"
import { REJECTED_ROUTES, ROUTES } from "../../lib/operations/routes.ts"
import { QUEUE_VARIABLES, QUEUES, RECEIVES_MAX } from "../../lib/queue/queues.ts"
import { ROOT } from "../../local/services/settings.ts"
import { type Ran, runNode } from "../steps/child.ts"
import { gatewayEvent, withJson } from "../steps/gateway-event.ts"
import { copyProject, type ProjectCopy } from "../steps/project-copy.ts"
import { rightsOf } from "../steps/rights.ts"
import { childEnvironment } from "../steps/running-api.ts"
import { useTestStores } from "../steps/stores.ts"
import { unzip } from "../steps/unzip.ts"

/** Bundling takes seconds, many times that on a busy machine. */
const PACKAGE_LIMIT_MS = 180_000
const INVOKE_LIMIT_MS = 60_000
/** AWS recommends six times the function's time-out for a queue's visibility timeout. */
const VISIBILITY_PER_TIMEOUT = 6
/** Node processes started in parallel. */
const PARALLEL = 2

type Resource = { Type: string; DependsOn?: string[]; Properties: Record<string, unknown> }
type LambdaFunction = { Timeout: number; Role: { "Fn::GetAtt": [string, string] }; Handler: string }
type Queue = {
  QueueName: string
  VisibilityTimeout: number
  RedrivePolicy?: { deadLetterTargetArn: unknown; maxReceiveCount: number }
}

const stores = useTestStores()
jest.setTimeout(PACKAGE_LIMIT_MS)
let project: ProjectCopy
let unpacked: string
let packaged: Ran
let template: { Resources: Record<string, Resource> }
let zips: string[]

const ofType = <T = Record<string, unknown>>(type: string): [string, T][] =>
  Object.entries(template.Resources)
    .filter(([, { Type }]) => Type === type)
    .map(([id, { Properties }]) => [id, Properties as T])

const serverless = (args: string[], env: NodeJS.ProcessEnv, limitMs: number) =>
  runNode([join(ROOT, "node_modules", ".bin", "serverless"), ...args], { cwd: project.folder, env, limitMs })

/** Returns an environment without our variables, credentials or a region. */
const bareEnvironment = (): NodeJS.ProcessEnv => ({
  PATH: process.env.PATH,
  HOME: unpacked,
  AWS_EC2_METADATA_DISABLED: "true",
  SLS_NOTIFICATIONS_MODE: "off",
  SLS_TELEMETRY_DISABLED: "1",
})

beforeAll(async () => {
  project = await copyProject()
  unpacked = await mkdtemp(join(tmpdir(), "chat-backend-zips-"))
  const out = join(project.folder, "out")
  packaged = await serverless(["package", "--stage", "dev", "--package", "out"], bareEnvironment(), PACKAGE_LIMIT_MS)
  if (packaged.code !== 0) throw new Error(`serverless package: ${packaged.stdout}${packaged.stderr}`)
  template = JSON.parse(await readFile(join(out, "cloudformation-template-update-stack.json"), "utf8"))
  zips = (await readdir(out)).filter((file) => file.endsWith(".zip")).sort()
}, PACKAGE_LIMIT_MS + 10_000)

afterAll(async () => {
  await project?.remove()
  await rm(unpacked, { recursive: true, force: true })
})

describe("the template", () => {
  test("of the functions: has one for each file in functions/, each with a role of the template", async () => {
    const files = (await readdir(join(ROOT, "functions"))).filter((file) => !file.endsWith(".test.ts"))
    const functions = ofType<LambdaFunction>("AWS::Lambda::Function")
    const handlers = functions.map(([, { Handler }]) => Handler).sort()
    expect(handlers).toEqual(files.map((file) => `functions/${file.replace(".ts", ".handler")}`).sort())
    for (const [id, { Role }] of functions) {
      expect(template.Resources[Role["Fn::GetAtt"][0]]).toMatchObject({ Type: "AWS::IAM::Role" })
      if (id !== "PrepareDashstoresLambdaFunction") expect(template.Resources[id]?.DependsOn).toContain("PrepareStores")
    }
  })

  test("of the queues: has those of the table, each with a dead-letter queue after RECEIVES_MAX receives, and time for retries", async () => {
    const queues = ofType<Queue>("AWS::SQS::Queue")
    const sources = queues.filter(([, { RedrivePolicy }]) => RedrivePolicy)
    const names = (of: "name" | "deadLetters") => Object.values(QUEUES).map((queue) => queue[of])
    expect(queues.map(([, { QueueName }]) => QueueName).sort()).toEqual(
      [...names("name"), ...names("deadLetters")].sort(),
    )
    expect(sources.map(([, { QueueName }]) => QueueName).sort()).toEqual(names("name").sort())
    for (const [id, { RedrivePolicy, VisibilityTimeout }] of sources) {
      const deadLetters = { "Fn::GetAtt": [id.replace(/Queue$/, "DeadLetterQueue"), "Arn"] }
      expect(RedrivePolicy).toEqual({ deadLetterTargetArn: deadLetters, maxReceiveCount: RECEIVES_MAX })
      const [consumer = ""] = mappingsOf(id).map(({ FunctionName }) => FunctionName["Fn::GetAtt"][0])
      expect(VisibilityTimeout).toBeGreaterThanOrEqual(VISIBILITY_PER_TIMEOUT * functionOf(consumer).Timeout)
    }
    const local = await readFile(join(ROOT, "elasticmq.conf"), "utf8")
    const counts = [...local.matchAll(/maxReceiveCount = (\d+)/g)].map(([, count]) => Number(count))
    expect(counts).toEqual(sources.map(() => RECEIVES_MAX))
  })

  test("of the event sources: reports partial batch failures, and the two schedules run each minute", () => {
    const mappings = ofType<Mapping>("AWS::Lambda::EventSourceMapping")
    expect(mappings).toHaveLength(Object.keys(QUEUES).length)
    for (const [, mapping] of mappings) expect(mapping.FunctionResponseTypes).toEqual(["ReportBatchItemFailures"])
    const rules = ofType<{ ScheduleExpression: string; Targets: { Arn: { "Fn::GetAtt": string[] } }[] }>(
      "AWS::Events::Rule",
    )
    const targets = rules.map(([, { Targets }]) => handlerOf(Targets[0]?.Arn["Fn::GetAtt"][0]))
    expect(targets.sort()).toEqual(["functions/relay-outbox.handler", "functions/sync-counts.handler"])
    for (const [, { ScheduleExpression }] of rules) expect(ScheduleExpression).toBe("rate(1 minute)")
  })

  test("of the HTTP API: has the routes of lib/operations/routes.ts, and a last one for all else", () => {
    const integrations = new Map(ofType<{ IntegrationUri: object }>("AWS::ApiGatewayV2::Integration"))
    const routes = ofType<{ RouteKey: string; Target: unknown }>("AWS::ApiGatewayV2::Route").map(
      ([, { RouteKey, Target }]) => {
        const [, id = ""] = /"Ref":"(\w+)"/.exec(JSON.stringify(Target)) ?? []
        const [, lambda] = /\["(\w+LambdaFunction)","Arn"\]/.exec(JSON.stringify(integrations.get(id))) ?? []
        return `${RouteKey} ${handlerOf(lambda)}`
      },
    )
    const ours = [...ROUTES, ...REJECTED_ROUTES].flatMap(({ methods, path, function: name }) =>
      methods.map((method) => `${method} ${path} functions/${name}.handler`),
    )
    expect(routes.sort()).toEqual([...ours, "$default functions/reject-unknown-route.handler"].sort())
  })

  test("of the configuration: holds references to secrets and queues, and rate limits, only", () => {
    for (const [, { Environment }] of ofType<{ Environment: { Variables: Record<string, unknown> } }>(
      "AWS::Lambda::Function",
    ))
      for (const [name, value] of Object.entries(Environment.Variables)) {
        if (name.startsWith("RATE_LIMIT_")) expect(Number(value)).toBeGreaterThan(0)
        else if (name.endsWith("QUEUE_URL")) expect(value).toEqual({ Ref: expect.any(String) })
        else if (value !== "") expect(value).toBe(`{{resolve:secretsmanager:/chat/dev/stores:SecretString:${name}}}`)
      }
    for (const variable of QUEUE_VARIABLES) expect(JSON.stringify(template)).toContain(`"${variable}":{"Ref":`)
    expect(JSON.stringify(template)).not.toMatch(/mysql:\/\/|rediss?:\/\/|127\.0\.0\.1|localhost|AKIA/)
  })
})

describe("a stage without a secret as its admin key", () => {
  const line = /^ {6}ADMIN_API_KEY: .*\n/m

  test.each([
    ["left out", ""],
    ["empty", '      ADMIN_API_KEY: ""\n'],
    ["a value that all could read", "      ADMIN_API_KEY: abcdefghijklmnopqrstuvwxyz\n"],
  ])("%s: packaged: is refused, and nothing is made", async (_what, replacement) => {
    const file = join(project.folder, "serverless.yml")
    const text = await readFile(file, "utf8")
    expect(text).toMatch(line)
    await writeFile(file, text.replace(line, replacement))
    try {
      const args = ["package", "--stage", "dev", "--package", "refused"]
      const { code, stdout, stderr } = await serverless(args, bareEnvironment(), PACKAGE_LIMIT_MS)
      expect([code, stdout + stderr]).toEqual([1, expect.stringContaining("ADMIN_API_KEY is not a reference")])
      expect(await readdir(project.folder)).not.toContain("refused")
    } finally {
      await writeFile(file, text)
    }
  })
})

type Statement = { Action: string | string[]; Resource: unknown }
type Role = { ManagedPolicyArns: unknown[]; Policies?: { PolicyDocument: { Statement: Statement[] } }[] }

/** Returns the actions on queues that a role allows, by queue. Throws for any other right. */
function queueRightsOf({ Policies = [] }: Role): Record<string, string[]> {
  const rights: Record<string, string[]> = {}
  for (const { Action, Resource } of Policies.flatMap(({ PolicyDocument }) => PolicyDocument.Statement))
    for (const resource of [Resource].flat()) {
      const [, queue = ""] = /^\{"Fn::GetAtt":\["(\w+)","Arn"\]\}$/.exec(JSON.stringify(resource)) ?? []
      for (const action of [Action].flat()) {
        const [, verb] = /^sqs:(\w+)$/.exec(action) ?? []
        if (queue === "" || verb === undefined) throw new Error(`a right to ${action} of ${JSON.stringify(resource)}`)
        rights[queue] = [...(rights[queue] ?? []), verb].sort()
      }
    }
  return rights
}

describe("the rights", () => {
  test("of each function: are those to the queues that it uses, and to write logs", () => {
    for (const [, { Handler, Role: role }] of ofType<LambdaFunction>("AWS::Lambda::Function")) {
      const name = Handler.replace(/^functions\/(.*)\.handler$/, "$1")
      const properties = template.Resources[role["Fn::GetAtt"][0]]?.Properties as unknown as Role
      const wanted = Object.entries(rightsOf(name).queues).map(([queue, verbs]) => [queue, [...verbs].sort()])
      expect([name, queueRightsOf(properties)]).toEqual([name, Object.fromEntries(wanted)])
      expect(JSON.stringify(properties.ManagedPolicyArns)).toMatch(/^\[[^,]*AWSLambdaBasicExecutionRole[^,]*\]$/)
    }
  })

  test("of a function that asks no store: it is given no secret, and every other all of them", () => {
    type Given = { Handler: string; Environment: { Variables: Record<string, unknown> } }
    for (const [, { Handler, Environment }] of ofType<Given>("AWS::Lambda::Function")) {
      const name = Handler.replace(/^functions\/(.*)\.handler$/, "$1")
      const secrets = Object.values(Environment.Variables).filter((value) => String(value).includes("secretsmanager"))
      expect([name, secrets.length > 0]).toEqual([name, rightsOf(name).secret])
      const { PUBLIC_URL, CORS_ORIGINS, ...needed } = Environment.Variables
      if (rightsOf(name).secret) expect(Object.values(needed)).not.toContain("")
      // Both may be empty, but every function must have them, since each sends answers and problems.
      expect([name, PUBLIC_URL, CORS_ORIGINS]).toEqual([name, "", ""])
    }
  })
})

type Mapping = {
  EventSourceArn: { "Fn::GetAtt": [string, string] }
  FunctionName: { "Fn::GetAtt": [string, string] }
  FunctionResponseTypes: string[]
}
const mappingsOf = (queue: string): Mapping[] =>
  ofType<Mapping>("AWS::Lambda::EventSourceMapping")
    .map(([, mapping]) => mapping)
    .filter(({ EventSourceArn }) => EventSourceArn["Fn::GetAtt"][0] === queue)
function functionOf(id = ""): LambdaFunction {
  const resource = template.Resources[id]
  if (resource?.Type !== "AWS::Lambda::Function") throw new Error(`${id} is no function of the template`)
  return resource.Properties as LambdaFunction
}
const handlerOf = (id?: string): string => functionOf(id).Handler

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
    expect(zips).toHaveLength(ofType("AWS::Lambda::Function").length)
    const left = zips.values()
    const loadNext = async () => {
      for (const zip of left) {
        const { code, stderr } = await load(zip, await unpack(zip), bareEnvironment())
        expect([zip, code, stderr]).toEqual([zip, 0, ""])
      }
    }
    await Promise.all(Array.from({ length: PARALLEL }, loadNext))
  })

  test("of the functions that neither search nor index: are without the client of Elasticsearch, so they start sooner", async () => {
    const withClient: string[] = []
    for (const zip of zips) {
      const bundle = join(await unpack(zip), "functions", zip.replace(".zip", ".js"))
      if ((await readFile(bundle, "utf8")).includes("node_modules/@elastic/")) withClient.push(zip.replace(".zip", ""))
    }
    const searching = ["list-messages", "search-application-messages", "search-messages"]
    const others = ["get-readiness", "index-messages", "prepare-stores", "relay-outbox"]
    expect(withClient).toEqual([...others, ...searching].sort())
  })

  test("of get-health: called in a fresh process: answers 200 without any configuration", async () => {
    const event = gatewayEvent({ path: "/health" })
    const ran = await load("get-health.zip", await unpack("get-health.zip"), bareEnvironment(), event)
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
})

describe("invoke local", () => {
  test.each([
    ["any stage", []],
    ["the emulator's stage", ["--stage", "local"]],
  ])("with an event and %s: answers as the API does, and ends by itself", async (_name, stage) => {
    const event = gatewayEvent(withJson({ name: "invoked" }, { path: "/applications" }))
    const args = ["invoke", "local", ...stage, "-f", "create-application", "--data", JSON.stringify(event)]
    const { code, stdout } = await serverless(args, childEnvironment({}), INVOKE_LIMIT_MS)
    const answer = JSON.parse(stdout.slice(stdout.indexOf('{\n    "statusCode"')))
    expect([code, answer.statusCode]).toEqual([0, 201])
    const { token } = JSON.parse(answer.body)
    const { entries } = await stores().outbox.read(token, 0, [{ application: token, chat: 0, message: 0 }])
    expect(entries).toMatchObject([{ application: token, name: "invoked" }])
  })
})
