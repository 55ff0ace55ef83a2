// The stores of one jest worker on the real services: its own database, Redis database, queues and index.
import { setTimeout as sleep } from "node:timers/promises"
import {
  CreateQueueCommand,
  GetQueueAttributesCommand,
  GetQueueUrlCommand,
  PurgeQueueCommand,
  SQSClient,
} from "@aws-sdk/client-sqs"
import { afterAll, beforeAll, jest } from "@jest/globals"
import { createConnection } from "mysql2/promise"
import { readConfig } from "../../lib/config.ts"
import { prepareStores } from "../../lib/operate/prepare-stores.ts"
import { QUEUES, RECEIVES_MAX } from "../../lib/queue/queues.ts"
import { CLOSE_AFTER_MS } from "../../lib/runtime.ts"
import { buildStores } from "../../lib/search-runtime.ts"
import type { SearchStores } from "../../lib/stores.ts"
import { queueUrlAt } from "./forwarder.ts"
import { emptyRedis, isOnCluster } from "./redis.ts"

/** The symbol under which lib/runtime.ts keeps what all functions of a process share. */
const SHARED = Symbol.for("chat-backend.runtime")
const shared = globalThis as { [SHARED]?: { connected?: { stores: SearchStores; close?: () => Promise<void> } } }

/** The first use creates a database and an index, and may wait for a queue or a lock. */
export const PREPARE_TIMEOUT_MS = 60_000
/** A test delivers its events through both queues, some of them several times. */
const TEST_TIMEOUT_MS = 30_000
/** Short, so that a failed message comes again within a test. */
const VISIBILITY_TIMEOUT_SECONDS = 2
const CONNECT_TIMEOUT_MS = 3_000
const SECRET_VARIABLES = ["MYSQL_URL", "REDIS_URL", "ELASTICSEARCH_URL"]
const TABLES = ["applications", "chats", "messages", "tombstones", "counters", "pending_index"]
const REQUIRED = ["MYSQL_URL", "REDIS_URL", "SQS_ENDPOINT", "ELASTICSEARCH_URL"] as const

type Environment = Record<string, string>
type Opened = { environment: Environment; stores: SearchStores; closers: (() => Promise<unknown>)[] }
let opened: Opened | undefined

function required(name: (typeof REQUIRED)[number]): string {
  const value = process.env[name]
  if (!value) throw new Error(`${name} is not set: the integration tests need running services (see npm test)`)
  return value
}

/** Throws an error with the name of the service, which a bare ECONNREFUSED lacks. */
async function reach<T>(service: string, address: string, call: () => Promise<T>): Promise<T> {
  try {
    return await call()
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message || cause.name : String(cause)
    throw new Error(`${service} at ${new URL(address).host} cannot be used by the tests: ${reason}`, { cause })
  }
}

/** Returns names unique to this worker and checkout. */
function ownNames() {
  const worker = process.env.JEST_WORKER_ID ?? "1"
  const mysql = new URL(required("MYSQL_URL"))
  const database = `${mysql.pathname.slice(1) || "chat"}_test_${worker}`
  mysql.pathname = `/${database}`
  const redis = new URL(required("REDIS_URL"))
  if (!isOnCluster()) redis.pathname = `/${Number(redis.pathname.slice(1) || 0) + Number(worker)}`
  else if (worker !== "1") throw new Error("a cluster has only one database: the tests need --maxWorkers=1")
  return { database, mysqlUrl: mysql.href, redisUrl: redis.href, suffix: database.replaceAll("_", "-") }
}

/** Creates a database, for which the user needs the right. */
async function createDatabase(database: string): Promise<void> {
  const url = required("MYSQL_URL")
  await reach("MySQL", url, async () => {
    const server = new URL(url)
    server.pathname = "/"
    const connection = await createConnection({ uri: server.href, connectTimeout: CONNECT_TIMEOUT_MS })
    try {
      await connection.query(`create database if not exists ${database} character set utf8mb4 collate utf8mb4_bin`)
    } finally {
      await connection.end()
    }
  })
}

/** Creates the queue and its dead-letter queue, both empty, and returns their URLs. */
async function emptyQueue(sqs: SQSClient, name: string): Promise<{ queue: string; deadLetters: string }> {
  const ensure = async (queue: string, Attributes: Record<string, string>) => {
    const found = await sqs.send(new GetQueueUrlCommand({ QueueName: queue })).catch(() => undefined)
    const url = found?.QueueUrl ?? (await sqs.send(new CreateQueueCommand({ QueueName: queue, Attributes }))).QueueUrl
    await sqs.send(new PurgeQueueCommand({ QueueUrl: url }))
    return url as string
  }
  const deadLetters = await ensure(`${name}-dead-letters`, {})
  const arn = await sqs.send(new GetQueueAttributesCommand({ QueueUrl: deadLetters, AttributeNames: ["QueueArn"] }))
  const redrive = { deadLetterTargetArn: arn.Attributes?.QueueArn, maxReceiveCount: RECEIVES_MAX }
  const queue = await ensure(name, {
    VisibilityTimeout: String(VISIBILITY_TIMEOUT_SECONDS),
    RedrivePolicy: JSON.stringify(redrive),
  })
  return { queue, deadLetters }
}

async function emptyQueues(suffix: string): Promise<Environment> {
  const endpoint = required("SQS_ENDPOINT")
  const credentials = { accessKeyId: "local", secretAccessKey: "local" }
  const sqs = new SQSClient({ endpoint, region: "us-east-1", credentials, maxAttempts: 1 })
  try {
    const queues = Object.values(QUEUES).map(async ({ name, ...definition }): Promise<Environment> => {
      const { queue, deadLetters } = await emptyQueue(sqs, `${name}-${suffix}`)
      return { [definition.urlVariable]: queue, [definition.deadLettersUrlVariable]: deadLetters }
    })
    return Object.assign({}, ...(await reach("SQS", endpoint, () => Promise.all(queues))))
  } finally {
    sqs.destroy()
  }
}

