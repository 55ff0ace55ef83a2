// Writes the report of a campaign: report.json for programs, report.md for people, timeline.svg.
import { mkdir, writeFile } from "node:fs/promises"
import { join } from "node:path"
import type { FaultRecord } from "../faults/fault-log.ts"
import type { Follower } from "../followers/follower.ts"
import type { Ledger, ResourceKind, Write } from "../load/ledger.ts"
import type { CampaignOptions, RedisKind } from "../options.ts"
import type { Verdict } from "../verdict/checks.ts"
import type { Refusals } from "../verdict/refusals.ts"
import type { Left, Memory } from "../verdict/settle.ts"
import type { Sample } from "./samples.ts"
import { clock } from "./status.ts"

export type LedgerTotals = Record<string, Record<Write["outcome"], number>> & object

export type CampaignReport = {
  seed: number
  target: string
  redis: RedisKind
  replicas: number
  startedAt: string
  /** Duration of the load. */
  loadSeconds: number
  clean: boolean
  verdict: { check: string; count: number; note: string; examples: string[] }[]
  faults: {
    name: string
    at: number
    seconds: number
    losesData: boolean
    recoveryMs?: Record<string, number | null>
    error?: string
  }[]
  /** Of the faults at nodes of a cluster: what they meant for the shards of other nodes, and for their own. */
  refusals: {
    name: string
    at: number
    shards: number
    othersMs: number
    others: number
    leftOut: number
    ownMs: number | null
  }[]
  notRun: string[]
  ledger: LedgerTotals
  attempts: { sent: number; repeated: number; unanswered: number }
  reads: number
  followers: { name: string; reads: string; told: number; pages: number; refused: number; gone: boolean }[]
  quietAfterSeconds: number
  left: Left
  memoryBytes: { before: Memory; after: Memory }
  samples: Sample[]
}

/** Returns how many writes of each kind were acknowledged, refused for good or never answered. */
export function totalLedger({ writes }: Ledger): LedgerTotals {
  const totals: Record<string, Record<Write["outcome"], number>> = {}
  for (const { kind, part, resource, batch, rival, outcome } of writes) {
    const withOthers = batch === undefined ? (rival === undefined ? "" : " at once") : " in a batch"
    const shown = kind === "update" && part !== "whole" ? `update (${part})` : kind
    const name = `${shown} ${resource.kind satisfies ResourceKind}${withOthers}`
    totals[name] ??= { acknowledged: 0, refused: 0, unknown: 0 }
    totals[name][outcome]++
  }
  return totals
}

export function countAttempts({ writes }: Ledger): CampaignReport["attempts"] {
  let sent = 0
  let unanswered = 0
  const requests = writes.filter(({ batch, ...write }) => batch === undefined || batch[0]?.id === write.id)
  for (const { attempts } of requests) {
    sent += attempts.length
    unanswered += attempts.filter(({ status }) => status === 0).length
  }
  return { sent, repeated: sent - requests.length, unanswered }
}

export const describeFollowers = (followers: Follower[]): CampaignReport["followers"] =>
  followers.map(({ name, reads, replica, pages, refused, goneAt }) => {
    return { name, reads, told: replica.told, pages, refused, gone: goneAt !== undefined }
  })

const secondsSince = (startedAt: number, at: number): number => Math.round((at - startedAt) / 100) / 10

export const describeFaults = (records: FaultRecord[], startedAt: number): CampaignReport["faults"] =>
  records.map(({ fault: { name, losesData = false }, startedAt: began, endedAt = began, recovery, error }) => ({
    name,
    at: secondsSince(startedAt, began),
    seconds: Math.round((endedAt - began) / 100) / 10,
    losesData,
    ...(recovery === undefined ? {} : { recoveryMs: recovery }),
    ...(error === undefined ? {} : { error }),
  }))

export const describeRefusals = (all: Refusals[], startedAt: number): CampaignReport["refusals"] =>
  all.map(({ record, longestMs, measured, leftOut, ownMs }) => ({
    name: record.fault.name,
    at: secondsSince(startedAt, record.startedAt),
    shards: record.shards?.size ?? 0,
    othersMs: longestMs,
    others: measured,
    leftOut,
    ownMs,
  }))

/** Returns the verdict as lines: each check with ok, or FAIL and the count, and its examples. */
export function verdictLines({ checks }: Verdict): string[] {
  const width = Math.max(...checks.map(({ name }) => name.length))
  return checks.flatMap(({ name, count, note, examples }) => {
    const result = count === 0 ? "ok" : `FAIL ${count}`
    const line = `  ${name.padEnd(width)}  ${result.padEnd(8)}${note === "" ? "" : `  ${note}`}`.trimEnd()
    return [line, ...examples.map((example) => `      ${example}`)]
  })
}

const REDIS_NAMES: Record<RedisKind, string> = {
  single: "",
  cluster: ", Redis a cluster",
  "valkey-cluster": ", with a cluster of Valkey",
}
const cell = (text: string): string => text.replaceAll("|", "\\|").replaceAll("\n", " ")
const milliseconds = (ms: number | null | undefined): string =>
  ms === null || ms === undefined ? "–" : (ms / 1000).toFixed(1)

function followersLine({ followers }: CampaignReport): string {
  const total = (of: (follower: CampaignReport["followers"][number]) => number) =>
    followers.reduce((sum, follower) => sum + of(follower), 0)
  const [told, pages, refused] = [total((one) => one.told), total((one) => one.pages), total((one) => one.refused)]
  const by = [...Map.groupBy(followers, ({ reads }) => reads)].map(([reads, those]) => `${those.length} by ${reads}`)
  return `${followers.length} followers (${by.join(", ")}) were told ${told} changes on ${pages} pages, and ${refused} times had to ask again.`
}

