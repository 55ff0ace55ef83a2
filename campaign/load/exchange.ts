// Sends one write of the load until it is answered, and judges which answers are wrong.
import { setTimeout as sleep } from "node:timers/promises"
import type { FaultLog } from "../faults/fault-log.ts"
import type { Answer, Call, Client } from "./client.ts"
import { CONDITION_FAILED, type Ledger, mayBeDeleted, pathOf, type Resource, type Write } from "./ledger.ts"
import { bothOf, givenBy, type Shown, shows, statesOf } from "./members.ts"
import type { Random } from "./random.ts"

/** Slower than the API's own limit (9 s) plus some time for the network. */
const SLOW_MS = 10_000
/** The wait before a repetition, which doubles each time; short, so that a server that is back is tried soon. */
const BACK_OFF_MS = 100
const BACK_OFF_MAX_MS = 2_000

export type Load = {
  client: Client
  ledger: Ledger
  faults: FaultLog
  random: Random
  /** Whether there is a proxy before the API. */
  isProxied: boolean
  /** Returns the factor of the workers' think time: above 1 while the backlog must drain. */
  slowdown(): number
  /** Whether new writes must wait. */
  isPaused(): boolean
  /** Aborted when no new writes may begin. */
  stop: AbortSignal
  /** Aborted when the outcome of writes still without an answer stays unknown. */
  giveUp: AbortSignal
}

/** Returns whether a status calls for another attempt: no answer, or refused for now. */
const isOpen = (status: number): boolean => status === 0 || status === 409 || status === 429 || status >= 500

/** Returns whether a status is one that the load may get at all. */
const isPlanned = (status: number): boolean =>
  status === 0 || (status >= 200 && status < 300) || [404, 409, 429, 503].includes(status)

/** Records an answer that is wrong for any request: one with an unexpected status, or too slow. */
export function noteAnswer(
  { ledger, isProxied }: Pick<Load, "ledger" | "isProxied">,
  call: string,
  requestId: string,
  answer: Answer,
  expected = 0,
): void {
  const { status, sentAt, tookMs, reason } = answer
  if (!isPlanned(status) && status !== expected) {
    ledger.wrongAnswers.push({ at: sentAt, what: `${call} answered ${status} ${reason}`, requestId })
  }
  if (tookMs > SLOW_MS) ledger.slow.push({ call, sentAt, tookMs, requestId, isProxied })
}

const wasApiHarmed = ({ faults }: Load, { sentAt, tookMs }: Answer): boolean =>
  faults.during(sentAt, sentAt + tookMs).some(({ fault }) => fault.harms === "api")

async function pause(load: Load, attempt: number, retryAfterMs: number | undefined): Promise<void> {
  const backOffMs = Math.min(BACK_OFF_MAX_MS, BACK_OFF_MS * 2 ** attempt)
  // Jitter, so that not all clients retry at the same moment.
  const waitMs = Math.max(retryAfterMs ?? 0, backOffMs) * (0.8 + 0.4 * load.random())
  await sleep(waitMs, undefined, { signal: load.giveUp }).catch(() => undefined)
}

function callOf(write: Write): Call {
  const { kind, part, resource, key, ifMatch, batch } = write
  const condition = ifMatch === undefined ? {} : { ifMatch }
  if (kind === "delete") return { method: "DELETE", path: pathOf(resource), ...condition }
  if (kind === "update") {
    return { method: part === "whole" ? "PUT" : "PATCH", path: pathOf(resource), json: givenBy(write), ...condition }
  }
  const { parent, creation } = resource
  const keyed = key === undefined ? {} : { key }
  if (!parent) return { method: "POST", path: "/applications", json: givenBy(creation), ...keyed }
  const path = `${pathOf(parent)}/${resource.kind === "chat" ? "chats" : "messages"}`
  if (!batch) return { method: "POST", path, json: givenBy(creation), ...keyed }
  const messages = batch.map((one) => givenBy(one.resource.creation))
  return { method: "POST", path: `${path}/batch`, json: { messages }, ...keyed }
}

