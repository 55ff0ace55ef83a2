// The course of a campaign: set up, run load and faults together, wait until the backlog has drained, give the verdict.
// The verdict rests on answers recorded during the load and on rows, documents and lists read at the end.
import { createFaultLog, type FaultLog } from "./faults/fault-log.ts"
import { createProbes, followRecovery, type Probes } from "./faults/recovery.ts"
import { conductFaults, type Plan } from "./faults/schedule.ts"
import { createFollowers, type Followers } from "./followers/followers.ts"
import { connectClient } from "./load/client.ts"
import type { Load } from "./load/exchange.ts"
import { createLedger, type Ledger, pathOf } from "./load/ledger.ts"
import { BROAD, type Playground, runLoad, setUp, USUAL } from "./load/load.ts"
import { seededRandom } from "./load/random.ts"
import type { CampaignOptions } from "./options.ts"
import {
  type CampaignReport,
  countAttempts,
  describeFaults,
  describeFollowers,
  describeRefusals,
  titleOf,
  totalLedger,
} from "./report/report.ts"
import { backlogOf, createTally, type Sample, sample, type Tally } from "./report/samples.ts"
import { clock, type Status } from "./report/status.ts"
import { drawTimeline } from "./report/timeline.ts"
import { entrancesOf, type Target } from "./targets/target.ts"
import { createVerdict, type Verdict } from "./verdict/checks.ts"
import { judge, throwIfStopped } from "./verdict/judge.ts"
import { type Memory, measureMemory } from "./verdict/settle.ts"
import { connectStores, type DirectStores, unlessAway } from "./verdict/stores.ts"

/** When the load ends, open writes are still repeated for this long. */
const LAST_ANSWERS_MS = 60_000
/** By then an open breaker has closed, and the queue takes events again. */
const CALM_READY_MS = 5_000
/** Beyond this backlog the load slows down in proportion, at most by SLOWDOWN_MAX, so as not to outrun the machine. */
const BACKLOG_GIVEN_WAY = 1_500
const SLOWDOWN_MAX = 10
/** Faults that had to wait may make a campaign this much longer. */
const OVERTIME_FACTOR = 1.5

export type CampaignParts = {
  options: CampaignOptions
  target: Target
  plan: Plan
  status: Status
  stop: AbortSignal
}
export type Outcome = { report: CampaignReport; verdict: Verdict; timeline: string }

type Run = {
  parts: CampaignParts
  faults: FaultLog
  ledger: Ledger
  direct: DirectStores
  samples: Sample[]
  notRun: string[]
  startedAt: number
}
type LoadFigures = { loadSeconds: number; before: Memory; followers: Followers }

/** Returns the text of the moving line. */
const progressText = ({ parts, faults, samples, startedAt }: Run, totals: Record<string, number>) => {
  const active = faults.active().map(({ fault }) => fault.name)
  const latest = samples.at(-1)
  return [
    `${clock(Date.now() - startedAt)}/${clock(parts.plan.lastsMs)}`,
    active.length === 0 ? "no fault" : active.join(" + "),
    `writes ${totals.acknowledged} ok, ${totals.refused} refused, ${totals.unknown} unanswered`,
    `backlog ${latest ? backlogOf(latest) : 0}`,
  ].join(" · ")
}

type FaultParts = {
  tally: Tally
  probes: Probes
  followed: Promise<void>[]
  watched: AbortSignal
  stopFaults: AbortSignal
  wantCalm(isWanted: boolean): void
}

/** Runs the planned faults, prints them and follows the recovery from each. Returns how many began. */
async function doFaults(
  run: Run,
  { tally, probes, followed, watched, stopFaults, wantCalm }: FaultParts,
): Promise<number> {
  const { parts, faults, direct, samples, notRun, startedAt } = run
  const { target, plan, status } = parts
  let begun = 0
  await conductFaults(plan, {
    target,
    faults,
    startedAt,
    stop: stopFaults,
    isCalm: async () => {
      return probes.readyForMs() > CALM_READY_MS && (await unlessAway(direct.outboxEvents)) === 0
    },
    isUp: probes.isUp,
    hasRecovered: (time) => tally.firstAcknowledged(time) !== undefined,
    onCalmWanted: wantCalm,
    onBegin: ({ fault }, forMs) => {
      begun++
      status.line(
        `${clock(Date.now() - startedAt)}  ${fault.name} for ${(forMs / 1000).toFixed(1)} s (${begun} of ${plan.faults.length})`,
      )
    },
    onEnd: (record) => {
      const failed = record.error === undefined ? "" : `: ${record.error}`
      status.line(`${clock(Date.now() - startedAt)}  ${record.fault.name} ended${failed}`)
      followed.push(followRecovery(record, faults, { probes, tally, samples, startedAt }, watched))
    },
    onSkip: ({ fault }, reason) => {
      notRun.push(`${fault.name}: ${reason}`)
      status.line(`${clock(Date.now() - startedAt)}  ${fault.name} is skipped: ${reason}`)
    },
  })
  return begun
}