async function open(): Promise<Opened> {
  const { database, mysqlUrl, redisUrl, suffix } = ownNames()
  await createDatabase(database)
  const queues = await emptyQueues(suffix)
  await reach("Redis", redisUrl, () => emptyRedis(redisUrl))
  const environment: Environment = {
    MYSQL_URL: mysqlUrl,
    REDIS_URL: redisUrl,
    SQS_ENDPOINT: required("SQS_ENDPOINT"),
    AWS_REGION: "us-east-1",
    ELASTICSEARCH_URL: required("ELASTICSEARCH_URL"),
    ELASTICSEARCH_INDEX: `messages-${suffix}`,
    ...queues,
  }
  const { stores, close } = buildStores(readConfig(environment))
  try {
    await reach("Elasticsearch", environment.ELASTICSEARCH_URL as string, () => stores.elasticsearch.info())
    await prepareStores(stores)
    for (const table of TABLES) await stores.mysql.deleteFrom(table as "chats").execute()
  } catch (error) {
    await close()
    throw error
  }
  return { environment, stores, closers: [close] }
}

/**
 * Returns the stores of this jest worker, empty at the start of each test file and shared with the handlers that it
 * calls. Throws an Error that names a service that cannot be reached.
 */
async function testStores(): Promise<SearchStores> {
  opened ??= await open()
  Object.assign(process.env, opened.environment)
  shared[SHARED] = { connected: { stores: opened.stores } }
  return opened.stores
}

/** A hanging send ends after 500 ms, for which jest does not wait. */
const LAST_SEND_MS = 600
let queueWasAway = false

/** Closes every connection, so that jest can end. */
async function closeStores(): Promise<void> {
  delete shared[SHARED]
  if (queueWasAway) await sleep(LAST_SEND_MS)
  queueWasAway = false
  for (const close of opened?.closers.splice(0) ?? []) await close()
  opened = undefined
}

/** Prepares and closes the stores around the tests of a file. Returns a function that returns them. */
export function useTestStores(): () => SearchStores {
  jest.setTimeout(TEST_TIMEOUT_MS)
  beforeAll(async () => void (await testStores()), PREPARE_TIMEOUT_MS)
  afterAll(closeStores)
  return () => {
    if (!opened) throw new Error("the stores exist only in tests and after beforeAll")
    return opened.stores
  }
}

/**
 * Runs `action` while all handlers use stores with some other variables, such as a port without a server, then restores
 * the worker's own.
 */
export async function withEnvironment<T>(
  changes: Environment,
  action: (stores: SearchStores) => Promise<T>,
): Promise<T> {
  const own = await testStores()
  const environment = { ...opened?.environment, ...changes }
  const { stores, close } = buildStores(readConfig(environment))
  shared[SHARED] = { connected: { stores } }
  try {
    return await action(stores)
  } finally {
    shared[SHARED] = { connected: { stores: own } }
    await close()
  }
}

/**
 * Runs `action` while all handlers read what they connect to from the secret with this ARN, as on AWS, then restores the
 * worker's own stores. The queues' URLs stay in the environment.
 */
export async function withSecret(arn: string, endpoint: string, action: () => Promise<void>): Promise<void> {
  const own = await testStores()
  const before = { ...process.env }
  for (const name of SECRET_VARIABLES) delete process.env[name]
  Object.assign(process.env, { STORES_SECRET: arn, AWS_ENDPOINT_URL_SECRETS_MANAGER: endpoint })
  delete shared[SHARED]
  const timers = jest.spyOn(globalThis, "setTimeout")
  try {
    await action()
  } finally {
    // The clients of former values, which are closed later, would keep jest's process alive.
    const closings = timers.mock.calls.filter(([, delayMs]) => delayMs === CLOSE_AFTER_MS)
    for (const [close] of closings) close()
    timers.mockRestore()
    await shared[SHARED]?.connected?.close?.()
    for (const name of ["STORES_SECRET", "AWS_ENDPOINT_URL_SECRETS_MANAGER"]) delete process.env[name]
    Object.assign(process.env, before)
    shared[SHARED] = { connected: { stores: own } }
  }
}

/** Returns the members of a secret for the worker's own stores. */
export const secretMembers = (): Environment =>
  Object.fromEntries(SECRET_VARIABLES.map((name) => [name, opened?.environment[name] ?? ""]))

/** Nothing listens there: TCP port 1 is reserved and only root can bind it. */
const NOBODY = "127.0.0.1:1"

/** Returns the variables, for `withEnvironment`, that make a dependency be away. */
export function away(dependency: "mysql" | "redis" | "sqs" | "elasticsearch"): Environment {
  if (dependency === "mysql") return { MYSQL_URL: `mysql://chat:chat@${NOBODY}/chat` }
  if (dependency === "redis") return { REDIS_URL: `redis://${NOBODY}/0` }
  if (dependency === "elasticsearch") return { ELASTICSEARCH_URL: `http://${NOBODY}` }
  return queuesAt(`http://${NOBODY}`)
}

/** Returns the variables of the same queues at another address. */
export function queuesAt(endpoint: string): Environment {
  queueWasAway = true
  const urls = Object.entries(opened?.environment ?? {}).filter(([name]) => name.endsWith("QUEUE_URL"))
  const moved = urls.map(([name, url]) => [name, queueUrlAt(url, endpoint)])
  return { SQS_ENDPOINT: endpoint, ...Object.fromEntries(moved) }
}
