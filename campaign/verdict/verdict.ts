// DESIGN. The verdict compares, one application after the other, the ledger with the rows of MySQL, and the rows with
// documents and lists. It samples nothing: every difference counts.

import { answered } from "../../lib/members.ts"
import { type FaultLog, harmsShard } from "../faults/fault-log.ts"
import type { Follower } from "../followers/follower.ts"
import type { Client } from "../load/client.ts"
import {
  describeWrite,
  endedAt,
  isDeleted,
  type Ledger,
  mayBeDeleted,
  type Resource,
  sentAt,
  shardOfResource,
  type Write,
} from "../load/ledger.ts"
import { possibleStates, type Shown, shows, statesOf } from "../load/members.ts"
import { writeIdOf } from "../load/texts.ts"
import { findWrongNumbers } from "./answers.ts"
import { checkBatches } from "./batches.ts"
import type { Verdict } from "./checks.ts"
import { compareApplications, compareDocuments, compareLists } from "./compare.ts"
import { compareFollower, judgeFollowed } from "./followed.ts"
import {
  type ApplicationRow,
  type ChatRow,
  type MessageRow,
  readApplications,
  readChats,
  readMessages,
} from "./inventory.ts"
import { findGaps, type Use } from "./numbering.ts"
import type { DirectStores } from "./stores.ts"

export type Evidence = {
  ledger: Ledger
  faults: FaultLog
  direct: DirectStores
  client: Client
  followers: Follower[]
  onProgress?(done: number, total: number): void
}

type Row = { id: number | string; text: string | null; members: Shown; createdAt: string }
type Siblings = { parent: Resource | undefined; rows: Row[]; where: string }

/** Indexes writes by id and resources by parent, since the ledger has hundreds of thousands. */
function indexLedger({ writes, resources }: Ledger) {
  const byId = new Map(writes.map((write) => [write.id, write]))
  const children = new Map<Resource | undefined, Resource[]>()
  for (const resource of resources) {
    const siblings = children.get(resource.parent)
    if (siblings) siblings.push(resource)
    else children.set(resource.parent, [resource])
  }
  const replays = Map.groupBy(
    writes.filter(({ kind }) => kind === "replay"),
    ({ resource }) => resource,
  )
  return {
    byId,
    childrenOf: (parent: Resource | undefined) => children.get(parent) ?? [],
    replaysOf: (resource: Resource) => replays.get(resource) ?? [],
  }
}
type Index = ReturnType<typeof indexLedger>

/** Returns whether Redis lost data during the write, so that its key or number may be lost. */
const acrossLoss = ({ faults }: Evidence, write: Write): boolean =>
  faults.lostData(sentAt(write), endedAt(write), shardOfResource(write.resource))

/** Returns whether Redis lost data between a creation's first attempt and last replay, so that it may exist twice. */
function isDoubleAllowed(evidence: Evidence, { resource }: Write, index: Index): boolean {
  const lastEnd = Math.max(endedAt(resource.creation), ...index.replaysOf(resource).map(endedAt))
  return evidence.faults.lostData(sentAt(resource.creation), lastEnd, shardOfResource(resource))
}

function checkAcknowledged(resource: Resource, row: Row | undefined, index: Index, verdict: Verdict, where: string) {
  const shown = `${where} ${resource.kind} ${resource.id}`
  if (isDeleted(resource)) {
    if (row && writeIdOf(row.text) === resource.state.text.id)
      verdict.fail("row that should not be", `${shown} is deleted`)
    return
  }
  if (!row) {
    if (!mayBeDeleted(resource)) {
      verdict.fail("acknowledged and lost", `${shown} has no row: ${describeWrite(resource.creation)}`)
    }
    return
  }
  if (!possibleStates(resource).some((state) => shows(state, row.members))) {
    const found = index.byId.get(writeIdOf(row.text))
    const had = JSON.stringify(row.members).slice(0, 200)
    const what = found ? `${describeWrite(found)}: ${had}` : `no write of the load: ${had}`
    verdict.fail("acknowledged and lost", `${shown} is ${describeWrite(resource.state)}, but its row has ${what}`)
    if (found && found.resource !== resource) {
      const isElsewhere = found.resource.id !== undefined
      verdict.fail(isElsewhere ? "stored under another number" : "number given twice", `${shown} holds ${what}`)
    }
  }
  if (row.createdAt !== resource.createdAt) {
    verdict.fail("acknowledged and lost", `${shown} was created at ${resource.createdAt}, its row has ${row.createdAt}`)
  }
}

