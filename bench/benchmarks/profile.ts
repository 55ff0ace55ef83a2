// Shows where the API's thread spends its time under a load, by V8's profiler: which packages and files of ours.
import { existsSync, readFileSync } from "node:fs"
import { SourceMap } from "node:module"
import { dirname, resolve } from "node:path"
import { fileURLToPath } from "node:url"
import { awaitQuiet } from "../../campaign/verdict/settle.ts"
import type { Bench, BenchRun, Figure } from "../report/bench-run.ts"
import { type ProfileNode, SAMPLE_MICROSECONDS } from "../stack/inspector.ts"
import { type Asked, ask, batchIn, createChats, createMessages, creationIn } from "../stack/load.ts"
import { NO_OP } from "../stack/no-op.ts"

const CONNECTIONS = 64
const SECONDS = 10
const CHATS = 16
const MESSAGES = 4_000
const QUIET_LIMIT_MS = 180_000
/** As chat-import sends them. */
const STORED_CONNECTIONS = 8
const STORED_MESSAGES = 150_000
const BATCH_MESSAGES = 100
/** Places with a smaller share of the time are added up as "others". */
const SHARE_MIN = 0.005

type Frame = ProfileNode["callFrame"]

/** Returns what finds the source file of bundled code. */
function createSources() {
  const maps = new Map<string, SourceMap | undefined>()
  const mapOf = (path: string): SourceMap | undefined => {
    if (!maps.has(path)) {
      const file = `${path}.map`
      maps.set(path, existsSync(file) ? new SourceMap(JSON.parse(readFileSync(file, "utf8"))) : undefined)
    }
    return maps.get(path)
  }
  /** Returns the path of the file that a function stands in. */
  return ({ url, lineNumber, columnNumber }: Frame): string => {
    const path = url.startsWith("file:") ? fileURLToPath(url) : url
    const entry = path.startsWith("/") ? mapOf(path)?.findEntry(lineNumber, columnNumber) : undefined
    const { originalSource } = (entry ?? {}) as { originalSource?: string }
    return originalSource === undefined ? path : resolve(dirname(path), originalSource)
  }
}

/** Returns the package, the file of ours, or the part of Node.js that a function belongs to. */
function placeOf(frame: Frame, path: string): string {
  if (path === "") return frame.functionName || "native code"
  const [, packaged] = /.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path) ?? []
  if (packaged !== undefined) return packaged
  if (path.startsWith("node:")) return path.split("/").slice(0, 2).join("/")
  return /(?:bench|functions|lib|local)\/.*$/.exec(path)?.[0] ?? path
}

/** Returns the share of each place in the time of a profile, the largest first. */
function sharesIn(nodes: ProfileNode[], sourceOf: (frame: Frame) => string): [string, number][] {
  const hits = new Map<string, number>()
  let all = 0
  for (const { callFrame, hitCount } of nodes) {
    if (hitCount === 0) continue
    const place = placeOf(callFrame, sourceOf(callFrame))
    hits.set(place, (hits.get(place) ?? 0) + hitCount)
    all += hitCount
  }
  const shares = [...hits].map(([place, count]): [string, number] => [place, count / all])
  const shown = shares.filter(([, share]) => share >= SHARE_MIN).sort(([, a], [, b]) => b - a)
  return [...shown, ["others", 1 - shown.reduce((sum, [, share]) => sum + share, 0)]]
}

async function measure({ stack, scale }: BenchRun, name: string, asked: Asked[]): Promise<Figure[]> {
  const seconds = Math.max(2, SECONDS * scale)
  let perSecond = Number.NaN
  const nodes = await stack.apiProfile(async () => {
    ;({ perSecond } = await ask(stack.apiUrl, asked, { connections: CONNECTIONS, seconds }))
  })
  await awaitQuiet(stack.direct, QUIET_LIMIT_MS)
  return sharesIn(nodes, createSources()).map(([place, share]) => ({
    name: `${name}: ${place}`,
    percent: share * 100,
    microseconds: (share * 1_000_000) / perSecond,
    perSecond,
  }))
}

/** Profiles batches from the first request until all is stored and indexed; microseconds for each message. */
async function measureStored({ stack, scale }: BenchRun, chats: string[]): Promise<Figure[]> {
  const amount = Math.round((STORED_MESSAGES * scale) / BATCH_MESSAGES) * BATCH_MESSAGES
  const nodes = await stack.apiProfile(async () => {
    const extent = { connections: STORED_CONNECTIONS, amount: amount / BATCH_MESSAGES }
    await ask(
      stack.apiUrl,
      chats.map((chat) => batchIn(chat, BATCH_MESSAGES)),
      extent,
    )
    await awaitQuiet(stack.direct, QUIET_LIMIT_MS)
  })
  const seconds = nodes.reduce((sum, { hitCount }) => sum + hitCount, 0) * (SAMPLE_MICROSECONDS / 1_000_000)
  return sharesIn(nodes, createSources()).map(([place, share]) => ({
    name: `messages in batches, until indexed: ${place}`,
    percent: share * 100,
    microseconds: (share * seconds * 1_000_000) / amount,
    perSecond: amount / seconds,
  }))
}

export const profile: Bench = {
  name: "profile",
  about: `where the API's thread is during a load on ${CONNECTIONS} connections for ${SECONDS} s, by V8's profiler: percent of the time, and microseconds for each request`,
  async run(run) {
    const { apiUrl, direct } = run.stack
    const chats = await createChats(apiUrl, CHATS)
    await createMessages({ apiUrl, chats, connections: CONNECTIONS, amount: MESSAGES })
    await awaitQuiet(direct, QUIET_LIMIT_MS)
    const kinds: Record<string, Asked[]> = {
      "no-op": [NO_OP],
      "POST message": chats.map(creationIn),
      "POST batch of 100": chats.map((chat) => batchIn(chat, 100)),
      "GET message": chats.map((chat) => ({ path: `${chat}/messages/7` })),
      "GET list of 20": chats.map((chat) => ({ path: `${chat}/messages?order=desc` })),
      "GET search": chats.map((chat) => ({ path: `${chat}/messages/search?query=fox` })),
    }
    const figures: Figure[] = []
    for (let round = 0; round < run.rounds; round++) {
      for (const [name, asked] of Object.entries(kinds)) figures.push(...(await measure(run, name, asked)))
      figures.push(...(await measureStored(run, chats)))
    }
    return { figures, bounds: [] }
  },
}
