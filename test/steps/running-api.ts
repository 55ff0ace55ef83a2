// Runs the API as users do: `serverless offline start` in a separate process, on the stores of this jest worker.
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { closeSync, openSync, readdirSync, readFileSync } from "node:fs"
import { createServer } from "node:net"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { CreateQueueCommand, GetQueueAttributesCommand, PurgeQueueCommand, SQSClient } from "@aws-sdk/client-sqs"
import { afterAll, beforeAll, jest } from "@jest/globals"
import { QUEUES, type QueueDefinition, RECEIVES_MAX } from "../../lib/queue/queues.ts"
import type { SearchStores } from "../../lib/stores.ts"
import { apiArguments } from "../../local/api.ts"
import { forgetProcess, processIdentity, recordProcess, signalGroup } from "../../local/processes.ts"
import { logTail } from "../../local/run.ts"
import { VISIBILITY_TIMEOUT_SECONDS } from "../../local/services/settings.ts"
import { type ChatApi, chatApi, httpTransport } from "./chat-api.ts"
import { copyProject, E2E_FOLDER, type ProjectCopy } from "./project-copy.ts"
import { useTestStores } from "./stores.ts"

/** Bundling and starting take 5 to 10 s, several times that on a busy machine. */
const START_LIMIT_MS = 90_000
const HEALTH_LIMIT_MS = 1_000
const POLL_MS = 50
/** Running batches get 10 s, then calls get 5 s. */
const STOP_LIMIT_MS = 20_000
const ERROR_LINES_SHOWN = 5
/** Long enough for functions scheduled each minute and for relayed events. */
const TEST_LIMIT_MS = 240_000

type Environment = Record<string, string>

export type Ending = { code: number | null; signal: NodeJS.Signals | null; tookMs: number }
export type RunningApi = {
  baseUrl: string
  chats: ChatApi
  /** Returns whether a process of its group is alive. */
  isAlive(): boolean
  /**
   * Sends SIGTERM and waits for the end. Throws when the API does not end in time, after killing it, and when it has
   * logged an error.
   */
  stop(): Promise<Ending>
}

/** A copy of the project with its own queues. */
export type ApiProject = { folder: string; start(changes?: Environment): Promise<RunningApi>; queues: Environment }

export async function freePort(): Promise<number> {
  const server = createServer()
  await once(server.listen(0, "127.0.0.1"), "listening")
  const { port } = server.address() as { port: number }
  await once(server.close(), "close")
  return port
}

/** Creates empty queues for an API of this worker, with the attributes of the real ones. Returns their variables. */
async function makeQueues(endpoint: string, suffix: string): Promise<Environment> {
  const credentials = { accessKeyId: "local", secretAccessKey: "local" }
  const sqs = new SQSClient({ endpoint, region: "us-east-1", credentials, maxAttempts: 1 })
  const make = async (name: string, Attributes: Environment): Promise<string> => {
    const { QueueUrl } = await sqs.send(new CreateQueueCommand({ QueueName: `${name}${suffix}`, Attributes }))
    await sqs.send(new PurgeQueueCommand({ QueueUrl }))
    return QueueUrl as string
  }
  const makeBoth = async (definition: QueueDefinition): Promise<Environment> => {
    const QueueUrl = await make(definition.deadLetters, {})
    const told = await sqs.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ["QueueArn"] }))
    const redrive = { deadLetterTargetArn: told.Attributes?.QueueArn, maxReceiveCount: RECEIVES_MAX }
    const queue = await make(definition.name, {
      VisibilityTimeout: `${VISIBILITY_TIMEOUT_SECONDS}`,
      RedrivePolicy: JSON.stringify(redrive),
    })
    return { [definition.urlVariable]: queue, [definition.deadLettersUrlVariable]: QueueUrl }
  }
  try {
    return Object.assign({}, ...(await Promise.all(Object.values(QUEUES).map(makeBoth))))
  } finally {
    sqs.destroy()
  }
}

/** Returns the environment for a program outside jest. */
export function childEnvironment(changes: Environment): NodeJS.ProcessEnv {
  const { NODE_OPTIONS: _options, JEST_WORKER_ID: _worker, NODE_ENV: _env, ...env } = process.env
  return { ...env, SLS_LOG_LEVEL: "error", SLS_NOTIFICATIONS_MODE: "off", SLS_TELEMETRY_DISABLED: "1", ...changes }
}

/** Returns whether a process of the group is left, zombies aside. */
function groupLives(group: number): boolean {
  if (process.platform !== "linux") return processIdentity(group) !== undefined
  return readdirSync("/proc").some((pid) => {
    if (!/^\d+$/.test(pid) || processIdentity(Number(pid)) === undefined) return false
    try {
      // proc(5): the command in parentheses may hold spaces; after it come the state, the parent and the group.
      const [, , of] = readFileSync(`/proc/${pid}/stat`, "utf8")
        .replace(/^.*\) /s, "")
        .split(" ")
      return Number(of) === group
    } catch {
      return false
    }
  })
}

