// Measures the same requests on little and on much data: their cost must not grow with the data.

import { awaitQuiet } from "../../campaign/verdict/settle.ts"
import { syncCounts } from "../../lib/counts/sync-counts.ts"
import { encodeCursor } from "../../lib/http/cursor.ts"
import { drawToken } from "../../lib/outbox/keys.ts"
import type { SearchStores } from "../../lib/stores.ts"
import type { Bench, BenchRun, Bound, Figure } from "../report/bench-run.ts"
import { plotMedians } from "../report/plots.ts"
import { type Asked, ask, creationIn, percentile } from "../stack/load.ts"
import { type Place, storeRows } from "./search-data.ts"

const [FEW_MESSAGES, MANY_MESSAGES] = [1_000, 1_000_000]
const [FEW_CHATS, MANY_CHATS] = [100, 100_000]
const RATIO_MAX = 1.3
/** So few that no request waits for another: the cost of one is compared. */
const CONNECTIONS = 2
const REQUESTS = 600
const DISTINCT = 100
const PAGE = 20
const DIRTY = 100
const SYNCS = 9
const SYNC_BUDGET_MS = 20_000
const ROWS_AT_A_TIME = 1_000
const TELL_EVERY = 100_000
const QUIET_LIMIT_MS = 120_000

type Size = { application: string; chats: number; messages: number }

/** Stores an application with `chats` chats, as if they and the first one's `messages` had been persisted. */
export async function storeParents({ mysql }: SearchStores, { application, chats, messages }: Size): Promise<void> {
  const now = new Date()
  const times = { revision: 1, created_at: now, updated_at: now }
  const numbers = Array.from({ length: chats }, (_, index) => index + 1)
  const counter = { application, revision: 1, fenced: 0, dirty: 0 }
  const messagesIn = (chat: number) => (chat === 1 ? messages : 0)
  await mysql
    .insertInto("applications")
    .values({ token: application, name: "bench", chats_count: chats, ...times })
    .execute()
  await mysql
    .insertInto("counters")
    .values({ ...counter, chat: 0, highest: chats, live: chats })
    .execute()
  for (let first = 0; first < chats; first += ROWS_AT_A_TIME) {
    const some = numbers.slice(first, first + ROWS_AT_A_TIME)
    await mysql
      .insertInto("chats")
      .values(
        some.map((number) => {
          const row = { application, number, name: null, messages_count: messagesIn(number), ...times }
          // Each write of an application has a revision of its own, by which changes are read.
          return { ...row, revision: 1 + number }
        }),
      )
      .execute()
    await mysql
      .insertInto("counters")
      .values(some.map((chat) => ({ ...counter, chat, highest: messagesIn(chat), live: messagesIn(chat) })))
      .execute()
  }
}

async function givenSize(stores: SearchStores, size: Size, say: (line: string) => void): Promise<void> {
  await storeParents(stores, size)
  const { application, messages } = size
  function* places(): Generator<Place> {
    for (let number = 1; number <= messages; number++) yield { application, chat: 1, number, body: `message ${number}` }
  }
  let told = 0
  await storeRows(stores, places(), (done) => {
    if (done < told + TELL_EVERY) return
    told = done
    say(`${done} of ${messages} messages`)
  })
}

/** Returns the requests to an application by name. */
function requestsFor({ application, chats, messages }: Size): Record<string, Asked[]> {
  const base = `/applications/${application}`
  const pages = (path: string, rows: number) => {
    const list = { path, keyedBy: "number" } as const
    const from = (key: number) => [{ path: `${path}?limit=${PAGE}&cursor=${encodeCursor(list, "asc", { key })}` }]
    return { first: [{ path: `${path}?limit=${PAGE}` }], middle: from(Math.floor(rows / 2)), last: from(rows - PAGE) }
  }
  const ofMessages = pages(`${base}/chats/1/messages`, messages)
  const ofChats = pages(`${base}/chats`, chats)
  const spread = (rows: number) =>
    Array.from({ length: DISTINCT }, (_, index) => 1 + Math.floor((index * rows) / DISTINCT))
  return {
    "list of messages, first page": ofMessages.first,
    "list of messages, middle": ofMessages.middle,
    "list of messages, last": ofMessages.last,
    "list of chats, first page": ofChats.first,
    "list of chats, middle": ofChats.middle,
    "list of chats, last": ofChats.last,
    "changes, first page": [{ path: `${base}/changes` }],
    "GET message": spread(messages).map((number) => ({ path: `${base}/chats/1/messages/${number}` })),
    "GET chat": spread(chats).map((number) => ({ path: `${base}/chats/${number}` })),
    "POST message": [creationIn(`${base}/chats/1`)],
    "POST message, many chats": spread(chats).map((number) => creationIn(`${base}/chats/${number}`)),
  }
}

