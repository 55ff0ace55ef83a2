// Measures how fast events that were queued while the API was frozen are stored and indexed once it runs again.
import { setTimeout as sleep } from "node:timers/promises"
import type { Server } from "../../campaign/targets/target.ts"
import { awaitQuiet } from "../../campaign/verdict/settle.ts"
import { indexDocuments } from "../../lib/search/indexing/index-documents.ts"
import { readTargets, writesAlias } from "../../lib/search/indexing/targets.ts"
import type { SearchStores } from "../../lib/stores.ts"
import { writing } from "../../test/steps/search-index.ts"
import type { Bench, Figure } from "../report/bench-run.ts"
import { chatOf, createChats } from "../stack/load.ts"
import { type Place, storeRows } from "./search-data.ts"

const EVENTS = 200_000
const APPLICATIONS = 64
/** Events of one application that are sent together: several envelopes of a hundred. */
const SENT_TOGETHER = 1_000
/** Counting documents refreshes the index, so no more often than Elasticsearch does so itself. */
export const POLL_MS = { rows: 250, documents: 1_000 }
const DRAIN_MAX_MS = 300_000
/** Documents per write of the floor: the consumers' maximum. */
const DOCUMENTS_AT_A_TIME = 1_000
const BULK_TIMEOUT_MS = 30_000
/** The floor's chat in each application; the queued creations use chat 1. */
const FLOOR_CHAT = 2
const BODY = "The quick brown fox jumps over the lazy dog, and the parcel is on its way."

/** Returns the events of creations in an application's first chat, numbered from `first`. */
export const creationEvents = (application: string, first: number, bodies: readonly string[], createdAt: number) =>
  bodies.map((body, index) => {
    const message = first + index
    const revision = String(createdAt * 1000 + message)
    return { revision, application, chat: 1, message, created_at: createdAt, body }
  })

/** Returns the group to send events in: only those of a group that is an application are packed. */
export const groupOf = (packs: boolean, application: string): string =>
  packs ? application : `not-packed-${application}`

/** Sends the events of creations, for chats without other messages. */
async function queueEvents({ stores, packs }: DrainTarget, applications: string[], each: number): Promise<void> {
  const createdAt = Date.now()
  for (let first = 1; first <= each; first += SENT_TOGETHER) {
    for (const application of applications) {
      const bodies = Array<string>(Math.min(SENT_TOGETHER, each - first + 1)).fill(BODY)
      const events = creationEvents(application, first, bodies, createdAt)
      await stores.queues.persist.send(events, { group: groupOf(packs, application) })
    }
  }
}

export async function countRows({ mysql }: SearchStores, applications: string[]): Promise<number> {
  // The counters change in the transaction that stores the rows.
  const { rows } = await mysql
    .selectFrom("counters")
    .select(({ fn }) => fn.sum<string | null>("live").as("rows"))
    .where("application", "in", applications)
    .where("chat", "=", 1)
    .executeTakeFirstOrThrow()
  return Number(rows ?? 0)
}

export async function countDocuments({ elasticsearch, config }: SearchStores, applications: string[]): Promise<number> {
  const index = config.ELASTICSEARCH_INDEX
  await elasticsearch.indices.refresh({ index })
  return (await elasticsearch.count({ index, query: { terms: { application: applications } } })).count
}

/** Returns the seconds until `count` returns `total`. */
export async function secondsUntil(count: () => Promise<number>, total: number, pollMs: number): Promise<number> {
  const started = performance.now()
  for (;;) {
    const found = await count()
    const seconds = (performance.now() - started) / 1000
    if (found >= total) return seconds
    if (seconds * 1000 > DRAIN_MAX_MS) throw new Error(`${found} of ${total} after ${Math.round(seconds)} s`)
    await sleep(pollMs)
  }
}

