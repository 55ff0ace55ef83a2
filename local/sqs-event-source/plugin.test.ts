// Runs `serverless offline` on a temporary service, with ElasticMQ behind a forwarder that is closed at the start.
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises"
import { createServer } from "node:net"
import { join, resolve } from "node:path"
import process from "node:process"
import { afterEach, beforeAll, expect, it } from "@jest/globals"
import {
  cleanUp,
  cleanups,
  depth,
  endpoint,
  eventually,
  forwarder,
  queue,
  requireElasticMq,
  send,
} from "./poller.steps.ts"

/** osls and its plugins take 3–5 s to start, more on a busy machine. */
const START_MS_MAX = 40_000
const repository = resolve(import.meta.dirname, "../..")

beforeAll(requireElasticMq)
afterEach(cleanUp)

const handlers = `
const { isMainThread } = require("node:worker_threads")
const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
exports.ping = async () => ({ statusCode: 200, body: "pong" })
exports.consume = async ({ Records }) => {
  const batchItemFailures = []
  for (const { body, messageId, attributes } of Records) {
    console.log("took " + body + " " + attributes.ApproximateReceiveCount + " in process: " + isMainThread)
    if (body === "poison") batchItemFailures.push({ itemIdentifier: messageId })
    if (body === "slow" && attributes.ApproximateReceiveCount === "1") await wait(30000)
    if (body === "last") await wait(2000)
    console.log("done " + body + ".")
  }
  return { batchItemFailures }
}
`

type Service = { queueName: string; deadName: string; sqsUrl: string; inProcess: boolean; order?: string[] }

const plugin = "./local/sqs-event-source/plugin.ts"
const serverlessYml = (ports: number[], { queueName, deadName, sqsUrl, inProcess, order }: Service) => `
service: throw-away
frameworkVersion: "4"
provider: { name: aws, runtime: nodejs24.x, region: us-east-1 }
plugins: [${(order ?? [plugin, "serverless-offline"]).join(", ")}]
custom:
  serverless-offline: { httpPort: ${ports[0]}, lambdaPort: ${ports[1]}, useInProcess: ${inProcess}, noTimeout: true }
  serverless-offline-sqs: { endpoint: "${sqsUrl}", region: us-east-1, accessKeyId: local, secretAccessKey: local }
functions:
  ping: { handler: handlers.ping, events: [{ httpApi: GET /ping }] }
  consume:
    handler: handlers.consume
    timeout: 3
    events:
      - sqs: { arn: !GetAtt Writes.Arn, batchSize: 1, functionResponseType: ReportBatchItemFailures }
      - sqs: { arn: "arn:aws:sqs:us-east-1:000000000000:${deadName}", enabled: false }
resources:
  Resources:
    Writes: { Type: AWS::SQS::Queue, Properties: { QueueName: ${queueName} } }
`

async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, "127.0.0.1"))
  await Promise.all(servers.map((server) => once(server, "listening")))
  const ports = servers.map((server) => (server.address() as { port: number }).port)
  await Promise.all(servers.map((server) => once(server.close(), "close")))
  return ports
}

async function serverless(command: string[], service: Service) {
  await mkdir(join(repository, ".data"), { recursive: true })
  const folder = await mkdtemp(join(repository, ".data", "throw-away-"))
  cleanups.push(() => rm(folder, { recursive: true }))
  const ports = await freePorts(2)
  await Promise.all([
    symlink(join(repository, "node_modules"), join(folder, "node_modules")),
    symlink(join(repository, "local"), join(folder, "local")),
    writeFile(join(folder, "package.json"), "{}"),
    writeFile(join(folder, "handlers.js"), handlers),
    writeFile(join(folder, "serverless.yml"), serverlessYml(ports, service)),
  ])
  const node = join(repository, "node_modules/.bin/node")
  const { NODE_OPTIONS: _, ...env } = process.env
  const child: ChildProcess = spawn(node, [join(repository, "node_modules/.bin/serverless"), ...command], {
    cwd: folder,
    env,
  })
  const exited = once(child, "exit")
  cleanups.push(async () => {
    child.kill("SIGKILL")
    await exited
  })
  let output = ""
  for (const stream of [child.stdout, child.stderr]) stream?.on("data", (data) => (output += String(data)))
  return {
    child,
    output: () => output,
    exit: async () => (await exited)[0] as number | null,
    ping: async () => (await fetch(`http://127.0.0.1:${ports[0]}/ping`)).text(),
  }
}

