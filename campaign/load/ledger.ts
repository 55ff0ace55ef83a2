// DESIGN. The ledger records every write of the load and its answers, and so knows what must exist in the end. A
// resource belongs to one worker, which sends its writes one after the other, each until it is answered, so the state
// of a resource is that of the last acknowledged write.
//
// A write that was refused or not answered may still be done later by a server that hung, and would then undo a later
// update. So a resource with such an update (not `settled`) is never updated again, only deleted.
//
// Two updates of one resource may be sent at once (`rival`). Each gives another part, so that both hold in the end,
// whichever came first. Until both are answered the resource may have either or both of them (statesOf in members.ts).
//
// What writes give is derived from their ids (texts.ts, members.ts), so the ledger holds no bodies. Each message of a
// batch has a write of its own, and all of them share their attempts.
import { randomUUID } from "node:crypto"
import { shardOf } from "../../lib/outbox/keys.ts"
import type { Answer } from "./client.ts"
import { GIVES_METADATA } from "./texts.ts"

export type ResourceKind = "application" | "chat" | "message"
export type Outcome = "acknowledged" | "refused" | "unknown"

/** `status` is 0 if there was no answer. */
export type Attempt = { sentAt: number; tookMs: number; status: number; reason: string }

/** What an update gives: the whole is a PUT, a part of it a PATCH. */
export type Part = "whole" | "text" | "metadata"

/** The members of a resource: the writes by whose ids it has its text and its metadata. */
export type State = { resource: Resource; text: Write; metadata: Write }

export type Write = State & {
  id: string
  kind: "create" | "update" | "delete" | "replay"
  part: Part
  /** The update of another part that was sent at once with this one, and what the resource has without it. */
  rival?: Write
  alone?: State
  /** Whether its answer showed what the rival gave, too, and so that this was the later one. */
  sawRival?: boolean
  /** The writes of the same request in their order, this one included. */
  batch?: Write[]
  /** The ETag on which it depends. */
  ifMatch?: string
  /** The Idempotency-Key of a creation. */
  key?: string
  attempts: Attempt[]
  outcome: Outcome
  /** The number or token in the answer. */
  answered?: number | string
  /** The updated_at in the answer. */
  updatedAt?: string
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
  /** The ETag in the last answer to a write, and the one before it. */
  etag?: string | undefined
  staleEtag?: string | undefined
  /** All writes that set, or may have set, its members. */
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
  /** Those that were acknowledged, in the order of their answers, without replays. */
  acknowledged: Write[]
  resources: Resource[]
  wrongReads: Wrong[]
  wrongAnswers: Wrong[]
  /** Requests that took too long. */
  slow: { call: string; sentAt: number; tookMs: number; requestId: string; isProxied: boolean }[]
  reads: number
  begin(kind: Write["kind"], resource: Resource, part?: Part): Write
  /** Begins two updates that are sent at once: one of the text, one of the metadata. */
  beginRivals(resource: Resource): [text: Write, metadata: Write]
  /** Begins a creation and returns the resource that it will create. */
  beginCreation(kind: ResourceKind, parent: Resource | undefined, owner: string): Resource
  /** Begins the creation of messages in one request. */
  beginBatch(chat: Resource, owner: string, count: number): Resource[]
  /** Begins to send the creation of a resource again, with all that its request created. */
  beginReplay(resource: Resource): Write
  attempt(write: Write, answer: Answer): void
  /** Records that a write was acknowledged; `sawRival` is of one that had a rival. */
  acknowledge(write: Write, answer: Answer, sawRival?: boolean): void
}

export const sentAt = ({ attempts }: Write): number => attempts[0]?.sentAt ?? 0
export const endedAt = ({ attempts }: Write): number => {
  const last = attempts.at(-1)
  return last ? last.sentAt + last.tookMs : 0
}

/** Returns whether the resource or a parent was deleted. */
export function isDeleted(resource: Resource): boolean {
  return resource.deleted === "yes" || (resource.parent !== undefined && isDeleted(resource.parent))
}

export function mayBeDeleted(resource: Resource): boolean {
  return resource.deleted !== "no" || (resource.parent !== undefined && mayBeDeleted(resource.parent))
}

