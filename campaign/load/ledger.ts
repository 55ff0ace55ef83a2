// DESIGN. The ledger of the load: every write that was sent, what was answered, and so what must be there in the end. A
// resource belongs to one worker, which sends its writes one after the other, each until it is answered; so the state
// of a resource is what was acknowledged last.
//
// Uncertain is only what was refused or not answered: it may still be done later, by a server that hung meanwhile. The
// same state again does no harm, another one would be undone by it; so a resource with such an update is not updated
// any more (`settled`), only deleted.
//
// Texts follow from the ids of writes (texts.ts), so the ledger holds no bodies.
import { randomUUID } from "node:crypto"
import type { Answer } from "./client.ts"
import { textOf } from "./texts.ts"

export type ResourceKind = "application" | "chat" | "message"
export type Outcome = "acknowledged" | "refused" | "unknown"

/** `status` 0: no answer. */
export type Attempt = { sentAt: number; tookMs: number; status: number; reason: string }

export type Write = {
  id: string
  kind: "create" | "update" | "delete" | "replay"
  resource: Resource
  /** Idempotency-Key of a creation. */
  key?: string
  attempts: Attempt[]
  outcome: Outcome
  /** The number, or the token, that was answered. */
  answered?: number | string
}

export type Resource = {
  kind: ResourceKind
  parent: Resource | undefined
  owner: string
  /** Token or number, once acknowledged. */
  id?: number | string
  /** created_at as it was answered. */
  createdAt?: string
  creation: Write
  /** The last acknowledged write of its state. */
  state: Write
  /** Every write that set, or may have set, its text. */
  versions: Write[]
  deleted: "no" | "maybe" | "yes"
  /** No update of it may still be on its way. */
  settled: boolean
}

/** Something that must not be: a wrong answer to a read or write. */
export type Wrong = { at: number; what: string; requestId: string }

export type Ledger = {
  /** The prefix of all its write ids. */
  run: string
  writes: Write[]
  resources: Resource[]
  wrongReads: Wrong[]
  wrongAnswers: Wrong[]
  /** Requests over the limit. */
  slow: { call: string; sentAt: number; tookMs: number; requestId: string }[]
  reads: number
  begin(kind: Write["kind"], resource: Resource): Write
  /** A creation and the resource that it is to make. */
  beginCreation(kind: ResourceKind, parent: Resource | undefined, owner: string): Resource
  attempt(write: Write, answer: Answer): void
  /** An answered creation, update, delete or replay. */
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

/** The path of a resource whose creation was acknowledged. */
export function pathOf({ kind, parent, id }: Resource): string {
  if (kind === "application") return `/applications/${id}`
  return `${parent ? pathOf(parent) : ""}/${kind === "chat" ? "chats" : "messages"}/${id}`
}

/** One line about a write, for the report. */
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
