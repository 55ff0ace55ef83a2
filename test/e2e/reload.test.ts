// What `npm start` does for whoever changes the code: it restarts the API alone, and a debugger can attach.
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, expect, test } from "@jest/globals"
import { sql } from "kysely"
import { startApi } from "../../local/api.ts"
import { recordedProcess } from "../../local/processes.ts"
import type { Progress } from "../../local/progress.ts"
import type { Supervised } from "../../local/supervisor.ts"
import { watchSources } from "../../local/watch.ts"
import { eventually } from "../steps/eventually.ts"
import { onEachServer } from "../steps/redis.ts"
import { freePort, useApiProject } from "../steps/running-api.ts"

/** A start takes 5 to 10 s, several times that on a busy machine. */
const RESTART_LIMIT_MS = 90_000
const HANDLER = "functions/get-health.ts"

const { stores, project } = useApiProject()
const lines: string[] = []
const progress: Progress = { line: (line) => lines.push(line), step: (_label, work) => work(), end: () => {} }
let api: Supervised
let port: number
let inspectPort: number
let folder: string
let endWatch: () => void

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "reload-"))
  port = await freePort()
  inspectPort = await freePort()
  process.env.CHAT_INSPECT = `${inspectPort}`
  api = await startApi({
    port,
    env: { ...project().queues, LOG_LEVEL: "WARN" },
    projectFolder: project().folder,
    folder,
    progress,
  })
  endWatch = watchSources(project().folder, () => void api.restart())
}, RESTART_LIMIT_MS)
afterAll(async () => {
  delete process.env.CHAT_INSPECT
  endWatch()
  await api.stop()
  await rm(folder, { recursive: true, force: true })
}, RESTART_LIMIT_MS)

const health = async () => (await fetch(`http://127.0.0.1:${port}/health`)).text()

/** Returns what tells whether a server was started anew: the run of Redis, and how long MySQL has been up. */
async function servers(): Promise<{ redis: string[]; mysqlSeconds: number }> {
  const redis = await onEachServer(async (one) => /run_id:(\w+)/.exec(await one.info("server"))?.[1] ?? "")
  const uptime = sql<{ Value: string }>`show global status like 'Uptime'`
  const { rows } = await uptime.execute(stores().mysql)
  return { redis, mysqlSeconds: Number(rows[0]?.Value) }
}

async function change(from: string, to: string): Promise<void> {
  const path = join(project().folder, HANDLER)
  const source = await readFile(path, "utf8")
  expect(source).toContain(from)
  await writeFile(path, source.replace(from, to))
}

/** Calls the debugger of Node.js over its WebSocket, and returns the events until the answer, and that. */
async function inspect(method: string, params: object = {}): Promise<{ events: string[]; result: unknown }> {
  const answer = await fetch(`http://127.0.0.1:${inspectPort}/json/list`)
  const [{ webSocketDebuggerUrl = "" } = {}] = (await answer.json()) as { webSocketDebuggerUrl?: string }[]
  const socket = new WebSocket(webSocketDebuggerUrl)
  const events: string[] = []
  try {
    return await new Promise((resolve, reject) => {
      socket.onerror = () => reject(new Error("the debugger does not answer"))
      socket.onopen = () => socket.send(JSON.stringify({ id: 1, method, params }))
      socket.onmessage = ({ data }) => {
        const message = JSON.parse(String(data))
        if (message.id === 1) resolve({ events, result: message.result })
        else events.push(String(data))
      }
    })
  } finally {
    socket.close()
  }
}

test("a debugger: attaches, and finds the sources of the functions", async () => {
  await health()
  const { result } = await inspect("Runtime.evaluate", { expression: "6 * 7" })
  expect(result).toMatchObject({ result: { value: 42 } })
  const { events } = await inspect("Debugger.enable")
  const scripts = events.map((event) => JSON.parse(event).params as { url: string; sourceMapURL: string })
  const bundle = scripts.find(({ url }) => url.endsWith("functions/get-health.js"))
  expect(bundle?.sourceMapURL).toBe("get-health.js.map")
  const path = bundle?.url.replace("file://", "") ?? ""
  expect(JSON.parse(await readFile(`${path}.map`, "utf8")).sources.join(" ")).toContain(HANDLER)
})

test("a handler that is changed: answers anew after a restart of the API alone; one that is wrong: says so, and then works again", async () => {
  const before = await servers()
  const first = recordedProcess(folder, "api")
  expect(await health()).toBe('{"status":"ok"}')
  await change('status: "ok"', 'status: "changed"')
  await eventually(async () => expect(await health()).toBe('{"status":"changed"}'), RESTART_LIMIT_MS)
  expect(recordedProcess(folder, "api")).not.toBe(first)

  await change('status: "changed"', 'status: "changed" "and wrong')
  await eventually(() => expect(lines.join("\n")).toMatch(/get-health\.ts:\d+/), RESTART_LIMIT_MS)
  await change('status: "changed" "and wrong', 'status: "right again"')
  await eventually(async () => expect(await health()).toBe('{"status":"right again"}'), RESTART_LIMIT_MS)
  const { redis, mysqlSeconds } = await servers()
  expect(redis).toEqual(before.redis)
  expect(mysqlSeconds).toBeGreaterThan(before.mysqlSeconds)
})