/** Returns what is wrong in the answer to an acknowledged write; undefined if nothing is. */
function wrongAnswer(write: Write, { body }: Answer): string | undefined {
  const { kind, batch, resource } = write
  if (kind === "delete") return undefined
  const items = batch ? ((body as { data?: Shown[] } | undefined)?.data ?? []) : [(body ?? {}) as Shown]
  const expected = batch ?? [write]
  if (items.length !== expected.length) return `shows ${items.length} of ${expected.length} messages`
  const first = Number(items[0]?.number)
  if (batch && items.some(({ number }, index) => number !== first + index)) return "numbers a batch with a gap"
  // A replay may show what was created or what it is now.
  if (kind === "replay") return undefined
  const other = expected.find((one, index) => !statesOf(one).some((state) => shows(state, items[index] ?? {})))
  return other && `shows ${resource.kind} ${other.id} otherwise than it was given`
}

/** Returns whether the answer to one of two updates at once shows what the other gave, too. */
function showsRival(write: Write, { body }: Answer): boolean {
  const both = bothOf(write)
  return both !== undefined && shows(both, (body ?? {}) as Shown)
}

/** Sends a write until it is answered or the load gives up. Returns whether it was acknowledged. */
export async function perform(load: Load, write: Write): Promise<boolean> {
  const { client, ledger, giveUp } = load
  const call = callOf(write)
  const shown = `${write.kind} ${write.batch ? "batch" : write.resource.kind}`
  for (let attempt = 0; ; attempt++) {
    const requestId = `${write.id}.${attempt}`
    const answer = await client.call({ ...call, requestId })
    ledger.attempt(write, answer)
    const { status } = answer
    // A write without an answer may have been done, so that a later 404 to a delete is right, as is a 412 to a write
    // with a condition. The proxy, too, resends a request when a copy of the API dies during it.
    const sentAgain = attempt > 0 || (load.isProxied && wasApiHarmed(load, answer))
    // Its rival may have come between, which makes a refusal right, and final: nothing was sent before.
    const isLost = status === CONDITION_FAILED && write.rival !== undefined && attempt === 0
    const isOvertaken = status === CONDITION_FAILED && !isLost && sentAgain && call.ifMatch !== undefined
    noteAnswer(load, shown, requestId, answer, isOvertaken || isLost ? status : 0)
    const deletedBefore = write.kind === "delete" && status === 404 && sentAgain
    if ((status >= 200 && status < 300) || deletedBefore) {
      const what = wrongAnswer(write, answer)
      if (what) ledger.wrongAnswers.push({ at: answer.sentAt, what: `${call.path} ${what}`, requestId })
      ledger.acknowledge(write, answer, showsRival(write, answer))
      return true
    }
    if (isOvertaken) delete call.ifMatch
    else if (!isOpen(status)) {
      write.outcome = "refused"
      const what = `${shown} ${call.path} answered ${status} ${answer.reason}`
      if (isPlanned(status)) ledger.wrongAnswers.push({ at: answer.sentAt, what, requestId })
      return false
    }
    if (giveUp.aborted) return false
    await pause(load, attempt, answer.retryAfterMs)
    if (giveUp.aborted) return false
  }
}

/** Creates a resource and returns it; undefined if the creation was not acknowledged. */
export async function create(
  load: Load,
  kind: Resource["kind"],
  parent: Resource | undefined,
  owner: string,
): Promise<Resource | undefined> {
  const resource = load.ledger.beginCreation(kind, parent, owner)
  return (await perform(load, resource.creation)) ? resource : undefined
}

/** Creates messages in one request and returns them; none if it was not acknowledged. */
export async function createBatch(load: Load, chat: Resource, owner: string, count: number): Promise<Resource[]> {
  const messages = load.ledger.beginBatch(chat, owner, count)
  const [first] = messages
  return first && (await perform(load, first.creation)) ? messages : []
}

/** Changes a resource on condition that it is as it was before its latest change, which must be refused. */
export async function changeStale(load: Load, resource: Resource): Promise<void> {
  const { client, ledger } = load
  const { staleEtag: ifMatch } = resource
  if (ifMatch === undefined || resource.kind === "application") return
  const requestId = `${ledger.run}-stale-${ledger.reads++}`
  const path = pathOf(resource)
  const json = { metadata: { stale: requestId } }
  const answer = await client.call({ method: "PATCH", path, json, ifMatch, requestId })
  noteAnswer(load, `PATCH ${path} with a stale ETag`, requestId, answer, CONDITION_FAILED)
  const { status, sentAt } = answer
  if (status === 404 ? !mayBeDeleted(resource) : status >= 200 && status < 300) {
    ledger.wrongAnswers.push({ at: sentAt, what: `PATCH ${path} with a stale ETag answered ${status}`, requestId })
  }
}
