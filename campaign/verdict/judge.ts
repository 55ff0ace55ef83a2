// The order of the verdict: the backlog drains, the counts become right, the followers read on, and all is compared.
import { LaunchFailure } from "../../local/failure.ts"
import type { FaultLog } from "../faults/fault-log.ts"
import type { Followers } from "../followers/followers.ts"
import { connectClient } from "../load/client.ts"
import type { Ledger } from "../load/ledger.ts"
import { clock, type Status } from "../report/status.ts"
import type { Target } from "../targets/target.ts"
import { judgeAnswers } from "./answers.ts"
import type { Verdict } from "./checks.ts"
import { judgeRefusals } from "./refusals.ts"
import {
  awaitQuiet,
  COUNTS_MAX_MS,
  judgeCounts,
  judgeLeft,
  judgeMemory,
  type Left,
  type Memory,
  measureMemory,
  QUIET_MAX_MS,
} from "./settle.ts"
import type { DirectStores } from "./stores.ts"
import { compareAll } from "./verdict.ts"

type Judged = {
  ledger: Ledger
  faults: FaultLog
  direct: DirectStores
  target: Target
  status: Status
  stop: AbortSignal
  /** What the servers' memory was before the first fault. */
  before: Memory
  followers: Followers
}

const shownLeft = (left: Left): string =>
  Object.entries(left)
    .map(([name, count]) => `${name} ${count ?? "?"}`)
    .join(", ")

export function throwIfStopped(stop: AbortSignal): void {
  if (stop.aborted) throw new LaunchFailure("Stopped before the verdict.")
}

/** Waits until the backlog has drained and checks everything. */
export async function judge(
  { ledger, faults, direct, target, status, stop, before, followers }: Judged,
  verdict: Verdict,
) {
  const client = connectClient(target.apiUrl)
  let said = "waiting for the backlog to drain"
  status.show(() => said)
  const { left, tookMs } = await awaitQuiet(direct, QUIET_MAX_MS, (now) => {
    throwIfStopped(stop)
    said = `waiting for the backlog to drain: ${shownLeft(now)}`
  })
  status.line(`Backlog after ${clock(tookMs)}: ${shownLeft(left)}`)
  await judgeLeft(direct, left, verdict)
  said = "waiting for the counts"
  const tokens = ledger.resources.flatMap(({ kind, id }) =>
    kind === "application" && id !== undefined ? [String(id)] : [],
  )
  await judgeCounts({ direct, client, tokens }, COUNTS_MAX_MS, verdict)
  await followers.finish((done, total) => {
    throwIfStopped(stop)
    said = `the followers read on to the end: ${done} of ${total}`
  })
  said = "comparing rows, documents and lists"
  const onProgress = (done: number, total: number) => {
    throwIfStopped(stop)
    said = `comparing rows, documents and lists: ${done} of ${total} applications`
  }
  await compareAll({ ledger, faults, direct, client, followers: followers.all, onProgress }, verdict)
  judgeAnswers(ledger, faults, verdict)
  const refusals = judgeRefusals(ledger, faults, verdict)
  for (const line of await target.unexplainedEnds()) verdict.fail("process ended by itself", line)
  const after = await measureMemory(target, direct)
  judgeMemory(target, before, after, verdict)
  client.close()
  return { left, quietAfterSeconds: Math.round(tookMs / 1000), after, refusals }
}
