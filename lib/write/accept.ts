/**
 * DESIGN. The only way to write. A script accepts the write into the outbox, which is the promise; then its event is
 * sent to the persist queue. If the queue is away the answer is the same, and the relay sends the event. So only AWS
 * Lambda, which freezes an instance once it has answered, sends first and waits for the queue.
 */
import { withDeadline } from "../deadline.ts"
import { ApiError, DependencyAway, notFound, recovering, unavailable } from "../errors.ts"
import { kindOf, type ResourceKey, revisionTime, unknownMembers, type WriteEvent } from "../events.ts"
import { describeError, log } from "../log.ts"
import type { Change, Creation } from "../outbox/outbox.ts"
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

/** Accepts a creation; `replayed` if its Idempotency-Key had created it before. Throws ApiError or DependencyAway. */
export async function acceptCreation(
  stores: Stores,
  creation: Creation,
): Promise<{ event: WriteEvent; replayed: boolean }> {
  const { id, revision, status } = await inTime((deadline) => create(stores, creation, deadline))
  const event = createdEvent(creation, id, revision)
  if (status === "replayed") return { event, replayed: true }
  await sendEvent(stores, event, creation.kind === "application" ? NEW_APPLICATIONS : event.application)
  return { event, replayed: false }
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
        if (!(await settleShards(stores))) throw recovering()
        break
      case "unverified":
        await verifyParents(stores, application, chat, reply)
        break
    }
  }
  throw recovering()
}

/** The resource to change, as it was read; `event` is the one that waits for it, if any. */
type Found = { createdAt: Date; revision: number; event?: WriteEvent }

/** Accepts the whole new state, or the delete, of a resource just `found`. Throws not_found if it was deleted since. */
export async function acceptChange(
  stores: Stores,
  { key, found, state: known }: Pick<Change, "key" | "state"> & { found: Found },
): Promise<WriteEvent> {
  const createdAt = found.createdAt.getTime()
  // A newer function may have written members that this one does not know.
  const state = found.event && !("deleted" in known) ? { ...unknownMembers(found.event), ...known } : known
  const change = { key, createdAt, revision: found.revision, state }
  const revision = await inTime((deadline) => store(stores, change, deadline))
  const event = { revision, ...key, created_at: createdAt, ...state }
  await sendEvent(stores, event, event.application)
  return event
}

/** Returns the revision of the accepted change. */
async function store(stores: Stores, change: Change, deadline: number): Promise<string> {
  for (let attempt = 0; attempt < ATTEMPTS_MAX && performance.now() < deadline; attempt++) {
    const reply = await stores.outbox.change(change)
    switch (reply.status) {
      case "changed":
        return reply.revision
      case "full":
        throw full()
      case "gone":
        throw notFound(kindOf(change.key))
      case "unsettled":
        if (!(await settleShards(stores))) throw recovering()
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
  return { revision, ...key, created_at: revisionTime(revision).getTime(), ...state }
}

async function sendEvent({ queues, config }: Stores, event: WriteEvent, group: string): Promise<void> {
  const answersFirst = config.ANSWER_BEFORE_SEND
  const sent = queues.persist.send([event], { group, lingers: answersFirst })
  const handled = sent.catch((error: unknown) => {
    // The outbox holds the event, and the sender has logged why.
    if (error instanceof DependencyAway) return
    if (!answersFirst) throw error
    log.error("event not sent", { error: describeError(error) })
  })
  if (!answersFirst) await handled
}
