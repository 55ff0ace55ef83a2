// The end of a campaign: waits until the backlog has drained, and judges what is left.
import { setTimeout as sleep } from "node:timers/promises"
import type { QueueKey } from "../../lib/queue/queues.ts"
import type { Client } from "../load/client.ts"
import type { Target } from "../targets/target.ts"
import type { Verdict } from "./checks.ts"
import { findWrongCounts } from "./compare.ts"
import { type DirectStores, unlessAway } from "./stores.ts"

/** The relay repeats what has failed after 5 minutes at the latest, and an index entry after 10. */
export const QUIET_MAX_MS = 12 * 60_000
/** Counts are synced at second 0 of every minute; the sync takes some seconds. */
export const COUNTS_MAX_MS = 2 * 60_000 + 10_000
const POLL_MS = 1_000
const ANSWER_MS = 5_000
/** Nothing may be left in this many polls in a row. */
const QUIET_POLLS = 2

/** What is left, by store; null where the store did not answer. */
export type Left = Record<
  "outbox" | "outboxBytes" | "persistQueue" | "indexQueue" | "pendingIndex" | "purges",
  number | null
>

export async function whatIsLeft(direct: DirectStores): Promise<Left> {
  const ask = (question: () => Promise<number>) => unlessAway(question, ANSWER_MS)
  const [outbox, outboxBytes, persistQueue, indexQueue, pendingIndex, purges] = await Promise.all([
    ask(direct.outboxEvents),
    ask(direct.outboxBytes),
    ask(() => direct.queueDepth("persist")),
    ask(() => direct.queueDepth("index")),
    ask(direct.pendingIndexRows),
    ask(direct.openPurges),
  ])
  return { outbox, outboxBytes, persistQueue, indexQueue, pendingIndex, purges }
}

/** Waits until nothing is left, or for `limitMs`. Returns what is left, and after how long. */
export async function awaitQuiet(
  direct: DirectStores,
  limitMs: number,
  onProgress: (left: Left) => void = () => {},
): Promise<{ left: Left; tookMs: number }> {
  const started = Date.now()
  for (let quiet = 0; ; ) {
    const left = await whatIsLeft(direct)
    const { outboxBytes: _bytes, ...waiting } = left
    quiet = Object.values(waiting).every((count) => count === 0) ? quiet + 1 : 0
    const tookMs = Date.now() - started
    if (quiet >= QUIET_POLLS || tookMs >= limitMs) return { left, tookMs }
    onProgress(left)
    await sleep(POLL_MS)
  }
}

/** Reports what is left, and dead letters. */
export async function judgeLeft(direct: DirectStores, left: Left, verdict: Verdict): Promise<void> {
  const judge = (name: "outbox not empty" | "queue or index backlog not empty", keys: (keyof Left)[]) => {
    for (const key of keys) {
      const count = left[key]
      if (count !== 0) verdict.fail(name, `${key}: ${count ?? "not answered"}`, count === null ? 1 : Math.abs(count))
    }
  }
  judge("outbox not empty", ["outbox", "outboxBytes"])
  judge("queue or index backlog not empty", ["persistQueue", "indexQueue", "pendingIndex", "purges"])
  for (const queue of Object.keys(direct.stores.queues) as QueueKey[]) {
    const count = await unlessAway(() => direct.deadLetters(queue), ANSWER_MS)
    if (count !== 0) verdict.fail("dead letter", `${queue}DeadLetters: ${count ?? "not answered"}`, count ?? 1)
  }
}

/** Waits until these applications' counts match the rows; reports differences that remain after `limitMs`. */
export async function judgeCounts(
  { direct, client, tokens }: { direct: DirectStores; client: Client; tokens: string[] },
  limitMs: number,
  verdict: Verdict,
): Promise<void> {
  const deadline = Date.now() + limitMs
  for (;;) {
    const wrong = await findWrongCounts(direct.stores, client, tokens)
    if (wrong.length === 0) return
    if (Date.now() >= deadline) {
      for (const line of wrong) verdict.fail("wrong count", line)
      return
    }
    await sleep(POLL_MS)
  }
}

/** Resident memory of each running server, and Redis's used_memory. */
export type Memory = Record<string, number>

const MEGABYTE = 1024 * 1024
/** A process that has served for a while is larger than a new one, because of buffers and compiled code. */
const GROWTH_FACTOR = 1.5
const GROWTH_BYTES = 100 * MEGABYTE

export async function measureMemory(target: Target, direct: DirectStores): Promise<Memory> {
  const memory: Memory = {}
  for (const server of target.servers) {
    const bytes = await server.rssBytes().catch(() => undefined)
    if (bytes !== undefined) memory[server.name] = bytes
  }
  const used = await unlessAway(direct.redisMemoryBytes, ANSWER_MS)
  if (used !== null) memory["redis used_memory"] = used
  return memory
}

/** Checks that the API has not grown by more than a warm process needs. The stores' memory is only shown. */
export function judgeMemory(target: Target, before: Memory, after: Memory, verdict: Verdict): void {
  for (const { name, kind } of target.servers) {
    if (kind !== "api") continue
    const [was, is] = [before[name], after[name]]
    if (was === undefined || is === undefined) {
      verdict.fail("memory not given back", `${name}: not running ${was === undefined ? "before" : "after"}`)
    } else if (is > was * GROWTH_FACTOR + GROWTH_BYTES) {
      verdict.fail("memory not given back", `${name}: ${megabytes(was)} before, ${megabytes(is)} after`)
    }
  }
  const shown = Object.entries(after).map(
    ([name, bytes]) => `${name} ${megabytes(before[name] ?? 0)} → ${megabytes(bytes)}`,
  )
  verdict.note("memory not given back", shown.join(", "))
}

const megabytes = (bytes: number): string => `${Math.round(bytes / MEGABYTE)} MB`