/** Checks a row whose number was never answered: of an unanswered write, or of one stored twice after a loss. */
function checkUntold(
  evidence: Evidence,
  row: Row,
  present: Set<string | number>,
  index: Index,
  verdict: Verdict,
  where: string,
) {
  const write = index.byId.get(writeIdOf(row.text))
  if (!write) return verdict.fail("row that should not be", `${where} ${row.id}: ${row.text?.slice(0, 80)}`)
  const { resource } = write
  if (!resource.versions.flatMap(statesOf).some((state) => shows(state, row.members))) {
    verdict.fail("row that should not be", `${where} ${row.id} is otherwise than ${write.id} gave it`)
  }
  // An update always goes to the number that was answered, even after a loss.
  const isAllowed = write.kind === "create" && isDoubleAllowed(evidence, write, index)
  if (resource.id === undefined || isAllowed) return
  const isTwice = present.has(resource.id) || isDeleted(resource)
  const name = isTwice ? "write stored more than once" : "stored under another number"
  verdict.fail(name, `${where} ${row.id} is ${describeWrite(write)}`)
}

/** Checks that writes without an answer are stored at most once. */
function checkUnknown(evidence: Evidence, { rows, where }: Siblings, index: Index, verdict: Verdict): void {
  const times = new Map<string, number>()
  for (const { text } of rows) times.set(writeIdOf(text), (times.get(writeIdOf(text)) ?? 0) + 1)
  for (const [id, count] of times) {
    const write = index.byId.get(id)
    if (count < 2 || !write || write.resource.id !== undefined || acrossLoss(evidence, write)) continue
    verdict.fail("write stored more than once", `${where}, ${count} times: ${describeWrite(write)}`)
  }
}

/** Checks the children of one parent: as acknowledged, no others, no gaps. Returns how often their numbers skipped. */
function checkSiblings(evidence: Evidence, siblings: Siblings, index: Index, verdict: Verdict): number {
  const { parent, rows, where } = siblings
  const resources = index.childrenOf(parent)
  const byId = new Map(rows.map((row) => [row.id, row]))
  const told = new Map<number | string, Resource>()
  for (const resource of resources) {
    if (resource.id === undefined) continue
    const other = told.get(resource.id)
    if (other) {
      const both = `${describeWrite(other.creation)} and ${describeWrite(resource.creation)}`
      verdict.fail("number given twice", `${where} ${resource.id}: ${both}`)
    }
    told.set(resource.id, resource)
    checkAcknowledged(resource, byId.get(resource.id), index, verdict, where)
  }
  const present = new Set(byId.keys())
  for (const row of rows) if (!told.has(row.id)) checkUntold(evidence, row, present, index, verdict, where)
  checkUnknown(evidence, siblings, index, verdict)
  checkBatches(resources, rows, where, verdict)
  return parent ? checkNumbering(evidence, siblings, resources, index, verdict) : 0
}

function checkNumbering(
  evidence: Evidence,
  { parent, rows, where }: Siblings,
  resources: Resource[],
  index: Index,
  verdict: Verdict,
): number {
  const uses = new Map<number, Use>()
  const use = (number: number, write: Write | undefined) => {
    const [from, to] = write ? [sentAt(write), endedAt(write)] : [Number.POSITIVE_INFINITY, 0]
    const known = uses.get(number)
    uses.set(number, { number, from: Math.min(from, known?.from ?? from), to: Math.max(to, known?.to ?? to) })
  }
  let spare = 0
  for (const resource of resources) {
    const { id, creation } = resource
    if (typeof id === "number") use(id, creation)
    else if (creation.outcome === "unknown") spare++
    // Each earlier attempt may have taken a number that was then lost.
    if (acrossLoss(evidence, creation)) spare += creation.attempts.length - 1
    // After a loss a replay creates anew; once the parent is deleted, its answer alone shows the number.
    for (const replay of index.replaysOf(resource)) {
      if (typeof replay.answered === "number") use(replay.answered, replay)
      if (isDoubleAllowed(evidence, replay, index)) spare += replay.attempts.length - 1
    }
  }
  for (const { id, text } of rows) use(Number(id), index.byId.get(writeIdOf(text)))
  const losses = evidence.faults.all
    .filter((one) => one.fault.losesData && harmsShard(one, parent && shardOfResource(parent)))
    .map(({ startedAt, endedAt: ended = Date.now() }) => ({ startedAt, endedAt: ended }))
  const bound = evidence.direct.stores.config.OUTBOX_EVENTS_MAX
  const createdAt = parent ? sentAt(parent.creation) : 0
  const { gaps, skips } = findGaps([...uses.values()], losses, createdAt, bound, spare)
  for (const { after, before, missing } of gaps) {
    verdict.fail("gap", `${where}: ${missing} missing between ${after} and ${before}`, missing)
  }
  return skips
}

