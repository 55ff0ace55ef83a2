// Measures how long it takes after a fault until everything works again.
import { setTimeout as sleep } from "node:timers/promises"
import type { Answer, Client } from "../load/client.ts"
import { backlogOf, isComplete, type Sample, type Tally } from "../report/samples.ts"
import type { Harmed } from "./fault.ts"
import type { FaultLog, FaultRecord } from "./fault-log.ts"

const PROBE_EVERY_MS = 250
const PROBE_TIMEOUT_MS = 2_000
/** What has not recovered by then is reported as not recovered. */
const RECOVERY_MAX_MS = 180_000
/** The backlog without faults: about a second's writes, in all stages. */
const BACKLOG_USUAL = 600

export type Probes = {
  run(stop: AbortSignal): Promise<void>
  /** When the last successful request was sent (ms since 1970); 0 for never. */
  lastGood: Record<ProbeName, number>
  /** Returns for how long the API has been continuously ready. */
  readyForMs(): number
  /** Returns whether a server is up by the API's last readiness; the API itself is up if it answers. */
  isUp(harmed: Harmed): boolean
}
type ProbeName = "list" | "search" | "ready"

/** Polls a list (MySQL), a search (Elasticsearch) and the readiness, and records the last successful request. */
export function createProbes(client: Client, chatPath: string): Probes {
  const paths: Record<ProbeName, string> = {
    list: `${chatPath}/messages?limit=1`,
    search: `${chatPath}/messages/search?limit=1&query=e`,
    ready: "/health/ready",
  }
  const lastGood = { list: 0, search: 0, ready: 0 }
  let readySince: number | undefined
  let answers = true
  let states: Partial<Record<string, { state: string }>> = {}
  const noteReadiness = ({ status, sentAt, body }: Answer) => {
    answers = status !== 0
    readySince = status === 200 ? (readySince ?? sentAt) : undefined
    if (answers) states = (body as { dependencies?: typeof states } | undefined)?.dependencies ?? states
  }
  const probe = async (name: ProbeName, stop: AbortSignal) => {
    while (!stop.aborted) {
      const answer = await client.call({ method: "GET", path: paths[name], timeoutMs: PROBE_TIMEOUT_MS })
      if (answer.status === 200) lastGood[name] = answer.sentAt
      if (name === "ready") noteReadiness(answer)
      await sleep(PROBE_EVERY_MS, undefined, { signal: stop }).catch(() => undefined)
    }
  }
  return {
    lastGood,
    readyForMs: () => (readySince === undefined ? 0 : Date.now() - readySince),
    isUp(harmed) {
      if (harmed === "api") return answers
      return states[harmed === "elasticmq" ? "sqs" : harmed]?.state !== "down"
    },
    run: async (stop) => void (await Promise.all((["list", "search", "ready"] as const).map((n) => probe(n, stop)))),
  }
}

/**
 * Waits after a fault until writes, lists, searches, readiness and backlog are back to normal, and records after how
 * many ms each was; null for not in time, or not before another fault began.
 */
export async function followRecovery(
  record: FaultRecord,
  faults: FaultLog,
  { probes, tally, samples, startedAt }: { probes: Probes; tally: Tally; samples: Sample[]; startedAt: number },
  stop: AbortSignal,
): Promise<void> {
  const endedAt = record.endedAt ?? Date.now()
  const recovery: Record<string, number | null> = { write: null, list: null, search: null, ready: null, backlog: null }
  record.recovery = recovery
  const isDone = () => Object.values(recovery).every((ms) => ms !== null)
  while (!isDone() && !stop.aborted && Date.now() < endedAt + RECOVERY_MAX_MS) {
    const acknowledged = tally.firstAcknowledged(endedAt)
    if (acknowledged !== undefined) recovery.write ??= Math.round(acknowledged - endedAt)
    for (const name of ["list", "search", "ready"] as const) {
      if (probes.lastGood[name] >= endedAt) recovery[name] ??= probes.lastGood[name] - endedAt
    }
    const latest = samples.at(-1)
    const isAfter = latest !== undefined && startedAt + latest.at * 1000 > endedAt
    if (isAfter && isComplete(latest) && backlogOf(latest) <= BACKLOG_USUAL) recovery.backlog ??= Date.now() - endedAt
    // What a later fault harms says nothing about this one.
    if (faults.all.some(({ startedAt: began }) => began > endedAt)) return
    await sleep(PROBE_EVERY_MS, undefined, { signal: stop }).catch(() => undefined)
  }
}
