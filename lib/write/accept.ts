/**
 * DESIGN. The only way to write. A script accepts the write into the outbox, which is the promise; then its event is
 * sent to the persist queue. If the queue is away the answer is the same, and the relay sends the event. So only AWS
 * Lambda, which freezes an instance once it has answered, sends first and waits for the queue.
 */
import { withDeadline } from "../deadline.ts"
import { ApiError, DependencyAway, notFound, recovering, unavailable } from "../errors.ts"
import { kindOf, type ResourceKey, revisionTime, unknownMembers, type WriteEvent } from "../events.ts"
import { describeError, log } from "../log.ts"
import { versionFor } from "../members.ts"
import { shardOf } from "../outbox/keys.ts"
import type { Change, Creation } from "../outbox/outbox.ts"
import { UNKNOWN_MOMENT } from "../outbox/scripts/prelude.ts"
import type { CreationReply } from "../outbox/scripts/writes.ts"
import type { Stores } from "../stores.ts"
import { createInOrder } from "./creation-order.ts"
import { settleShards } from "./settle.ts"
import { verifyParents } from "./verify-parents.ts"

/** A write not accepted within this is answered 503: recovery may take longer, or a store may hang. */
const ACCEPT_MAX_MS = 1_800
/** New applications share one message group, so a flood of them delays only itself and shares envelopes. */
const NEW_APPLICATIONS = "new-applications"
/** A creation may find its shard unsettled, its parents unverified, data lost, and the first two again. */
const ATTEMPTS_MAX = 6

const full = () => unavailable("Too many writes are waiting to be stored.")

/**
 * Accepts a creation; `replayed` if its Idempotency-Key had created it before. `event` is the first of its `events`.
 * Throws ApiError or DependencyAway.
 */
export async function acceptCreation(
  stores: Stores,
  asked: Creation,
): Promise<{ event: WriteEvent; events: WriteEvent[]; replayed: boolean }> {
  const versioned = <State extends object>(state: State) => ({ ...versionFor(state), ...state })
  const { more: others = [] } = asked
  const creation = { ...asked, state: versioned(asked.state), more: others.map(versioned) }
  const { id, revision, status, held } = await inTime((deadline) => create(stores, creation, deadline))
  const event = createdEvent(creation, id, revision)
  const events = [event, ...creation.more.map((state, index) => eventAfter(event, index + 1, state))]
  if (status === "replayed") return { event, events, replayed: true }
  if (!held) await sendEvents(stores, events, creation.kind === "application" ? NEW_APPLICATIONS : event.application)
  return { event, events, replayed: false }
}

type Created = Extract<CreationReply, { id: string }>

async function create(stores: Stores, creation: Creation, deadline: number): Promise<Created> {
  const { application, chat, kind } = creation
  for (let attempt = 0; attempt < ATTEMPTS_MAX && performance.now() < deadline; attempt++) {
    const reply = await (kind === "application" ? createInOrder(stores, creation) : stores.outbox.create(creation))
    switch (reply.status) {
      case "created":
      case "replayed":
        return reply
      case "mismatch":
        throw new ApiError("idempotency_key_reused", "This Idempotency-Key was used before with another body.")
      case "full":
        throw full()
      case "gone":
        throw notFound(kind === "message" ? "chat" : "application")
      case "unsettled":
        if (!(await settleShards(stores, shardOf(application)))) throw recovering()
        break
      case "unverified":
        await verifyParents(stores, application, chat, reply)
        break
    }
  }
  throw recovering()
}

/** A resource as it was read; `event` is the one that waits for it, if any, and `asOf` the moment of the read. */
type Found = { createdAt: Date; revision: number; members?: object; event?: WriteEvent; asOf?: string }

type ChangeOf<Read extends Found, Resource> = {
  key: ResourceKey
  read: () => Promise<Read>
  /** Returns what was read as an answer shows it. */
  present: (found: Read) => Resource
  /** Returns the whole new state of what was read. */
  next: (found: Read) => Change["state"]
}

/** What the result of a change depends on besides what the client sent. */
export type Terms<Resource> = {
  /** It keeps members of the state that was read, which others may change. */
  keepsMembers?: boolean
  /** Throws if the resource is not what the client has seen. */
  precondition?: ((current: Resource) => void) | undefined
}

/**
 * Accepts the new state, or the delete, of a resource. If the terms make it depend on what was read, it is read again
 * whenever somebody else has written it since. Throws not_found if it was deleted, and 503 if others write it so often
 * that no change finds a gap in time.
 */
export async function acceptChange<Read extends Found, Resource>(
  stores: Stores,
  change: ChangeOf<Read, Resource>,
  terms: Terms<Resource> = {},
): Promise<{ found: Read; event: WriteEvent }> {
  const first = await change.read()
  const accepted = await inTime((deadline) => changeFrom(stores, first, change, terms, deadline))
  if (!accepted.held) await sendEvents(stores, [accepted.event], accepted.event.application)
  return accepted
}

/** A message that is to be deleted, as it was read; `createdAt` in ms. */
export type Doomed = { key: ResourceKey; createdAt: number; revision: number }