/** Returns the milliseconds to sync the counts of DIRTY changed chats. */
async function timeSync(stores: SearchStores, { application }: Size): Promise<number> {
  await stores.mysql
    .updateTable("counters")
    .set({ dirty: 1 })
    .where("application", "=", application)
    .where("chat", ">", 0)
    .where("chat", "<=", DIRTY)
    .execute()
  const started = performance.now()
  await syncCounts(stores, SYNC_BUDGET_MS)
  return performance.now() - started
}

async function measureSync({ stack }: BenchRun, size: Size): Promise<number> {
  const times: number[] = []
  for (let count = 0; count < SYNCS; count++) times.push(await timeSync(stack.direct.stores, size))
  return percentile(
    times.toSorted((a, b) => a - b),
    50,
  )
}

export const growth: Bench = {
  name: "growth",
  about: `the same requests on ${CONNECTIONS} connections where a chat has ${FEW_MESSAGES} messages and an application ${FEW_CHATS} chats, and where they have ${MANY_MESSAGES} and ${MANY_CHATS}`,
  async run(run) {
    const { stack, rounds, scale, say } = run
    const { stores } = stack.direct
    const few = { application: drawToken(), chats: FEW_CHATS, messages: FEW_MESSAGES }
    const many = {
      application: drawToken(),
      chats: Math.max(FEW_CHATS, Math.round(MANY_CHATS * scale)),
      messages: Math.max(FEW_MESSAGES, Math.round(MANY_MESSAGES * scale)),
    }
    const figures: Figure[] = []
    await givenSize(stores, few, say)
    // The sync covers the whole database, so the small one is measured before the large one is stored.
    const syncFew: number[] = []
    for (let round = 0; round < rounds; round++) syncFew.push(await measureSync(run, few))
    await givenSize(stores, many, say)
    const names = Object.keys(requestsFor(few))
    const sizes = { few: requestsFor(few), many: requestsFor(many) }
    for (let round = 0; round < rounds; round++) {
      for (const name of names) {
        const p50: Record<string, number> = {}
        for (const size of round % 2 === 0 ? (["few", "many"] as const) : (["many", "few"] as const)) {
          const asked = sizes[size][name] ?? []
          // The first requests read from the disk.
          if (round === 0) await ask(stack.apiUrl, asked, { connections: CONNECTIONS, amount: DISTINCT * 2 })
          const { latencies, failed } = await ask(stack.apiUrl, asked, { connections: CONNECTIONS, amount: REQUESTS })
          if (failed > 0) throw new Error(`${name}: ${failed} were not answered`)
          p50[size] = percentile(latencies, 50)
        }
        figures.push({ name, few: p50.few ?? 0, many: p50.many ?? 0, ratio: (p50.many ?? 0) / (p50.few ?? 0) })
      }
      await awaitQuiet(stack.direct, QUIET_LIMIT_MS)
      const [was, is] = [syncFew[round] ?? 0, await measureSync(run, many)]
      figures.push({ name: `count sync after ${DIRTY} changes`, few: was, many: is, ratio: is / was })
      say(`round ${round + 1} of ${rounds}`)
    }
    const bounds = [...names, `count sync after ${DIRTY} changes`].map(
      (name): Bound => ({ of: "ratio", name, max: RATIO_MAX }),
    )
    const plot = plotMedians(figures, {
      file: "growth",
      title: `The same requests with little and with much data (median of ${REQUESTS})`,
      unit: "milliseconds",
      series: {
        few: `${FEW_MESSAGES} messages, ${FEW_CHATS} chats`,
        many: `${many.messages} messages, ${many.chats} chats`,
      },
    })
    return { figures, bounds, plots: [plot] }
  },
}
