/**
 * DESIGN. Measures, for each fault at a node of a cluster of Redis, for how long shards on other, living nodes took no
 * write although some were requested: from the first refused or unanswered request (not before the last success) to the
 * next success. Requests are grouped by the first character of their token, so the creation of applications, which have
 * none yet, does not count. Left out is what another fault explains: one of a server without which no write is taken, or
 * one at another node, while it lasts and for as long as the API may need to recover.
 */
import { type FaultLog, type FaultRecord, harmsShard, REDIS_RECOVERS_MS } from "../faults/fault-log.ts"
import { type Ledger, shardOfResource } from "../load/ledger.ts"
import type { Verdict } from "./checks.ts"

/** What the product promises of shards whose servers live. */
const REFUSED_MAX_MS = 3_000
const CHECK = "shard refused over 3 s"

/** A request to write in a shard, and when it was answered or given up. */
export type Try = { sentAt: number; answeredAt: number; isTaken: boolean }
export type Outage = { shard: string; from: number; to: number }

/** What a fault at a node did to the shards of the others, and to its own. */
export type Refusals = {
  record: FaultRecord
  /** The longest outage of an undisturbed shard; 0 without any. */
  longestMs: number
  longest: Outage | undefined
  /** Undisturbed shards that were written to meanwhile, or within the time for which they may be refused. */
  measured: number
  /** Outages that another fault explains. */
  leftOut: number
  /** How long after its end the last of its own shards took a write again; null if other faults explain all outages. */
  ownMs: number | null
}

const isRefusal = (status: number): boolean => status === 0 || status === 429 || status >= 500

/** Returns the tries of each shard, in the order of their answers. */
export function triesByShard({ writes }: Pick<Ledger, "writes">): Map<string, Try[]> {
  const tries = new Map<string, Try[]>()
  for (const { id, resource, batch, attempts } of writes) {
    const shard = resource.parent && shardOfResource(resource)
    // The messages of a batch share their attempts.
    if (shard === undefined || (batch && batch[0]?.id !== id)) continue
    const known = tries.get(shard) ?? []
    tries.set(shard, known)
    for (const { sentAt, tookMs, status } of attempts) {
      const isTaken = status >= 200 && status < 300
      if (isTaken || isRefusal(status)) known.push({ sentAt, answeredAt: sentAt + tookMs, isTaken })
    }
  }
  for (const known of tries.values()) known.sort((one, other) => one.answeredAt - other.answeredAt)
  return tries
}

/** Returns when a shard took no write, from its tries in the order of their answers. One without an end lasts to the last. */
export function outagesOf(shard: string, tries: readonly Try[]): Outage[] {
  const outages: Outage[] = []
  let from: number | undefined
  let takenAt = Number.NEGATIVE_INFINITY
  for (const { sentAt, answeredAt, isTaken } of tries) {
    if (!isTaken) {
      from = Math.min(from ?? Number.POSITIVE_INFINITY, Math.max(sentAt, takenAt))
      continue
    }
    if (from !== undefined) outages.push({ shard, from, to: answeredAt })
    from = undefined
    takenAt = answeredAt
  }
  if (from !== undefined) outages.push({ shard, from, to: tries.at(-1)?.answeredAt ?? from })
  return outages
}

/** Returns whether a fault that lasted then, or ended up to `graceMs` before, may be the reason for an outage. */
const explains = (record: FaultRecord, { shard, from, to }: Outage, graceMs: number): boolean => {
  const { fault, startedAt, endedAt = Number.POSITIVE_INFINITY } = record
  if (startedAt > to || endedAt + graceMs < from) return false
  return fault.harms === "redis" ? harmsShard(record, shard) : fault.harms !== "elasticsearch"
}

/** Returns what each fault at a node did. */
export function measureRefusals(tries: ReadonlyMap<string, readonly Try[]>, all: readonly FaultRecord[]): Refusals[] {
  const outages = [...tries].flatMap(([shard, those]) => outagesOf(shard, those))
  return all.flatMap((record): Refusals[] => {
    const { fault, shards, startedAt, endedAt = startedAt } = record
    if (!fault.atNode || shards === undefined) return []
    const until = endedAt + REDIS_RECOVERS_MS
    // A fault may be over at once, such as a wipe.
    const measuredUntil = Math.max(endedAt, startedAt + REFUSED_MAX_MS)
    const during = outages.filter(({ from, to }) => from <= until && to >= startedAt)
    const isUnexplained = (outage: Outage, graceMs = REDIS_RECOVERS_MS) =>
      !all.some((other) => other !== record && explains(other, outage, graceMs))
    const own = during.filter(({ shard }) => shards.has(shard))
    // Its own shards are away because of it, whatever came before; only a fault since its end makes that longer.
    const ownReturns = own
      .filter(({ shard, to }) => isUnexplained({ shard, from: endedAt, to }, 0))
      .map(({ to }) => Math.max(0, Math.round(to - endedAt)))
    const others = during.filter(({ shard }) => !shards.has(shard))
    const counted = others.filter((outage) => isUnexplained(outage))
    const longest = counted.toSorted((a, b) => b.to - b.from - (a.to - a.from))[0]
    const measured = [...tries].filter(
      ([shard, those]) =>
        !shards.has(shard) && those.some((one) => one.answeredAt >= startedAt && one.sentAt <= measuredUntil),
    )
    return [
      {
        record,
        longest,
        longestMs: longest ? Math.round(longest.to - longest.from) : 0,
        measured: measured.length,
        leftOut: others.length - counted.length,
        ownMs: own.length > 0 && ownReturns.length === 0 ? null : Math.max(0, ...ownReturns),
      },
    ]
  })
}

const at = (ms: number): string => new Date(ms).toISOString()

/** Reports faults at nodes during which an undisturbed shard took no write for too long, or none was written to. */
export function judgeRefusals(ledger: Ledger, faults: FaultLog, verdict: Verdict): Refusals[] {
  const all = measureRefusals(triesByShard(ledger), faults.all)
  for (const { record, longest, longestMs, measured } of all) {
    const { name } = record.fault
    if (measured === 0) verdict.fail(CHECK, `${at(record.startedAt)} ${name}: no other shard was written to`)
    if (longest === undefined || longestMs <= REFUSED_MAX_MS) continue
    verdict.fail(CHECK, `${at(longest.from)} ${name}: the shard ${longest.shard} took no write for ${longestMs} ms`)
  }
  if (all.length === 0) return all
  const worst = Math.max(...all.map(({ longestMs }) => longestMs))
  const fewest = Math.min(...all.map(({ measured }) => measured))
  const leftOut = all.reduce((sum, one) => sum + one.leftOut, 0)
  const counted = `${all.length} faults at nodes, each with ${fewest} or more other shards written to`
  verdict.note(
    CHECK,
    `at most ${(worst / 1000).toFixed(1)} s in ${counted}; ${leftOut} outages left out, of other faults`,
  )
  return all
}