/**
 * Accepts the deletes of messages of one application, whatever they are when they are accepted. Returns how many were
 * deleted by it, and not by others before. Throws what one of them has failed by; the others stay deleted.
 */
export async function acceptDeletes(stores: Stores, doomed: Doomed[]): Promise<number> {
  const state = { deleted: true } as const
  const results = await Promise.allSettled(
    doomed.map(async (one): Promise<{ event: WriteEvent; held: boolean }[]> => {
      const reply = await inTime((deadline) => tryToStore(stores, { ...one, state }, deadline))
      if (reply.status !== "changed") return []
      const { revision, held } = reply
      return [{ held, event: { revision, ...one.key, created_at: one.createdAt, ...state } }]
    }),
  )
  const accepted = results.flatMap((result) => (result.status === "fulfilled" ? result.value : []))
  const events = accepted.filter(({ held }) => !held).map(({ event }) => event)
  const [first] = events
  if (first) await sendEvents(stores, events, first.application)
  const failed = results.find((result) => result.status === "rejected")
  if (failed) throw failed.reason
  return accepted.length
}

async function changeFrom<Read extends Found, Resource>(
  stores: Stores,
  first: Read,
  { key, read, present, next }: ChangeOf<Read, Resource>,
  { keepsMembers = false, precondition }: Terms<Resource>,
  deadline: number,
): Promise<{ found: Read; event: WriteEvent; held: boolean }> {
  const compares = keepsMembers || precondition !== undefined
  for (let found = first; ; found = await read()) {
    // A read that may be stale is not judged: the script has it read again, or Redis is away.
    if (found.asOf !== UNKNOWN_MOMENT) precondition?.(present(found))
    const known = next(found)
    const createdAt = found.createdAt.getTime()
    // A newer function may have written members that this one does not know.
    const more = { ...versionFor(found.members ?? {}, known), ...(found.event && unknownMembers(found.event)) }
    const state = "deleted" in known ? known : { ...more, ...known }
    const asOf = compares ? (found.asOf ?? UNKNOWN_MOMENT) : undefined
    const stored = await store(stores, { key, createdAt, revision: found.revision, state, asOf }, deadline)
    if (stored === undefined) continue
    const { revision, held } = stored
    return { found, held, event: { revision, ...key, created_at: createdAt, ...state } }
  }
}

/** Returns the accepted change's revision, or undefined if it must be made anew from what is there now. */
async function store(stores: Stores, change: Change, deadline: number) {
  const reply = await tryToStore(stores, change, deadline)
  if (reply.status === "changed") return reply
  if (reply.status === "gone") throw notFound(kindOf(change.key))
  return undefined
}

/** Returns the reply to a change once its shard is settled: that it was accepted, or that it cannot be any more. */
async function tryToStore(stores: Stores, change: Change, deadline: number) {
  for (let attempt = 0; attempt < ATTEMPTS_MAX && performance.now() < deadline; attempt++) {
    const reply = await stores.outbox.change(change)
    switch (reply.status) {
      case "changed":
      case "moved":
      case "gone":
        return reply
      case "full":
        throw full()
      case "unsettled":
        if (!(await settleShards(stores, shardOf(change.key.application)))) throw recovering()
        break
    }
  }
  throw recovering()
}

/**
 * Ends as `accept` does, or rejects with 503 after its deadline, after which it begins no script. One under way may
 * still succeed: the relay then sends its event, and a retry with its Idempotency-Key is answered with it.
 */
const inTime = <T>(accept: (deadline: number) => Promise<T>): Promise<T> =>
  withDeadline(ACCEPT_MAX_MS, accept(performance.now() + ACCEPT_MAX_MS), recovering)

function createdEvent({ kind, application, chat, state }: Creation, id: string, revision: string): WriteEvent {
  const key: ResourceKey = {
    application: kind === "application" ? id : application,
    chat: kind === "chat" ? Number(id) : chat,
    message: kind === "message" ? Number(id) : 0,
  }
  return { revision, ...key, created_at: timeOf(revision), ...state }
}

/** Returns the time of a creation, which is that of its revision. */
const timeOf = (revision: string): number => revisionTime(revision).getTime()

/** Returns the event of the message that was created `steps` after that of `first`, in the same batch. */
function eventAfter({ revision, application, chat, message }: WriteEvent, steps: number, state: object): WriteEvent {
  const own = String(Number(revision) + steps)
  return { revision: own, application, chat, message: message + steps, created_at: timeOf(own), ...state }
}

async function sendEvents({ queues, config, origin }: Stores, events: WriteEvent[], group: string): Promise<void> {
  const answersFirst = config.ANSWER_BEFORE_SEND
  const traced = origin ? events.map((event) => ({ ...event, origin })) : events
  const sent = queues.persist.send(traced, { group, lingers: answersFirst })
  const handled = sent.catch((error: unknown) => {
    // The outbox holds the events, and the sender has logged why.
    if (error instanceof DependencyAway) return
    if (!answersFirst) throw error
    log.error("event not sent", { error: describeError(error) })
  })
  if (!answersFirst) await handled
}
