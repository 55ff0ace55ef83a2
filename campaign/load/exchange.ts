// Sends one write of the load until it is answered, and judges which answers are wrong.
import { setTimeout as sleep } from "node:timers/promises"
import type { FaultLog } from "../faults/fault-log.ts"
import type { Answer, Client } from "./client.ts"
import { type Ledger, pathOf, type Resource, type Write } from "./ledger.ts"
import type { Random } from "./random.ts"
import { textOf } from "./texts.ts"

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
export function noteAnswer({ ledger }: Load, call: string, requestId: string, answer: Answer): void {
  const { status, sentAt, tookMs, reason } = answer
  if (!isPlanned(status)) {
    ledger.wrongAnswers.push({ at: sentAt, what: `${call} answered ${status} ${reason}`, requestId })
  }
  if (tookMs > SLOW_MS) ledger.slow.push({ call, sentAt, tookMs, requestId })
}

const wasApiHarmed = ({ faults }: Load, { sentAt, tookMs }: Answer): boolean =>
  faults.during(sentAt, sentAt + tookMs).some(({ fault }) => fault.harms === "api")

async function pause(load: Load, attempt: number, retryAfterMs: number | undefined): Promise<void> {
  const backOffMs = Math.min(BACK_OFF_MAX_MS, BACK_OFF_MS * 2 ** attempt)
  // Jitter, so that not all clients retry at the same moment.
  const waitMs = Math.max(retryAfterMs ?? 0, backOffMs) * (0.8 + 0.4 * load.random())
  await sleep(waitMs, undefined, { signal: load.giveUp }).catch(() => undefined)
}

function callOf({ kind, resource, id, key }: Write): { method: string; path: string; json?: unknown; key?: string } {
  const text = textOf(id, resource.kind)
  const json = resource.kind === "message" ? { body: text } : { name: text }
  if (kind === "update") return { method: "PUT", path: pathOf(resource), json }
  if (kind === "delete") return { method: "DELETE", path: pathOf(resource) }
  const { parent, creation } = resource
  const created = textOf(creation.id, resource.kind)
  return {
    method: "POST",
    path: parent ? `${pathOf(parent)}/${resource.kind === "chat" ? "chats" : "messages"}` : "/applications",
    json: resource.kind === "message" ? { body: created } : { name: created },
    ...(key === undefined ? {} : { key }),
  }
}

/** Sends a write until it is answered or the load gives up. Returns whether it was acknowledged. */
export async function perform(load: Load, write: Write): Promise<boolean> {
  const { client, ledger, giveUp } = load
  const call = callOf(write)
  for (let attempt = 0; ; attempt++) {
    const requestId = `${write.id}.${attempt}`
    const answer = await client.call({ ...call, requestId })
    ledger.attempt(write, answer)
    noteAnswer(load, `${write.kind} ${write.resource.kind}`, requestId, answer)
    const { status } = answer
    // A delete without an answer may have been done, so a later 404 is right. The proxy, too, resends a delete when a
    // copy of the API dies during it.
    const sentAgain = attempt > 0 || (load.isProxied && wasApiHarmed(load, answer))
    const deletedBefore = write.kind === "delete" && status === 404 && sentAgain
    if ((status >= 200 && status < 300) || deletedBefore) {
      ledger.acknowledge(write, answer)
      return true
    }
    if (!isOpen(status)) {
      write.outcome = "refused"
      const what = `${write.kind} ${write.resource.kind} ${call.path} answered ${status} ${answer.reason}`
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
