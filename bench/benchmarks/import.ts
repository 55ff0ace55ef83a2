// Measures chat-import beside writers of single messages, each until all is stored and indexed, and chat-export.
import { spawn } from "node:child_process"
import { once } from "node:events"
import { createWriteStream } from "node:fs"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { finished } from "node:stream/promises"
import { setTimeout as sleep } from "node:timers/promises"
import type { ServerKind } from "../../campaign/targets/target.ts"
import { whatIsLeft } from "../../campaign/verdict/settle.ts"
import { ROOT } from "../../local/services/settings.ts"
import type { Bench, BenchRun, Bound, Figure } from "../report/bench-run.ts"
import { ask, createChats, creationIn } from "../stack/load.ts"

const MESSAGES = 1_000_000
const CHATS = 100
const CONNECTIONS = 64
const SECONDS = 15
/** The wait for the last ones to be indexed must be a small part of it. */
const SECONDS_MIN = 10
const SENDERS = 50
/** How many times as many messages a second an import must bring, and the least that an export must. */
const TIMES = 2
const EXPORTED_MIN = 20_000
const POLL_MS = 100
/** Nothing may be left in this many polls in a row. */
const QUIET_POLLS = 2

const SINGLE = `${CONNECTIONS} writers of single messages`
const IMPORT = "chat-import"
const EXPORT = "chat-export"

const SERVERS: ServerKind[] = ["api", "mysql", "redis", "elasticmq", "elasticsearch"]

/** Returns what tells the microseconds of processor time that each server has spent on each of `messages` since now. */
function spending({ stack }: BenchRun) {
  const before = SERVERS.map(stack.processorMs)
  return (messages: number) =>
    Object.fromEntries(
      SERVERS.map((kind, index) => [kind, ((stack.processorMs(kind) - (before[index] ?? 0)) * 1000) / messages]),
    )
}

/** Waits until all is stored and indexed. */
async function awaitIndexed({ stack }: BenchRun): Promise<void> {
  for (let quiet = 0; quiet < QUIET_POLLS; await sleep(POLL_MS)) {
    const { outbox, persistQueue, indexQueue, pendingIndex } = await whatIsLeft(stack.direct)
    quiet = [outbox, persistQueue, indexQueue, pendingIndex].every((count) => count === 0) ? quiet + 1 : 0
  }
}

async function writeSource(path: string, messages: number): Promise<void> {
  const file = createWriteStream(path)
  for (let index = 0; index < messages; index++) {
    const line = {
      ...{ chat: `chat ${index % CHATS}`, id: `${index}`, sender: `sender ${index % SENDERS}` },
      body: `Message ${index}: the quick brown fox jumps over the lazy dog, and the parcel is on its way.`,
      sent_at: new Date(index).toISOString(),
      metadata: { source_id: `${index}` },
    }
    if (!file.write(`${JSON.stringify(line)}\n`)) await once(file, "drain")
  }
  file.end()
  await finished(file)
}

/** Runs a program of the client to its end, and returns the seconds it took. */
async function run(program: string, args: string[], folder: string): Promise<number> {
  const started = performance.now()
  const child = spawn(process.execPath, [join(ROOT, "client", "programs", `${program}.ts`), ...args], {
    cwd: folder,
    stdio: ["ignore", "ignore", "inherit"],
  })
  const [code] = await once(child, "exit")
  if (code !== 0) throw new Error(`${program} ended with ${code}`)
  return (performance.now() - started) / 1000
}

async function measureSingle(of: BenchRun, chats: string[]): Promise<Figure> {
  const spent = spending(of)
  const started = performance.now()
  const size = { connections: CONNECTIONS, seconds: Math.max(SECONDS_MIN, SECONDS * of.scale) }
  const { created, perSecond, failed } = await ask(of.stack.apiUrl, chats.map(creationIn), size)
  await awaitIndexed(of)
  const indexedPerSecond = (created * 1000) / (performance.now() - started)
  return { name: SINGLE, messages: created, perSecond, indexedPerSecond, ...spent(created), failed }
}

/** Imports the source into a new application, and exports that. */
async function measurePrograms(of: BenchRun, source: string, folder: string, turn: number): Promise<Figure[]> {
  const { stack, scale } = of
  const messages = Math.round(MESSAGES * scale)
  const [chat = ""] = await createChats(stack.apiUrl, 1)
  const target = ["--url", stack.apiUrl, "--token", chat.split("/")[2] as string]
  const spent = spending(of)
  const started = performance.now()
  const took = await run("chat-import", [source, ...target, "--state", `state-${turn}`], folder)
  await awaitIndexed(of)
  const indexedPerSecond = (messages * 1000) / (performance.now() - started)
  const imported = spent(messages)
  const exported = await run("chat-export", [...target, "-o", `export-${turn}.ndjson`], folder)
  return [
    { name: IMPORT, messages, perSecond: messages / took, indexedPerSecond, ...imported, failed: 0 },
    { name: EXPORT, messages, perSecond: messages / exported, failed: 0 },
  ]
}

export const importing: Bench = {
  name: "import",
  about: `chat-import of ${MESSAGES} messages in ${CHATS} chats as NDJSON, beside POST of single messages on ${CONNECTIONS} connections for ${SECONDS} s; indexedPerSecond: until all is stored and indexed, with the microseconds of processor time that each message costs each server; then chat-export of what was imported`,
  async run(of) {
    const folder = await mkdtemp(join(tmpdir(), "chat-bench-import-"))
    try {
      const source = join(folder, "source.ndjson")
      await writeSource(source, Math.round(MESSAGES * of.scale))
      const chats = await createChats(of.stack.apiUrl, CHATS)
      const figures: Figure[] = []
      for (let turn = 0; turn < of.rounds; turn++) {
        figures.push(await measureSingle(of, chats))
        figures.push(...(await measurePrograms(of, source, folder, turn)))
        for (const figure of figures.slice(-3)) of.say(`${figure.name}: ${Math.round(Number(figure.perSecond))}/s`)
      }
      const bounds: Bound[] = [
        { of: "indexedPerSecond", name: IMPORT, to: SINGLE, min: TIMES },
        { of: "perSecond", name: EXPORT, min: EXPORTED_MIN },
        { of: "failed", name: SINGLE, max: 0 },
      ]
      return { figures, bounds }
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  },
}