/** Returns the shard of a resource; undefined for an application that was never answered, and what is below it. */
export function shardOfResource({ parent, kind, id }: Resource): string | undefined {
  if (parent !== undefined) return shardOfResource(parent)
  return kind === "application" && id !== undefined ? shardOf(String(id)) : undefined
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

/** The answer to a write with an ETag that is no longer right. */
export const CONDITION_FAILED = 412

type Answered = { token?: string; number?: number; created_at?: string; updated_at?: string }

/** Notes on a write and its resource what its answer says. */
function noteAcknowledged(write: Write, answered: Answered | undefined, etag: string | undefined): void {
  const { resource, kind } = write
  write.outcome = "acknowledged"
  const id = resource.kind === "application" ? answered?.token : answered?.number
  if (kind !== "delete" && id !== undefined) write.answered = id
  if (kind === "delete") resource.deleted = "yes"
  if (kind !== "create" && kind !== "update") return
  if (answered?.updated_at !== undefined) write.updatedAt = answered.updated_at
  const other = write.rival?.outcome === "acknowledged" ? write.rival : undefined
  // The answer of the earlier of two rivals may come last, with an ETag that is no longer right.
  if (other === undefined || write.sawRival) {
    resource.staleEtag = resource.etag
    resource.etag = other?.sawRival ? undefined : etag
  }
  // Both hold, so what the resource has from now on is what both gave.
  if (other) write[other.part === "text" ? "text" : "metadata"] = other
  if (kind === "update") resource.state = write
  else {
    if (id !== undefined) resource.id = id
    if (answered?.created_at !== undefined) resource.createdAt = answered.created_at
  }
}

function newWrite(id: string, kind: Write["kind"], resource: Resource, part: Part): Write {
  const write = { id, kind, part, resource, attempts: [], outcome: "unknown" } as unknown as Write
  write.text = kind === "create" || part !== "metadata" ? write : resource.state.text
  write.metadata = kind === "create" || part !== "text" ? write : resource.state.metadata
  return write
}

/** Makes two updates rivals of each other. */
function pair(one: Write, other: Write): void {
  one.rival = other
  other.rival = one
  for (const write of [one, other]) {
    write.alone = { resource: write.resource, text: write.text, metadata: write.metadata }
  }
}

function noteAttempt(write: Write, { sentAt: at, tookMs, status, reason }: Answer): void {
  const isRefused = status === 0 || status >= 400
  write.attempts.push({ sentAt: at, tookMs, status, reason: isRefused ? reason : "" })
  // What was refused for its condition is over, and was not repeated if a rival explains it.
  const isOver = status === CONDITION_FAILED && write.rival !== undefined
  if (write.kind === "update" && isRefused && !isOver) write.resource.settled = false
}

export function createLedger(run = randomUUID().slice(0, 8)): Ledger {
  const writes: Write[] = []
  const acknowledged: Write[] = []
  const resources: Resource[] = []

  function begin(kind: Write["kind"], resource: Resource, part: Part = "whole", mark = ""): Write {
    const write = newWrite(`${run}-${writes.length}${mark}`, kind, resource, part)
    writes.push(write)
    if (kind === "update") resource.versions.push(write)
    if (kind === "delete" && resource.deleted === "no") resource.deleted = "maybe"
    return write
  }

  function beginRivals(resource: Resource): [Write, Write] {
    const text = begin("update", resource, "text")
    // It must show in an answer whether this one was done.
    const metadata = begin("update", resource, "metadata", GIVES_METADATA)
    pair(text, metadata)
    return [text, metadata]
  }

  function beginCreation(kind: ResourceKind, parent: Resource | undefined, owner: string): Resource {
    const resource = { kind, parent, owner, versions: [], deleted: "no", settled: true } as unknown as Resource
    resource.creation = begin("create", resource)
    resource.creation.key = `key-${resource.creation.id}-${owner}`
    resource.state = resource.creation
    resource.versions.push(resource.creation)
    resources.push(resource)
    return resource
  }

  return {
    run,
    writes,
    acknowledged,
    resources,
    wrongReads: [],
    wrongAnswers: [],
    slow: [],
    reads: 0,
    begin,
    beginRivals,
    beginCreation,
    beginBatch(chat, owner, count) {
      const created = Array.from({ length: count }, () => beginCreation("message", chat, owner))
      join(created.map(({ creation }) => creation))
      return created
    },
    beginReplay(resource) {
      const again = (resource.creation.batch ?? [resource.creation]).map((creation) => {
        return { replay: begin("replay", creation.resource), creation }
      })
      for (const { replay, creation } of again) if (creation.key !== undefined) replay.key = creation.key
      const replays = again.map(({ replay }) => replay)
      if (resource.creation.batch) join(replays)
      return replays[0] as Write
    },
    attempt: noteAttempt,
    acknowledge(write, { body, etag }, sawRival = false) {
      if (write.rival) write.sawRival = sawRival
      const all = write.batch ?? [write]
      const items = write.batch ? (body as { data?: Answered[] } | undefined)?.data : [body as Answered | undefined]
      for (const [index, one] of all.entries()) noteAcknowledged(one, items?.[index], etag)
      if (write.kind !== "replay") acknowledged.push(...all)
    },
  }
}

/** Makes writes those of one request, with one key. */
function join(writes: Write[]): void {
  const [first] = writes
  for (const write of writes) {
    write.batch = writes
    write.attempts = first?.attempts ?? []
    if (first?.key !== undefined) write.key = first.key
  }
}
