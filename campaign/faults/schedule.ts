// Plans the faults from the seed alone, so that a campaign can be repeated, and runs them. A fault that makes Redis
// lose data waits until no acknowledged write is only in Redis, where it would be lost: the load pauses until the
// outbox is empty, runs again for a moment, and then the fault begins. Most faults of a cluster's node are alone, so that
// refusals in the shards of other nodes have no other reason.
import { setTimeout as sleep } from "node:timers/promises"
import { logUniform, type Random, shuffled } from "../load/random.ts"
import type { Target } from "../targets/target.ts"
import type { Fault, Harmed } from "./fault.ts"
import type { FaultLog, FaultRecord } from "./fault-log.ts"

/** Gives a campaign of 30 minutes 109 faults. */
const FAULT_EVERY_MS = 16_300
const FAULT_MIN_MS = 1_000
const FAULT_MAX_MS = 30_000
const SHORT_MAX_MS = 3_000
/** With --short, the time from the start of one fault to the next. */
const SHORT_EVERY_MS = 4_500
/** The load runs for this long before the first fault; then memory is measured. */
const WARM_UP_MS = 10_000
/** At most this many faults at the same time. */
const ACTIVE_MAX = 2
/** After this, a fault that needs an empty outbox is skipped. */
const CALM_MAX_MS = 240_000
/** A killed server that takes longer than this to restart is harmed again anyway. */
const UP_MAX_MS = 90_000
/** Between the calm and the loss the load runs again; no fault has kept an event from the queue since the calm. */
const RESUMED_MS = 1_500
/** Share of the faults at nodes that are alone in a long campaign; the others show what happens together. */
const ALONE = 0.75
/** Before a freeze most followers have begun to read without a pause, so that it catches pages half read. */
const FREEZE_EXPECTED_MS = 1_000
const POLL_MS = 200
/** By then the API's readiness shows what a fault has left. */
const NOTICED_MS = 1_500
/** What must be up before a fault that is alone. */
const SERVERS: readonly Harmed[] = ["redis", "mysql", "elasticmq", "elasticsearch", "api"]

/** One that is `alone` begins when all is well, and no other begins before Redis is ready again. */
export type PlannedFault = { fault: Fault; atMs: number; forMs: number; alone?: boolean }
export type Plan = { faults: PlannedFault[]; lastsMs: number }

/** Returns the faults whose names begin with one of `names`; all of them without names. Throws for an unknown name. */
export function chooseFaults(faults: Fault[], names: string[]): Fault[] {
  for (const name of names) {
    if (!faults.some((fault) => fault.name.startsWith(name))) {
      throw new Error(`--only: there is no fault "${name}", only ${faults.map((fault) => fault.name).join(", ")}`)
    }
  }
  return faults.filter(({ name }) => names.length === 0 || names.some((wanted) => name.startsWith(wanted)))
}

/** Plans each fault once. Those that lose data come first, while there is no backlog to wait for. */
export function planShort(faults: Fault[], random: Random): Plan {
  const mixed = shuffled(random, faults)
  const ordered = [...mixed.filter(({ losesData }) => losesData), ...mixed.filter(({ losesData }) => !losesData)]
  const planned = ordered.map((fault, index) => {
    const atMs = WARM_UP_MS + index * SHORT_EVERY_MS
    const forMs = Math.round(logUniform(random, FAULT_MIN_MS, SHORT_MAX_MS))
    return { fault, atMs, forMs, ...(fault.atNode && { alone: true }) }
  })
  return { faults: planned, lastsMs: WARM_UP_MS + (planned.length + 1) * SHORT_EVERY_MS }
}

/** Plans as many faults as fit into `minutes`: each kind in turn, in random order, log-uniformly for 1 to 30 s. */
export function planLong(faults: Fault[], minutes: number, random: Random): Plan {
  const lastsMs = minutes * 60_000
  const count = Math.max(1, Math.floor((lastsMs - WARM_UP_MS) / FAULT_EVERY_MS))
  const kinds: Fault[] = []
  while (kinds.length < count) kinds.push(...shuffled(random, faults))
  const planned = kinds.slice(0, count).map((fault, index) => {
    const atMs = WARM_UP_MS + Math.round((index + 0.6 * random()) * FAULT_EVERY_MS)
    const forMs = Math.round(logUniform(random, FAULT_MIN_MS, FAULT_MAX_MS))
    return { fault, atMs, forMs, ...(fault.atNode && { alone: random() < ALONE }) }
  })
  return { faults: planned, lastsMs }
}

