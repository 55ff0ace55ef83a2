import { once } from "node:events"
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises"
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { text } from "node:stream/consumers"
import type { SQSEvent } from "aws-lambda"
import { revisionTime } from "../../lib/events.ts"
import { type ApiCall, expectStatus, route, type Transport } from "../../test/steps/chat-api.ts"
import { type Ran, runNode } from "../../test/steps/child.ts"
import { gatewayEvent } from "../../test/steps/gateway-event.ts"
import { unzip } from "../../test/steps/unzip.ts"
import { unknownToken } from "../../test/steps/world.ts"
import { operatorEnvironment } from "../emulator/clients.ts"
import { type Check, type Deployed, distinct, firstOf, type Site, same } from "../site.ts"
import { variablesOf } from "../stage/stack.ts"
import { steps, walk } from "../stage/walk.ts"

/** A function starts in a second, several times that on a busy machine. */
const CALL_LIMIT_MS = 60_000
/** The remaining time that a function's context reports; prepare-stores stops its work a minute before the end. */
const REMAINING_MS = 600_000

/** Unpacks the zips of the last deployment outside the repository. Returns their names. */
async function unpackAll({ stage }: Deployed, folder: string): Promise<string[]> {
  const packaged = join(stage.folder, ".serverless")
  const zips = (await readdir(packaged)).filter((file) => file.endsWith(".zip"))
  for (const zip of zips)
    for (const [path, content] of unzip(await readFile(join(packaged, zip)))) {
      const target = join(folder, zip.replace(".zip", ""), path)
      await mkdir(dirname(target), { recursive: true })
      await writeFile(target, content)
    }
  return zips.map((zip) => zip.replace(".zip", ""))
}

type Called = { answer: unknown; log: string }
/** Calls a function's handler in a new process, as AWS Lambda would load it. Throws unless it answers. */
type Caller = (name: string, event: unknown) => Promise<Called>

const ANSWER = "answer of the handler: "

function callerIn(folder: string, { aws, emulator }: Site, { stage }: Deployed, called: Set<string>): Caller {
  return async (name, event) => {
    const script = `
      const { handler } = require("./functions/${name}.js")
      const context = { awsRequestId: "invocation-1", functionName: "${name}", getRemainingTimeInMillis: () => ${REMAINING_MS} }
      Promise.resolve(handler(${JSON.stringify(event)}, context)).then((answer) => {
        console.log(${JSON.stringify(ANSWER)} + JSON.stringify(answer ?? null))
        process.exit()
      })`
    const env = {
      PATH: process.env.PATH,
      ...(await variablesOf(aws, stage.name, name)),
      ...operatorEnvironment(emulator),
      AWS_EXECUTION_ENV: "AWS_Lambda_nodejs24.x",
    }
    const ran: Ran = await runNode(["-e", script], { cwd: join(folder, name), env, limitMs: CALL_LIMIT_MS })
    called.add(name)
    const [log = "", answer] = ran.stdout.split(ANSWER)
    if (ran.code !== 0 || answer === undefined)
      throw new Error(`${name} ended with ${ran.code}: ${ran.stdout}${ran.stderr}`)
    if (/"level":"(WARN|ERROR|CRITICAL)"/.test(log)) throw new Error(`${name} logged: ${log}`)
    return { answer: JSON.parse(answer), log }
  }
}

/** Returns a transport that calls the function which the gateway would call. */
function zipTransport(call: Caller, adminKey: string): Transport {
  return async ({ method = "GET", path, query = {}, json }: ApiCall) => {
    const routed = route(method, path)
    const event = gatewayEvent({
      method,
      path,
      pathParameters: routed.pathParameters,
      queryString: new URLSearchParams(query as Record<string, string>).toString(),
      headers: { "x-api-key": adminKey, ...(json !== undefined && { "content-type": "application/json" }) },
      ...(json !== undefined && { body: JSON.stringify(json) }),
    })
    const { answer } = await call(routed.function, event)
    const {
      statusCode,
      headers = {},
      body,
    } = answer as { statusCode: number; headers: Record<string, string>; body?: string }
    const isJson = headers["content-type"]?.includes("json") ?? false
    return { status: statusCode, headers, text: body, body: isJson && body ? JSON.parse(body) : undefined }
  }
}