const toRow = (row: MessageRow | ChatRow): Row => ({
  id: row.number,
  text: "body" in row ? row.body : row.name,
  members: answered(row),
  createdAt: row.created_at,
})

/** Checks everything below one application. Returns how often its numbers skipped as documented. */
async function checkApplication(
  evidence: Evidence,
  application: Resource | undefined,
  token: string,
  row: ApplicationRow | undefined,
  index: Index,
  verdict: Verdict,
): Promise<number> {
  const { stores } = evidence.direct
  const [chats, messages] = await Promise.all([readChats(stores, token), readMessages(stores, token)])
  const where = `/applications/${token}`
  const known = new Map<number, Resource>()
  for (const chat of application ? index.childrenOf(application) : []) known.set(Number(chat.id), chat)
  let skips = 0
  if (application) {
    skips += checkSiblings(
      evidence,
      { parent: application, rows: chats.map(toRow), where: `${where}/chats` },
      index,
      verdict,
    )
  }
  const byChat = Map.groupBy(messages, ({ chat }) => chat)
  for (const number of new Set([...known.keys(), ...byChat.keys()])) {
    const chat = known.get(number)
    const rows = (byChat.get(number) ?? []).map(toRow)
    const at = `${where}/chats/${number}/messages`
    if (chat && !Number.isNaN(number))
      skips += checkSiblings(evidence, { parent: chat, rows, where: at }, index, verdict)
    const isOrphan = rows.length > 0 && !chats.some((one) => one.number === number)
    if (isOrphan) verdict.fail("row that should not be", `${at}: ${rows.length} rows below no chat`, rows.length)
  }
  const rows = { application: row, chats, messages }
  await compareDocuments(stores, token, messages, verdict)
  await compareLists(evidence.client, token, rows, verdict)
  const lost = evidence.followers
    .filter((follower) => follower.application.id === token)
    .reduce((sum, follower) => sum + compareFollower(follower, rows, verdict), 0)
  if (lost > 0) verdict.note("change missing", `${lost} that were told below ${where} were lost with Redis' data`)
  return skips
}

/** Compares everything, once the backlog has drained. Findings go to `verdict`; throws if a store cannot be read. */
export async function compareAll(evidence: Evidence, verdict: Verdict): Promise<void> {
  const { ledger, direct } = evidence
  const index = indexLedger(ledger)
  const rows = await readApplications(direct.stores, `${ledger.run}-`)
  const applications = index.childrenOf(undefined)
  const siblings = rows.map((row) => ({
    id: row.token,
    text: row.name,
    members: { name: row.name },
    createdAt: row.created_at,
  }))
  checkSiblings(evidence, { parent: undefined, rows: siblings, where: "/applications" }, index, verdict)
  await compareApplications(evidence.client, rows, `${ledger.run}-`, verdict)
  findWrongNumbers(ledger, evidence.faults, verdict)
  judgeFollowed(evidence.followers, verdict)

  const known = new Map(applications.flatMap((one) => (one.id === undefined ? [] : [[String(one.id), one] as const])))
  const tokens = new Set([...known.keys(), ...rows.map(({ token }) => token)])
  let skips = 0
  let done = 0
  for (const token of tokens) {
    const row = rows.find((one) => one.token === token)
    skips += await checkApplication(evidence, known.get(token), token, row, index, verdict)
    evidence.onProgress?.(++done, tokens.size)
  }
  if (skips > 0) verdict.note("gap", `${skips} documented skips, after Redis had lost data`)
}