/** Runs load and faults until both have ended. */
async function runUnderFire(run: Run): Promise<LoadFigures> {
  const { parts, faults, ledger, direct, samples, notRun, startedAt } = run
  const { target, plan, status, options } = parts
  const tally = createTally()
  const client = connectClient(target.apiUrl, tally.count)
  const probeClient = connectClient(target.apiUrl)
  const [ended, gaveUp, watched] = [new AbortController(), new AbortController(), new AbortController()]
  let isCalmWanted = false
  const wantCalm = (isWanted: boolean) => {
    isCalmWanted = isWanted
  }
  const slowdown = () => {
    const latest = samples.at(-1)
    const byBacklog = latest ? backlogOf(latest) / BACKLOG_GIVEN_WAY : 1
    return Math.min(SLOWDOWN_MAX, Math.max(1, byBacklog))
  }
  const load: Load = {
    client,
    ledger,
    faults,
    random: seededRandom(options.seed),
    isProxied: target.name === "compose",
    slowdown,
    isPaused: () => isCalmWanted,
    stop: ended.signal,
    giveUp: gaveUp.signal,
  }
  const breadth = target.cluster ? BROAD : USUAL
  const playground = await setUp(load, breadth)
  const [place] = playground
  const probes = createProbes(probeClient, place ? pathOf(place.chat) : "")
  const watching = [probes.run(watched.signal), sample(direct, tally, startedAt, samples, watched.signal)]
  status.show(() => progressText(run, tally.totals))
  const loading = runLoad(load, playground, breadth.workers)
  const followers = followersOf(run, load, playground)
  const following = followers.run(plan.lastsMs, ended.signal)
  const followed: Promise<void>[] = []
  // Aborted by the operator, or when faults have waited too long.
  const stopFaults = AbortSignal.any([parts.stop, AbortSignal.timeout(plan.lastsMs * OVERTIME_FACTOR)])

  const firstFaultAt = startedAt + (plan.faults[0]?.atMs ?? 0)
  await pauseUntil(firstFaultAt, parts.stop)
  const before = await measureMemory(target, direct)
  const begun = await doFaults(run, { tally, probes, followed, watched: watched.signal, stopFaults, wantCalm })
  for (const { fault } of plan.faults.slice(begun + notRun.length)) notRun.push(`${fault.name}: out of time`)
  await pauseUntil(startedAt + plan.lastsMs, parts.stop)
  ended.abort()
  const last = setTimeout(() => gaveUp.abort(), LAST_ANSWERS_MS)
  await loading
  clearTimeout(last)
  await following
  const loadSeconds = Math.round((Date.now() - startedAt) / 1000)
  await Promise.race([Promise.all(followed), pauseUntil(Date.now() + LAST_ANSWERS_MS, parts.stop)])
  watched.abort()
  await Promise.all([...watching, ...followed])
  client.close()
  probeClient.close()
  return { loadSeconds, before, followers }
}

/** Returns followers with connections and a random source of their own. */
function followersOf({ parts: { target, options } }: Run, load: Load, playground: Playground): Followers {
  const sources = entrancesOf(target).map(({ url, ...source }) => ({ ...source, client: connectClient(url) }))
  return createFollowers({ ...load, random: seededRandom(options.seed + 2) }, playground, sources)
}

/** Resolves at `time` (ms since 1970), or when aborted. */
async function pauseUntil(time: number, stop: AbortSignal): Promise<void> {
  const waitMs = time - Date.now()
  if (waitMs <= 0 || stop.aborted) return
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, waitMs)
    stop.addEventListener("abort", () => {
      clearTimeout(timer)
      resolve()
    })
  })
}

/** Runs a whole campaign on a running stack. Throws when a store cannot be read at the end. */
export async function runCampaign(parts: CampaignParts): Promise<Outcome> {
  const { options, target } = parts
  const startedAt = Date.now()
  const run: Run = {
    parts,
    startedAt,
    faults: createFaultLog(),
    ledger: createLedger(),
    direct: connectStores(target.env, target.cluster?.directUrls),
    samples: [],
    notRun: [],
  }
  try {
    const figures = await runUnderFire(run)
    throwIfStopped(parts.stop)
    const verdict = createVerdict()
    const { left, quietAfterSeconds, after, refusals } = await judge({ ...run, ...parts, ...figures }, verdict)
    const clean = verdict.isClean()
    const faults = describeFaults(run.faults.all, startedAt)
    const report: CampaignReport = {
      seed: options.seed,
      target: target.name,
      redis: options.redis,
      replicas: options.replicas,
      startedAt: new Date(startedAt).toISOString(),
      loadSeconds: figures.loadSeconds,
      clean,
      verdict: verdict.checks.map(({ name, count, note, examples }) => ({ check: name, count, note, examples })),
      faults,
      refusals: describeRefusals(refusals, startedAt),
      notRun: run.notRun,
      ledger: totalLedger(run.ledger),
      attempts: countAttempts(run.ledger),
      reads: run.ledger.reads,
      followers: describeFollowers(figures.followers.all),
      quietAfterSeconds,
      left,
      memoryBytes: { before: figures.before, after },
      samples: run.samples,
    }
    const timeline = drawTimeline(titleOf(options, faults.length, clean), run.samples, run.faults.all, startedAt)
    return { report, verdict, timeline }
  } finally {
    await run.direct.close()
  }
}