/** Returns an event of SQS with one message. */
function queueEvent(envelope: unknown): SQSEvent {
  const attributes = {
    ApproximateReceiveCount: "1",
    SentTimestamp: "0",
    SenderId: "",
    ApproximateFirstReceiveTimestamp: "0",
  }
  const record = { messageId: "message-1", receiptHandle: "handle-1", body: JSON.stringify(envelope), attributes }
  const source = {
    eventSource: "aws:sqs",
    eventSourceARN: "arn:aws:sqs:us-east-1:000000000000:a",
    awsRegion: "us-east-1",
  }
  return { Records: [{ ...record, ...source, messageAttributes: {}, md5OfBody: "" }] }
}

const SCHEDULED = { version: "0", "detail-type": "Scheduled Event", source: "aws.events", resources: [], detail: {} }
const TAKEN = { batchItemFailures: [] }
const UPDATE = {
  RequestType: "Update",
  StackId: "arn:aws:cloudformation:us-east-1:000000000000:stack/chat-backend-prod/1",
  RequestId: "request-1",
  LogicalResourceId: "PrepareStores",
  ResourceType: "Custom::PrepareStores",
  ResourceProperties: {},
}

/** Returns the answer that a function sends to CloudFormation, which calls it for a custom resource. */
async function prepare(call: Caller): Promise<unknown> {
  const server = createServer()
  await once(server.listen(0, "127.0.0.1"), "listening")
  const answered = once(server, "request").then(async ([request, response]) => {
    const sent = await text(request as IncomingMessage)
    ;(response as ServerResponse).end()
    return JSON.parse(sent) as unknown
  })
  try {
    const { port } = server.address() as AddressInfo
    await call("prepare-stores", { ...UPDATE, ResponseURL: `http://127.0.0.1:${port}/` })
    return await answered
  } finally {
    server.close()
  }
}

/** Has the consumers store and index an application and a message that only these calls know of. */
async function consume(site: Site, call: Caller, transport: Transport): Promise<void> {
  const revision = `${Date.now() * 1000}`
  const token = unknownToken()
  site.confidential.add(token)
  const key = { revision, application: token, chat: 0, message: 0 }
  const name = distinct(site, "From a zip")
  const event = { ...key, created_at: revisionTime(revision).getTime(), name }
  same("persist-writes", (await call("persist-writes", queueEvent([event]))).answer, TAKEN)
  const stored = await transport({ path: `/applications/${token}` })
  same("stored", expectStatus(stored, 200).name, name)
  same("index-messages", (await call("index-messages", queueEvent([{ ...key, chat: 1, message: 1 }]))).answer, TAKEN)
}

async function callAll(site: Site, folder: string): Promise<string> {
  const first = firstOf(site)
  const names = await unpackAll(first, folder)
  const called = new Set<string>()
  const call = callerIn(folder, site, first, called)
  const transport = zipTransport(call, first.stage.secret().ADMIN_API_KEY)
  const world = await walk(steps(), () => transport)
  site.confidential.add(world.token)
  same("an unknown path", (await transport({ path: "/nowhere" })).status, 404)
  await consume(site, call, transport)
  for (const job of ["sync-counts", "relay-outbox"]) {
    const { log } = await call(job, SCHEDULED)
    if (!/"message":"job"/.test(log)) throw new Error(`${job} logged: ${log}`)
  }
  same("prepare-stores", ((await prepare(call)) as { Status: string }).Status, "SUCCESS")
  // A consumer that has no call of its own here takes a message without events.
  for (const name of names) if (!called.has(name)) same(name, (await call(name, queueEvent([]))).answer, TAKEN)
  same("functions that were called", [...called].sort(), names.sort())
  return `${names.length} functions`
}

export const zips: Check = {
  key: "zips",
  name: "each zip, unpacked outside the repository, answers its event in a new process",
  async run(site) {
    const folder = await mkdtemp(join(tmpdir(), "chat-backend-zips-"))
    return callAll(site, folder).finally(() => rm(folder, { recursive: true, force: true }))
  },
}
