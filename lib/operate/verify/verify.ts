/**
 * DESIGN. Checks all that is stored, without stopping anything and in bounded memory: each parent's numbers and counts
 * (check-parents.ts), rows and documents (check-documents.ts), and overdue work. It reads by keyset, in statements of
 * milliseconds (except the counts of a large parent) that neither wait for another nor form a transaction.
 *
 * With `repair` it repairs what it can without loss: documents (repair-documents.ts), counters and count columns, never
 * rows or numbers. Then everything is verified again, so that the result is current.
 */
import { reachMysql } from "../../clients/mysql.ts"
import { DependencyAway } from "../../errors.ts"
import { chatText, type ResourceKey, revisionTime } from "../../events.ts"
import type { MessageRow } from "../../search/indexing/index-mapping.ts"
import { estimateMessages } from "../../search/rebuilding/walk-messages.ts"
import type { SearchStores } from "../../stores.ts"
import { recount } from "../recount.ts"
import { surveyOutbox } from "../survey.ts"
import { checkRows, checkSurplus, type DocumentCheck } from "./check-documents.ts"
import { checkParents, type ParentCheck, type Unaccounted, walkCounters, withoutCounter } from "./check-parents.ts"
import { createFindings, type Finding, type Findings } from "./findings.ts"
import { repairDocuments } from "./repair-documents.ts"
import { createRounds } from "./rounds.ts"

/** The relay sends again after a minute or two, and ten at the latest, so older work is stuck. */
const OVERDUE_MS = 900_000
/** Bounds the search for the oldest outbox event; without a backlog it takes milliseconds. */
const SURVEY_BUDGET_MS = 10_000
/** Entries of pending_index counted of each kind. */
const LEFTOVERS_MAX = 1_000
const REFRESH_TIMEOUT_MS = 30_000

export type VerifyProgress = {
  phase: "numbers and counts" | "messages" | "documents"
  done: number
  total?: number
}
export type VerifyOptions = {
  application?: string
  repair?: boolean
  onProgress?: (progress: VerifyProgress) => void
  signal?: AbortSignal
}
export type Repaired = { documents: number; counters: number }
export type Verified = {
  parents: number
  messages: number
  documents: number
  findings: Finding[]
  unaccounted: Unaccounted
  /** What a repair wrote, and the findings before it; null without one. */
  repaired: (Repaired & { findings: Finding[] }) | null
}

/**
 * Verifies what is stored; with `repair` repairs it and verifies again. Throws the error of a store that is away, or
 * the reason of `signal`.
 */
export async function verify(stores: SearchStores, options: VerifyOptions = {}): Promise<Verified> {
  const repaired: Repaired = { documents: 0, counters: 0 }
  const first = await verifyOnce(stores, options, options.repair === true ? repaired : null)
  if (repaired.documents + repaired.counters === 0) return first
  const second = await verifyOnce(stores, options, null)
  return { ...second, repaired: { ...repaired, findings: first.findings } }
}

async function verifyOnce(stores: SearchStores, options: VerifyOptions, repaired: Repaired | null): Promise<Verified> {
  const { application, signal, onProgress } = options
  const findings = createFindings()
  const unaccounted: Unaccounted = { fenced: 0, expired: 0 }
  const sums = { parents: 0, messages: 0, documents: 0 }
  const rounds = createRounds(signal)
  const drifted = new Set<string>()
  const parents: ParentCheck = { stores, findings, unaccounted, rounds, onWrong: (key) => drifted.add(key.application) }
  const mendCounts = async () => {
    if (repaired)
      for (const one of drifted) repaired.counters += (await recount(stores, { application: one })).corrected
    drifted.clear()
  }
  for await (const keys of walkCounters(stores.mysql, application, signal)) {
    await checkParents(parents, keys)
    await mendCounts()
    sums.parents += keys.length
    onProgress?.({ phase: "numbers and counts", done: sums.parents })
  }

  const total = application === undefined ? await estimateMessages(stores) : undefined
  const tell = (phase: VerifyProgress["phase"], done: number) =>
    onProgress?.({ phase, done, ...(total === undefined ? {} : { total: Math.max(total, done) }) })
  const documents: DocumentCheck = {
    stores,
    findings,
    rounds,
    application,
    signal,
    async onWrong(wrong) {
      if (!repaired) return
      await repairDocuments(stores, wrong)
      repaired.documents += wrong.length
    },
    onLooked: () => undefined,
  }
  const onLooked = (sum: "messages" | "documents") => (count: number) => {
    sums[sum] += count
    tell(sum, sums[sum])
  }
  await checkRows({ ...documents, onLooked: onLooked("messages") }, async (rows) => {
    await checkStrays(parents, rows)
    await mendCounts()
  })
  const index = stores.config.ELASTICSEARCH_INDEX
  await stores.elasticsearch.indices.refresh({ index }, { requestTimeout: REFRESH_TIMEOUT_MS })
  await checkSurplus({ ...documents, onLooked: onLooked("documents") })
  await checkLeftovers(stores, findings, application)
  return { ...sums, findings: findings.list(), unaccounted, repaired: null }
}

/** Checks the parents without a counter, which the walk over counters missed. */
async function checkStrays(parents: ParentCheck, rows: MessageRow[]): Promise<void> {
  const keys = new Map(rows.map(({ application, chat }) => [chatText({ application, chat }), { application, chat }]))
  await checkParents(parents, await withoutCounter(parents.stores.mysql, [...keys.values()]))
}

/** Reports events that are overdue or dead. */
async function checkLeftovers(
  stores: SearchStores,
  findings: Findings,
  application: string | undefined,
): Promise<void> {
  const { mysql } = stores
  const entries = () => {
    const query = mysql.selectFrom("pending_index").select(["application", "chat", "message"])
    return application === undefined ? query : query.where("application", "=", application)
  }
  const add = (kind: "dead_index" | "overdue_index", keys: ResourceKey[]) => {
    for (const { application, chat, message } of keys) findings.add(kind, { application, chat, message })
  }
  add("dead_index", await reachMysql(() => entries().where("due_at", "is", null).limit(LEFTOVERS_MAX).execute()))
  const overdue = new Date(Date.now() - OVERDUE_MS)
  add("overdue_index", await reachMysql(() => entries().where("due_at", "<", overdue).limit(LEFTOVERS_MAX).execute()))
  // The outbox is not divided by application.
  if (application !== undefined) return
  const { shards, oldestRevision } = await surveyOutbox(stores, SURVEY_BUDGET_MS)
  if (shards.some(({ reached }) => !reached)) throw new DependencyAway("redis", new Error("a shard cannot be read"))
  for (const { shard, dead } of shards) {
    const example = { application: "", chat: 0, message: 0, detail: `${dead} in shard ${shard}` }
    if (dead > 0) findings.add("dead_event", example, dead)
  }
  if (oldestRevision !== undefined && revisionTime(oldestRevision).getTime() < Date.now() - OVERDUE_MS) {
    const detail = `the oldest is of ${revisionTime(oldestRevision).toISOString()}`
    findings.add("overdue_event", { application: "", chat: 0, message: 0, detail })
  }
}
