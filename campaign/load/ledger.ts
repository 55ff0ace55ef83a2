// DESIGN. The ledger records every write of the load and its answers, and so knows what must exist in the end. A
// resource belongs to one worker, which sends its writes one after the other, each until it is answered, so the state
// of a resource is that of the last acknowledged write.
//
// A write that was refused or not answered may still be done later by a server that hung, and would then undo a later
// update. So a resource with such an update (not `settled`) is never updated again, only deleted.
//
// Texts are derived from the ids of writes (texts.ts), so the ledger holds no bodies.
import { randomUUID } from "node:crypto"
import type { Answer } from "./client.ts"
import { textOf } from "./texts.ts"

export type ResourceKind = "application" | "chat" | "message"
export type Outcome = "acknowledged" | "refused" | "unknown"

/** `status` is 0 if there was no answer. */
export type Attempt = { sentAt: number; tookMs: number; status: number; reason: string }

export type Write = {
  id: string
  kind: "create" | "update" | "delete" | "replay"
  resource: Resource
  /** The Idempotency-Key of a creation. */
  key?: string
  attempts: Attempt[]
  outcome: Outcome
  /** The number or token in the answer. */
  answered?: number | string
}

export type Resource = {
  kind: ResourceKind
  parent: Resource | undefined
  owner: string
  /** The token or number, once acknowledged. */
  id?: number | string
  /** The created_at in the answer. */
  createdAt?: string
  creation: Write
  /** The last acknowledged creation or update. */
  state: Write
  /** All writes that set, or may have set, its text. */
  versions: Write[]
  deleted: "no" | "maybe" | "yes"
  /** False once an update was refused or not answered, and so may still be done. */
  settled: boolean
}

/** A wrong answer to a read or write. */
export type Wrong = { at: number; what: string; requestId: string }

export type Ledger = {
  /** The prefix of all write ids. */
  run: string
  writes: Write[]
  resources: Resource[]
  wrongReads: Wrong[]
  wrongAnswers: Wrong[]
  /** Requests that took too long. */
  slow: { call: string; sentAt: number; tookMs: number; requestId: string }[]
  reads: number
  begin(kind: Write["kind"], resource: Resource): Write
  /** Begins a creation and returns the resource that it will create. */
  beginCreation(kind: ResourceKind, parent: Resource | undefined, owner: string): Resource
  attempt(write: Write, answer: Answer): void
  /** Records that a write was acknowledged. */
  acknowledge(write: Write, answer: Answer): void
}

export const sentAt = ({ attempts }: Write): number => attempts[0]?.sentAt ?? 0
export const endedAt = ({ attempts }: Write): number => {
  const last = attempts.at(-1)
  return last ? last.sentAt + last.tookMs : 0
}

/** Returns the texts that a resource may have now: the acknowledged one and those of unanswered updates. */
export function possibleTexts({ kind, state, versions }: Resource): string[] {
  const open = versions.filter((write) => write !== state && write.outcome === "unknown")
  return [state, ...open].map(({ id }) => textOf(id, kind))
}

/** Returns whether the resource or a parent was deleted. */
export function isDeleted(resource: Resource): boolean {
  return resource.deleted === "yes" || (resource.parent !== undefined && isDeleted(resource.parent))
}

export function mayBeDeleted(resource: Resource): boolean {
  return resource.deleted !== "no" || (resource.parent !== undefined && mayBeDeleted(resource.parent))
}

/** Returns the path of a resource whose creation was acknowledged. */
export function pathOf({ kind, parent, id }: Resource): string {
  if (kind === "application") return `/applications/${id}`
  return `${parent ? pathOf(parent) : ""}/${kind === "chat" ? "chats" : "messages"}/${id}`
}

/** Returns a line about a write for the report. */
export function describeWrite(write: Write): string {
  const { id, kind, resource, outcome, answered, attempts } = write
  const tried = attempts.map(({ sentAt: at, tookMs, status, reason }) => {
    const time = new Date(at).toISOString().slice(11, 23)
    return `${time} ${status || `no answer (${reason})`} after ${Math.round(tookMs)} ms`
  })
  const where = resource.parent ? ` in ${pathOf(resource.parent)}` : ""
  return `${id}: ${kind} ${resource.kind}${where} ${outcome} ${answered ?? ""} [${tried.join("; ")}]`
}

export function createLedger(run = randomUUID().slice(0, 8)): Ledger {
  const writes: Write[] = []
  const resources: Resource[] = []

  function begin(kind: Write["kind"], resource: Resource): Write {
    const write: Write = { id: `${run}-${writes.length}`, kind, resource, attempts: [], outcome: "unknown" }
    writes.push(write)
    if (kind === "update") resource.versions.push(write)
    if (kind === "delete" && resource.deleted === "no") resource.deleted = "maybe"
    return write
  }

  return {
    run,
    writes,
    resources,
    wrongReads: [],
    wrongAnswers: [],
    slow: [],
    reads: 0,
    begin,
    beginCreation(kind, parent, owner) {
      const resource = { kind, parent, owner, versions: [], deleted: "no", settled: true } as unknown as Resource
      resource.creation = begin("create", resource)
      resource.creation.key = `key-${resource.creation.id}-${owner}`
      resource.state = resource.creation
      resource.versions.push(resource.creation)
      resources.push(resource)
      return resource
    },
    attempt(write, { sentAt: at, tookMs, status, reason }) {
      write.attempts.push({ sentAt: at, tookMs, status, reason: status === 0 || status >= 400 ? reason : "" })
      if (write.kind === "update" && (status === 0 || status >= 400)) write.resource.settled = false
    },
    acknowledge(write, { body }) {
      const { resource, kind } = write
      write.outcome = "acknowledged"
      const answered = body as { token?: string; number?: number; created_at?: string } | undefined
      const id = resource.kind === "application" ? answered?.token : answered?.number
      if (kind !== "delete" && id !== undefined) write.answered = id
      if (kind === "delete") resource.deleted = "yes"
      if (kind === "update") resource.state = write
      if (kind === "create") {
        if (id !== undefined) resource.id = id
        if (answered?.created_at !== undefined) resource.createdAt = answered.created_at
      }
    },
  }
}
