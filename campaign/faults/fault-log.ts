// Records which faults ran when; load and verdict consult it before they call an answer wrong.
import type { Fault } from "./fault.ts"

/** This long after a fault of Redis, even after a wipe, reads are exact again. */
export const REDIS_RECOVERS_MS = 10_000
/** By then a freeze has begun: in containers, their process has to be found first. */
const FREEZES_WITHIN_MS = 1_000

/** A fault that was run; `endedAt` is undefined while it lasts. Times are ms since 1970. */
export type FaultRecord = {
  fault: Fault
  startedAt: number
  endedAt?: number
  /** The shards that it harms, once known; undefined for all of those that Redis has. */
  shards?: ReadonlySet<string>
  /** Why it could not be run or undone. */
  error?: string
  recovery?: Record<string, number | null>
}

export type FaultLog = {
  all: FaultRecord[]
  /** Notes that a fault begins in a moment. */
  expect(fault: Fault): void
  begin(fault: Fault): FaultRecord
  end(record: FaultRecord): void
  active(): FaultRecord[]
  /** Returns whether a server is frozen in a moment, or has been just now. */
  isFreezing(): boolean
  /** Returns the faults during a span of time, and those that ended up to `graceMs` before it. */
  during(from: number, to: number, graceMs?: number): FaultRecord[]
  /** Returns whether reads in a shard may show an older state, because Redis is or was just being harmed there. */
  excusesOldReads(from: number, to: number, shard?: string): boolean
  /** Returns whether Redis lost data of a shard in a span of time; without a shard, of any. */
  lostData(from: number, to: number, shard?: string): boolean
}

/** Returns whether a fault of Redis harms a shard, or may: it is not always known which shard, or which it harms. */
export const harmsShard = ({ shards }: Pick<FaultRecord, "shards">, shard: string | undefined): boolean =>
  shards === undefined || shard === undefined || shards.has(shard)

export function createFaultLog(): FaultLog {
  const all: FaultRecord[] = []
  let expected: Fault | undefined
  const during: FaultLog["during"] = (from, to, graceMs = 0) =>
    all.filter(({ startedAt, endedAt = Number.POSITIVE_INFINITY }) => startedAt <= to && endedAt + graceMs >= from)
  return {
    all,
    during,
    expect(fault) {
      expected = fault
    },
    begin(fault) {
      expected = undefined
      const record: FaultRecord = { fault, startedAt: Date.now() }
      all.push(record)
      return record
    },
    end(record) {
      record.endedAt = Date.now()
    },
    active: () => all.filter(({ endedAt }) => endedAt === undefined),
    isFreezing() {
      const since = Date.now() - FREEZES_WITHIN_MS
      return expected?.freezes === true || all.some(({ fault, startedAt }) => fault.freezes && startedAt > since)
    },
    excusesOldReads: (from, to, shard) =>
      during(from, to, REDIS_RECOVERS_MS).some((one) => one.fault.harms === "redis" && harmsShard(one, shard)),
    lostData: (from, to, shard) => during(from, to).some((one) => one.fault.losesData && harmsShard(one, shard)),
  }
}