it.each([
  { command: ["offline"], inProcess: true },
  { command: ["offline", "start"], inProcess: false },
])(
  "serverless $command, in process: $inProcess, when the queue is away at the start, opens its port, delivers later, and ends in order",
  async ({ command, inProcess }) => {
    const dead = await queue()
    const deadLetterTargetArn = `arn:aws:sqs:us-east-1:000000000000:${dead.queueName}`
    const RedrivePolicy = JSON.stringify({ deadLetterTargetArn, maxReceiveCount: 2 })
    const { queueName, QueueUrl } = await queue({ VisibilityTimeout: "4", RedrivePolicy })
    await send(QueueUrl, ["good", "poison", "slow"])
    const line = await forwarder()
    await line.shut()
    const { child, output, exit, ping } = await serverless(command, {
      queueName,
      deadName: dead.queueName,
      sqsUrl: line.url,
      inProcess,
    })

    await eventually(async () => expect(await ping()).toBe("pong"), START_MS_MAX)
    expect(output()).toContain(`SQS event source: ${queueName} is away: connect ECONNREFUSED`)
    expect(output()).not.toContain("took")

    await line.open()
    await eventually(() => expect(output()).toContain(`took good 1 in process: ${inProcess}`), 10_000)
    // The function's time-out fails the batch and does not affect the next call.
    await eventually(() => expect(output()).toContain("done slow."), 15_000)
    expect(output()).toContain("took slow 2")
    await eventually(async () => expect(await depth(dead.QueueUrl)).toBe(1), 15_000)
    await eventually(async () => expect(await depth(QueueUrl)).toBe(0))
    expect(output().match(/is away/g)).toHaveLength(1)
    expect(output().match(/is back/g)).toHaveLength(1)
    expect(output().match(/took poison/g)).toHaveLength(2)

    await send(QueueUrl, ["last"])
    await eventually(() => expect(output()).toContain("took last 1"))
    child.kill("SIGTERM")
    expect(await exit()).toBe(0)
    expect(output()).toContain("done last.")
    expect(await depth(QueueUrl)).toBe(0)
  },
  START_MS_MAX + 60_000,
)

it(
  "serverless offline, when the queue goes away later and stays so, serves on and ends at once",
  async () => {
    const { queueName } = await queue()
    const line = await forwarder()
    const service = { queueName, deadName: "none", sqsUrl: line.url, inProcess: true }
    const { child, output, exit, ping } = await serverless(["offline"], service)
    await eventually(async () => expect(await ping()).toBe("pong"), START_MS_MAX)
    expect(output()).not.toContain("is away")
    await line.shut()
    await eventually(() => expect(output()).toContain("is away"))
    expect(await ping()).toBe("pong")
    const start = Date.now()
    child.kill("SIGTERM")
    expect(await exit()).toBe(0)
    expect(Date.now() - start).toBeLessThan(3_000)
  },
  START_MS_MAX + 20_000,
)

it(
  "serverless, when the plugin is listed after serverless-offline, refuses to start and says why",
  async () => {
    const service = {
      queueName: "none",
      deadName: "none",
      sqsUrl: endpoint,
      inProcess: true,
      order: ["serverless-offline", plugin],
    }
    const { output, exit } = await serverless(["offline"], service)
    expect(await exit()).toBe(1)
    expect(output()).toContain("list the SQS event source before serverless-offline")
  },
  START_MS_MAX,
)