/** Returns how many rows, and then documents, per second one client writes by itself. */
async function measureFloor(stores: SearchStores, applications: string[], each: number) {
  const { mysql, elasticsearch, config } = stores
  const places = applications.flatMap((application) =>
    Array.from(
      { length: each },
      (_, index): Place => ({ application, chat: FLOOR_CHAT, number: index + 1, body: BODY }),
    ),
  )
  const began = performance.now()
  await storeRows(stores, places, () => undefined)
  const stored = performance.now()
  const { live } = await readTargets(mysql, config.ELASTICSEARCH_INDEX)
  if (live === null) throw new Error("there is no index to write documents to")
  const at = new Date().toISOString()
  const operations = places.map(({ application, chat, number, body }) =>
    writing({ application, chat, message: number }, body, at, "1"),
  )
  for (let first = 0; first < operations.length; first += DOCUMENTS_AT_A_TIME) {
    const some = operations.slice(first, first + DOCUMENTS_AT_A_TIME)
    const { failed } = await indexDocuments(elasticsearch, writesAlias(live), some, { timeoutMs: BULK_TIMEOUT_MS })
    if (failed[0]) throw new Error(`Elasticsearch refused a document: ${failed[0].reason}`)
  }
  await elasticsearch.indices.refresh({ index: config.ELASTICSEARCH_INDEX })
  const perSecond = (ms: number) => (places.length * 1000) / ms
  return { rowsPerSecond: perSecond(stored - began), documentsPerSecond: perSecond(performance.now() - stored) }
}

/** A stack whose queue is drained. */
export type DrainTarget = {
  apiUrl: string
  stores: SearchStores
  api: Pick<Server, "freeze" | "thaw">
  /** Whether its consumers read packs of events (lib/queue/packs.ts), as they do since there are any. */
  packs: boolean
  /** Waits until nothing is stored or indexed any more. */
  untilAtRest(): Promise<unknown>
}

export type Drained = { applications: string[]; total: number; rowsPerSecond: number; documentsPerSecond: number }

/** Queues `each` creations in a chat of each of many new applications while the API is frozen, and has them drained. */
export async function drainQueue(target: DrainTarget, each: number): Promise<Drained> {
  const { apiUrl, stores, api } = target
  const applications = (await createChats(apiUrl, APPLICATIONS)).map((path) => chatOf(path).application)
  await target.untilAtRest()
  await api.freeze()
  try {
    await queueEvents(target, applications, each)
  } finally {
    await api.thaw()
  }
  const total = each * APPLICATIONS
  const [stored, indexed] = await Promise.all([
    secondsUntil(() => countRows(stores, applications), total, POLL_MS.rows),
    secondsUntil(() => countDocuments(stores, applications), total, POLL_MS.documents),
  ])
  return { applications, total, rowsPerSecond: total / stored, documentsPerSecond: total / indexed }
}

/** Returns how many creations each application of a drain gets. */
export const eachOf = (scale: number): number => Math.ceil((EVENTS * scale) / APPLICATIONS)

export const drain: Bench = {
  name: "drain",
  about: `${EVENTS} creations of ${APPLICATIONS} applications in the persist queue while the API is frozen (SIGSTOP); from its thaw until all is stored, and indexed; floor: one client writes as many rows, and then as many documents, straight into MySQL and Elasticsearch`,
  async run({ stack, rounds, scale, say }) {
    const { stores } = stack.direct
    const each = eachOf(scale)
    const untilAtRest = () => awaitQuiet(stack.direct, DRAIN_MAX_MS)
    const target = { apiUrl: stack.apiUrl, stores, api: stack.server("api"), packs: true, untilAtRest }
    const figures: Figure[] = []
    for (let round = 0; round < rounds; round++) {
      const { applications, total, rowsPerSecond, documentsPerSecond } = await drainQueue(target, each)
      say(`${total} creations: ${Math.round(rowsPerSecond)} rows/s, ${Math.round(documentsPerSecond)} documents/s`)
      await untilAtRest()
      const floor = await measureFloor(stores, applications, each)
      figures.push({ name: "floor", ...floor })
      figures.push({
        name: "drain",
        rowsPerSecond,
        documentsPerSecond,
        rowsOfFloor: rowsPerSecond / floor.rowsPerSecond,
        documentsOfFloor: documentsPerSecond / floor.documentsPerSecond,
      })
    }
    const bounds = [
      { of: "rowsPerSecond", name: "drain", min: 5_000 },
      { of: "documentsPerSecond", name: "drain", min: 3_000 },
    ]
    return { figures, bounds }
  },
}
