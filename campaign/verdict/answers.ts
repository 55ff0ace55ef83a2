// Judges the answers alone: keys with two numbers, wrong reads, unexpected statuses, and slow requests.

import type { FaultLog } from "../faults/fault-log.ts"
import { describeWrite, endedAt, type Ledger, sentAt, shardOfResource } from "../load/ledger.ts"
import type { Verdict } from "./checks.ts"

const at = (ms: number): string => new Date(ms).toISOString()

/** Reports keys that were answered with two numbers, unless Redis lost its keys in between. */
export function findWrongNumbers({ writes }: Ledger, faults: FaultLog, verdict: Verdict): void {
  for (const write of writes) {
    const { kind, resource, answered } = write
    if (kind !== "replay" || answered === undefined || answered === resource.id) continue
    if (faults.lostData(sentAt(resource.creation), endedAt(write), shardOfResource(resource))) continue
    verdict.fail("one key, two numbers", `${describeWrite(resource.creation)}; again: ${describeWrite(write)}`)
  }
}

/** Returns whether the link to the API was harmed, or the API frozen without a proxy to answer in its place. */
function isExcused(faults: FaultLog, isProxied: boolean, sent: number, ended: number): boolean {
  return faults.during(sent, ended, 0).some(({ fault: { harms, freezes } }) => {
    return harms === "client" || (!isProxied && harms === "api" && freezes)
  })
}

/** Reports wrong reads, wrong answers and slow requests that the load recorded, and faults that failed. */
export function judgeAnswers(ledger: Ledger, faults: FaultLog, verdict: Verdict): void {
  for (const { at: time, what, requestId } of ledger.wrongReads) {
    verdict.fail("own write read wrong", `${at(time)} ${what} (request ${requestId})`)
  }
  for (const { at: time, what, requestId } of ledger.wrongAnswers) {
    verdict.fail("wrong answer", `${at(time)} ${what} (request ${requestId})`)
  }
  let excused = 0
  for (const { call, sentAt: sent, tookMs, requestId, isProxied } of ledger.slow) {
    if (isExcused(faults, isProxied, sent, sent + tookMs)) excused++
    else verdict.fail("request over 10 s", `${at(sent)} ${call}: ${Math.round(tookMs)} ms (request ${requestId})`)
  }
  if (excused > 0)
    verdict.note("request over 10 s", `${excused} left out, while the way to the API or the API was held up`)
  for (const { fault, startedAt, error } of faults.all) {
    if (error !== undefined) verdict.fail("fault not done", `${at(startedAt)} ${fault.name}: ${error}`)
  }
}