async function waitUntilHealthy(child: ChildProcess, baseUrl: string, logFile: string): Promise<void> {
  const deadline = Date.now() + START_LIMIT_MS
  for (;;) {
    if (child.exitCode !== null || child.signalCode !== null)
      throw new Error(`the API ended while starting:\n${logTail(logFile).join("\n")}`)
    const answer = await fetch(`${baseUrl}/health`, { signal: AbortSignal.timeout(HEALTH_LIMIT_MS) })
      .then((health) => health.text())
      .catch(() => "")
    // A handler that fails to load answers 200 too, with the error as its body.
    if (answer === '{"status":"ok"}') return
    if (Date.now() > deadline) throw new Error(`the API does not answer:\n${logTail(logFile).join("\n")}`)
    await sleep(POLL_MS)
  }
}

/** Returns the log's errors and unhandled rejections, of which no test may cause any. */
const errorLines = (logFile: string): string[] =>
  readFileSync(logFile, "utf8")
    .split("\n")
    .filter((line) => /"level":"(ERROR|CRITICAL)"|unhandled/i.test(line))
    .slice(0, ERROR_LINES_SHOWN)

async function startApi({ folder }: ProjectCopy, environment: Environment): Promise<RunningApi> {
  const port = await freePort()
  const name = `api-${port}`
  const logFile = join(folder, `${name}.log`)
  const log = openSync(logFile, "a")
  const child = spawn(process.execPath, apiArguments({}), {
    cwd: folder,
    detached: true,
    stdio: ["ignore", log, log],
    env: childEnvironment({ LOG_LEVEL: "WARN", ...environment, PORT: `${port}` }),
  })
  closeSync(log)
  await once(child, "spawn")
  const pid = child.pid as number
  recordProcess(E2E_FOLDER, name, pid)
  const exit = once(child, "exit") as Promise<[number | null, NodeJS.Signals | null]>

  const end = async (signal: NodeJS.Signals): Promise<Ending> => {
    const started = performance.now()
    child.kill(signal)
    const inTime = await Promise.race([exit.then(() => true), sleep(STOP_LIMIT_MS, false, { ref: false })])
    const tookMs = performance.now() - started
    if (!inTime) signalGroup(pid, "SIGKILL")
    const [code, by] = await exit
    forgetProcess(E2E_FOLDER, name)
    const errors = errorLines(logFile)
    if (errors.length > 0) throw new Error(`the API has logged errors:\n${errors.join("\n")}`)
    if (!inTime) throw new Error(`the API did not end within ${STOP_LIMIT_MS} ms:\n${logTail(logFile).join("\n")}`)
    return { code, signal: by, tookMs }
  }
  const baseUrl = `http://127.0.0.1:${port}`
  try {
    await waitUntilHealthy(child, baseUrl, logFile)
  } catch (error) {
    await end("SIGKILL")
    throw error
  }
  let ending: Promise<Ending> | undefined
  const stop = () => {
    ending ??= end("SIGTERM")
    return ending
  }
  return { baseUrl, chats: chatApi(httpTransport(baseUrl)), isAlive: () => groupLives(pid), stop }
}

/** Prepares this worker's stores, queues and project around the tests of a file; stops what a test has started. */
export function useApiProject(): { stores: () => SearchStores; project: () => ApiProject } {
  const stores = useTestStores()
  jest.setTimeout(TEST_LIMIT_MS)
  const running: RunningApi[] = []
  let copy: ProjectCopy | undefined
  let queues: Environment = {}
  beforeAll(async () => {
    const queueSuffix = `-${stores().config.ELASTICSEARCH_INDEX}-e2e`
    copy = await copyProject({ queueSuffix })
    queues = await makeQueues(stores().config.SQS_ENDPOINT as string, queueSuffix)
  }, START_LIMIT_MS)
  afterAll(async () => {
    try {
      await Promise.all(running.map((api) => api.stop()))
    } finally {
      await copy?.remove()
    }
  }, START_LIMIT_MS)
  const project = (): ApiProject => ({
    folder: copy?.folder ?? "",
    queues,
    start: async (changes = {}) => {
      if (!copy) throw new Error("the project exists only in tests and after beforeAll")
      const api = await startApi(copy, { ...queues, ...changes })
      running.push(api)
      return api
    },
  })
  return { stores, project }
}

/** Runs one API for all tests of a file. */
export function useRunningApi(): { stores: () => SearchStores; api: () => RunningApi; queues: () => Environment } {
  const { stores, project } = useApiProject()
  let api: RunningApi | undefined
  beforeAll(async () => {
    api = await project().start()
  }, START_LIMIT_MS)
  return {
    stores,
    queues: () => project().queues,
    api: () => {
      if (!api) throw new Error("the API runs in tests and after beforeAll only")
      return api
    },
  }
}