export type Conduct = {
  target: Target
  faults: FaultLog
  startedAt: number
  /** Returns whether the API has been ready for a while, and everything acknowledged is stored. */
  isCalm(): Promise<boolean>
  /** Returns whether a server has recovered from its last fault. */
  isUp(harmed: Harmed): boolean
  /** Returns whether writes have been acknowledged since `time`. */
  hasRecovered(time: number): boolean
  /** Called with true when the wait for a calm begins, and with false when it ends. */
  onCalmWanted(isWanted: boolean): void
  onBegin(record: FaultRecord, forMs: number): void
  onEnd(record: FaultRecord): void
  onSkip(planned: PlannedFault, reason: string): void
  stop: AbortSignal
}

type Wait = (isReady: () => boolean | Promise<boolean>, limitMs?: number) => Promise<boolean>

/** Waits for the calm that a loss of data needs, and for the load after it. Returns false if there was none in time. */
async function awaitCalm({ faults, isCalm, onCalmWanted, stop }: Conduct, wait: Wait): Promise<boolean> {
  await wait(() => faults.active().length === 0)
  onCalmWanted(true)
  const wasCalm = await wait(isCalm, CALM_MAX_MS)
  onCalmWanted(false)
  if (wasCalm) await sleep(RESUMED_MS)
  return wasCalm || stop.aborted
}

/** Waits until what a fault harms is free and has recovered; for one that is alone, until everything has. */
async function awaitTurn({ fault, alone }: PlannedFault, { faults, isUp }: Conduct, wait: Wait): Promise<void> {
  await wait(() => {
    const active = faults.active()
    if (alone) return active.length === 0
    return active.length < ACTIVE_MAX && active.every((other) => other.fault.harms !== fault.harms)
  })
  await wait(() => (alone ? SERVERS : [fault.harms]).every(isUp), UP_MAX_MS)
}

/** Begins a fault. The promise ends with it. */
function begin({ fault, forMs }: PlannedFault, { target, faults, onBegin, onEnd }: Conduct) {
  const record = faults.begin(fault)
  onBegin(record, forMs)
  const hits = (shards: readonly string[]) => {
    record.shards = new Set(shards)
  }
  const ended = fault
    .run(target, forMs, hits)
    .catch((error: unknown) => {
      record.error = error instanceof Error ? error.message : String(error)
    })
    .then(() => {
      faults.end(record)
      onEnd(record)
    })
  return { record, ended }
}

/** Runs the planned faults in order, never earlier than planned, but later where they have to wait. */
export async function conductFaults(plan: Plan, conduct: Conduct): Promise<void> {
  const { faults, startedAt, stop, isUp, hasRecovered } = conduct
  const running: Promise<void>[] = []
  const wait: Wait = async (isReady, limitMs = Number.POSITIVE_INFINITY) => {
    const deadline = Date.now() + limitMs
    while (!stop.aborted && Date.now() < deadline) {
      if (await isReady()) return true
      await sleep(POLL_MS, undefined, { signal: stop }).catch(() => undefined)
    }
    return false
  }

  for (const planned of plan.faults) {
    const { fault, atMs, alone } = planned
    await wait(() => Date.now() >= startedAt + atMs)
    if (!fault.losesData) await awaitTurn(planned, conduct, wait)
    else if (!(await awaitCalm(conduct, wait))) {
      conduct.onSkip(planned, `no calm within ${CALM_MAX_MS / 1000} s`)
      continue
    }
    if (fault.freezes) {
      faults.expect(fault)
      await sleep(FREEZE_EXPECTED_MS, undefined, { signal: stop }).catch(() => undefined)
    }
    if (stop.aborted) break
    const { record, ended } = begin(planned, conduct)
    running.push(ended)
    if (!fault.losesData && !alone) continue
    await ended
    // Events that only the queue holds must be stored before a fault harms the queue.
    if (fault.losesData) await wait(() => hasRecovered(record.endedAt ?? 0), CALM_MAX_MS)
    if (fault.atNode) {
      await sleep(NOTICED_MS, undefined, { signal: stop }).catch(() => undefined)
      await wait(() => isUp(fault.harms), UP_MAX_MS)
    }
  }
  await Promise.all(running)
}
