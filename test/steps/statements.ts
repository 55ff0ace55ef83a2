// Counts the cost of a request at the servers: statements at MySQL, commands at Redis, calls at SQS.
import { randomUUID } from "node:crypto"
import { createServer, request as httpRequest } from "node:http"
import { type AddressInfo, connect } from "node:net"
import { createInterface } from "node:readline"
import { Redis } from "ioredis"
import { createConnection, type RowDataPacket } from "mysql2/promise"
import type { SearchStores } from "../../lib/stores.ts"
import { queuesAt, withEnvironment } from "./stores.ts"

export type Counts = {
  /** Statements in the worker's database, by their digests (literals replaced). */
  mysql: { reads: string[]; writes: string[] }
  /** Commands that clients sent to the worker's Redis database, with at most one round trip each. */
  redis: string[]
  /** Calls to SQS that send messages. */
  sqsSends: number
}

const WRITE = /^(insert|update|delete|replace|load|truncate|create|alter|drop)\b/i
/** Not of a variable, for which a new connection asks. */
const READ = /^(select(?! @@)|with|\(select)\b/i

/**
 * Runs `action` with handlers on separate stores and counts what arrives at the servers meanwhile. `warmUp` runs first,
 * uncounted, since first uses connect, load scripts and verify parents. `environment` changes the handlers' variables.
 */
export async function countCalls(
  own: SearchStores,
  warmUp: () => Promise<unknown>,
  action: () => Promise<unknown>,
  environment: Record<string, string> = {},
): Promise<Counts> {
  const proxy = await countingProxy(own.config.SQS_ENDPOINT ?? "")
  const mysql = await statementCounter(own.config.MYSQL_URL)
  const redis = await commandCounter(own.config.REDIS_URL)
  try {
    return await withEnvironment({ ...queuesAt(proxy.endpoint), ...environment }, async () => {
      await warmUp()
      proxy.reset()
      await redis.read()
      const before = await mysql.read()
      await action()
      const after = await mysql.read()
      return { mysql: difference(before, after), redis: await redis.read(), sqsSends: proxy.sends() }
    })
  } finally {
    await Promise.all([proxy.close(), mysql.close(), redis.close()])
  }
}

type Digests = Map<string, number>

function difference(before: Digests, after: Digests): Counts["mysql"] {
  const ran = [...after].flatMap(([text, count]) => Array.from({ length: count - (before.get(text) ?? 0) }, () => text))
  return { reads: ran.filter((text) => READ.test(text)), writes: ran.filter((text) => WRITE.test(text)) }
}

/** Reads the server's statistics by a connection without a database, which is not counted itself. */
async function statementCounter(url: string) {
  const server = new URL(url)
  const database = server.pathname.slice(1)
  server.pathname = "/"
  const connection = await createConnection({ uri: server.href })
  const [settings] = await connection.query<RowDataPacket[]>("select @@performance_schema as enabled")
  if (settings[0]?.enabled !== 1) {
    await connection.end()
    throw new Error("statements cannot be counted: MySQL runs without performance_schema")
  }
  return {
    async read(): Promise<Digests> {
      const [rows] = await connection.query<RowDataPacket[]>(
        `select digest_text as text, count_star as count
         from performance_schema.events_statements_summary_by_digest where schema_name = ?`,
        [database],
      )
      return new Map(rows.map(({ text, count }) => [String(text), Number(count)]))
    },
    close: () => connection.end(),
  }
}

/** How a new connection introduces itself, for which no request waits. Once it has sent anything else, these count too. */
const INTRODUCTION = /^"(hello|auth|select|info|client)"/i

/** A line of MONITOR: +time [database source] "command" "argument"… */
const MONITOR_LINE = /^\+\S+ \[(\d+) (\S+)\] (.*)$/

/** Follows MONITOR on a separate connection. Commands within scripts ("lua") cost no round trip. */
async function commandCounter(url: string) {
  const { hostname, port, pathname, username, password } = new URL(url)
  const database = pathname.slice(1) || "0"
  // Written after the last command: once MONITOR shows it, all earlier ones were shown. Others may count here too.
  const mark = `end-of-count-${randomUUID()}`
  const redis = new Redis(url, { maxRetriesPerRequest: 0 })
  // A plain socket, since early lines confuse a client that is switching to MONITOR.
  const socket = connect(Number(port || 6379), hostname)
  const lines = createInterface({ input: socket })
  let commands: string[] = []
  const introduced = new Set<string>()
  let onMark = (): void => undefined
  const started = new Promise<void>((resolve, reject) => {
    socket.once("error", reject)
    lines.on("line", (line) => {
      if (line === "+OK") resolve()
      if (line.startsWith("-")) reject(new Error(line))
      const [, shown, source = "", command = ""] = MONITOR_LINE.exec(line) ?? []
      if (command.endsWith(`"${mark}"`)) onMark()
      else if (shown === database && source !== "lua" && (introduced.has(source) || !INTRODUCTION.test(command))) {
        introduced.add(source)
        commands.push(command)
      }
    })
  })
  if (password) socket.write(`AUTH ${username || "default"} ${password}\r\n`)
  socket.write("MONITOR\r\n")
  await started
  return {
    /** Returns the commands since the last call. */
    async read(): Promise<string[]> {
      const marked = new Promise<void>((resolve) => {
        onMark = resolve
      })
      await redis.echo(mark)
      await marked
      const seen = commands
      commands = []
      return seen
    },
    async close(): Promise<void> {
      lines.close()
      socket.destroy()
      redis.disconnect()
    },
  }
}

/** Starts an HTTP proxy to the queue server that counts the calls that send. */
async function countingProxy(target: string) {
  let sends = 0
  const server = createServer((incoming, answer) => {
    if (/\.SendMessage/.test(String(incoming.headers["x-amz-target"]))) sends++
    const { method, headers, url = "/" } = incoming
    const options = { ...(method !== undefined && { method }), headers: { ...headers, host: new URL(target).host } }
    const forwarded = httpRequest(new URL(url, target), options, (response) => {
      answer.writeHead(response.statusCode ?? 500, response.headers)
      response.pipe(answer)
    })
    forwarded.on("error", () => answer.destroy())
    incoming.pipe(forwarded)
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const { port } = server.address() as AddressInfo
  return {
    endpoint: `http://127.0.0.1:${port}`,
    sends: () => sends,
    reset: () => {
      sends = 0
    },
    close: () =>
      new Promise<void>((resolve) => {
        server.closeAllConnections()
        server.close(() => resolve())
      }),
  }
}
