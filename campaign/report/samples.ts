// Takes the samples of the timeline: each second, the outcomes of requests and the backlog.
import { setTimeout as sleep } from "node:timers/promises"
import type { Answer, Call } from "../load/client.ts"
import { type DirectStores, unlessAway } from "../verdict/stores.ts"

const SAMPLE_EVERY_MS = 1_000

/** The sample of one second. A backlog is null where the store did not answer. */
export type Sample = {
  /** Seconds since the start of the load. */
  at: number
  acknowledged: number
  refused: number
  unknown: number
  reads: number
  p99Ms: number | null
  outbox: number | null
  persistQueue: number | null
  indexQueue: number | null
  pendingIndex: number | null
}

export type Totals = { acknowledged: number; refused: number; unknown: number; reads: number }

export type Tally = {
  count(call: Call, answer: Answer): void
  /** Returns the counts since the last call. */
  take(): Totals & { p99Ms: number | null }
  totals: Totals
  /** Returns when the first write sent at or after `sentFrom` was acknowledged; undefined if none was yet. */
  firstAcknowledged(sentFrom: number): number | undefined
}

/** How many acknowledgements are remembered. */
const REMEMBERED = 20_000

export function createTally(): Tally {
  const none = (): Totals => ({ acknowledged: 0, refused: 0, unknown: 0, reads: 0 })
  const totals = none()
  let recent = none()
  let latencies: number[] = []
  const acknowledgements: { sentAt: number; at: number }[] = []

  return {
    totals,
    count({ method }, { status, sentAt, tookMs }) {
      latencies.push(tookMs)
      const isWrite = method !== "GET"
      const column =
        status === 0 ? "unknown" : status >= 200 && status < 300 ? (isWrite ? "acknowledged" : "reads") : "refused"
      // Only successful reads are counted; the other two columns are those of writes.
      if (!isWrite && column !== "reads") return
      recent[column]++
      totals[column]++
      if (column !== "acknowledged") return
      acknowledgements.push({ sentAt, at: sentAt + tookMs })
      if (acknowledgements.length > REMEMBERED) acknowledgements.splice(0, REMEMBERED / 2)
    },
    take() {
      const sorted = latencies.sort((a, b) => a - b)
      const p99Ms = sorted.length === 0 ? null : Math.round(sorted[Math.floor(sorted.length * 0.99)] ?? 0)
      const taken = { ...recent, p99Ms }
      recent = none()
      latencies = []
      return taken
    },
    firstAcknowledged: (from) => acknowledgements.find(({ sentAt }) => sentAt >= from)?.at,
  }
}

/** Returns the number of events that wait to be stored or indexed, as far as known. */
export const backlogOf = ({ outbox, persistQueue, indexQueue, pendingIndex }: Sample): number =>
  (outbox ?? 0) + (persistQueue ?? 0) + (indexQueue ?? 0) + (pendingIndex ?? 0)

/** Returns whether every store reported its backlog. */
export const isComplete = ({ outbox, persistQueue, indexQueue, pendingIndex }: Sample): boolean =>
  outbox !== null && persistQueue !== null && indexQueue !== null && pendingIndex !== null

/** Appends a sample to `samples` each second until `stop`. */
export async function sample(
  direct: DirectStores,
  tally: Tally,
  startedAt: number,
  samples: Sample[],
  stop: AbortSignal,
): Promise<void> {
  for (let second = 1; !stop.aborted; second++) {
    await sleep(Math.max(0, startedAt + second * SAMPLE_EVERY_MS - Date.now()), undefined, { signal: stop }).catch(
      () => undefined,
    )
    const [outbox, persistQueue, indexQueue, pendingIndex] = await Promise.all([
      unlessAway(direct.outboxEvents),
      unlessAway(() => direct.queueDepth("persist")),
      unlessAway(() => direct.queueDepth("index")),
      unlessAway(direct.pendingIndexRows),
    ])
    const at = Math.round((Date.now() - startedAt) / 1000)
    samples.push({ at, ...tally.take(), outbox, persistQueue, indexQueue, pendingIndex })
  }
}