/** Returns the servers' name for titles. */
const serversOf = ({ target, redis }: Pick<CampaignReport, "target" | "redis">): string =>
  `${target} servers${REDIS_NAMES[redis]}`

/** Returns one row for each kind of fault at a node: how many there were, and the worst of them. */
export function refusalsByKind(refusals: CampaignReport["refusals"]): string[] {
  const kinds = [...Map.groupBy(refusals, ({ name }) => name)].toSorted(([one], [other]) => (one < other ? -1 : 1))
  return kinds.map(([name, those]) => {
    const others = Math.max(...those.map(({ othersMs }) => othersMs))
    const own = those.flatMap(({ ownMs }) => (ownMs === null ? [] : [ownMs]))
    const worst = [others, own.length === 0 ? null : Math.max(...own)].map(milliseconds)
    return `| ${[name, those.length, ...worst].join(" | ")} |`
  })
}

function refusalLines({ refusals }: CampaignReport): string[] {
  if (refusals.length === 0) return []
  const rows = refusals.map(({ name, at, shards, othersMs, others, leftOut, ownMs }) => {
    const cells = [clock(at * 1000), name, shards, milliseconds(othersMs), others, leftOut, milliseconds(ownMs)]
    return `| ${cells.join(" | ")} |`
  })
  return [
    "",
    "Of each fault at a node of Redis: how many shards it harmed; the longest time, in seconds, in which a shard of the others took no write, of how many that were written to, and how often another fault explained one; and the seconds from its end until the last of its own shards took a write, – where another fault kept them from it.",
    "",
    "| at | fault | shards | others refused | of | left out | own back |",
    "| --- | --- | --- | --- | --- | --- | --- |",
    ...rows,
    "",
    "The longest of each kind:",
    "",
    "| fault | times | others refused | own back |",
    "| --- | --- | --- | --- |",
    ...refusalsByKind(refusals),
  ]
}

/** Returns the report as Markdown. */
function markdownOf(report: CampaignReport): string {
  const { verdict, faults, ledger, attempts, left } = report
  const totals = Object.entries(ledger).map(
    ([name, { acknowledged, refused, unknown }]) => `| ${name} | ${acknowledged} | ${refused} | ${unknown} |`,
  )
  const checks = verdict.map(
    ({ check, count, note }) => `| ${check} | ${count === 0 ? "ok" : `**${count}**`} | ${cell(note)} |`,
  )
  const examples = verdict.flatMap(({ check, examples: shown }) => shown.map((one) => `- ${check}: ${cell(one)}`))
  const rows = faults.map(({ name, at, seconds, recoveryMs = {} }) => {
    const times = ["write", "list", "search", "ready", "backlog"].map((part) => milliseconds(recoveryMs[part]))
    return `| ${clock(at * 1000)} | ${name} | ${seconds.toFixed(1)} | ${times.join(" | ")} |`
  })
  return [
    `# Campaign of ${report.startedAt.slice(0, 10)}, seed ${report.seed}`,
    "",
    `${report.clean ? "Clean" : "**Not clean**"}: ${faults.length} faults in ${clock(report.loadSeconds * 1000)} minutes on the ${serversOf(report)} (${report.replicas} ${report.replicas === 1 ? "copy" : "copies"} of the API), ${attempts.sent} requests to write, of which ${attempts.repeated} repeated and ${attempts.unanswered} unanswered, ${report.reads} reads. ${followersLine(report)}`,
    "",
    "![Timeline](timeline.svg)",
    "",
    "| check | result | |",
    "| --- | --- | --- |",
    ...checks,
    "",
    ...(examples.length === 0 ? [] : [...examples, ""]),
    "| writes | acknowledged | refused | unknown |",
    "| --- | --- | --- | --- |",
    ...totals,
    "",
    `Nothing was on its way any more ${report.quietAfterSeconds} s after the load ended (left: ${Object.entries(left)
      .map(([name, count]) => `${name} ${count ?? "?"}`)
      .join(", ")}).`,
    "",
    "Seconds from the end of a fault to the first acknowledged write, list, search and readiness, and until the backlog was as usual; – where the next fault began before, or not within three minutes.",
    "",
    "| at | fault | lasted | write | list | search | ready | backlog |",
    "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ...rows,
    ...refusalLines(report),
    ...report.notRun.map((line) => `\nNot run: ${line}`),
    "",
  ].join("\n")
}

/** Writes the three files into `folder` and returns their paths. */
export async function writeReport(folder: string, report: CampaignReport, timeline: string): Promise<string[]> {
  await mkdir(folder, { recursive: true })
  const files = {
    "report.json": `${JSON.stringify(report, undefined, 2)}\n`,
    "report.md": markdownOf(report),
    "timeline.svg": timeline,
  }
  for (const [name, content] of Object.entries(files)) await writeFile(join(folder, name), content)
  return Object.keys(files).map((name) => join(folder, name))
}

/** Returns the title of the timeline. */
export const titleOf = (
  { seed, target, redis }: Pick<CampaignOptions, "seed" | "target" | "redis">,
  faults: number,
  clean: boolean,
): string =>
  `${faults} faults on the ${serversOf({ target, redis })}, seed ${seed}: ${clean ? "nothing lost, nothing twice" : "NOT clean"}`
