/**
 * DESIGN. The one way to write. A script accepts the write into the outbox (that is the promise), then its event is sent
 * to the persist queue. If the queue is away the answer is the same: the relay sends what stays in the outbox.
 */
import { ApiError, DependencyAway, notFound, unavailable } from "../errors.ts"
import { kindOf, type ResourceKey, type WriteEvent } from "../events.ts"
import { settleShards } from "../numbers/settle.ts"
import { verifyParents } from "../numbers/verify-parents.ts"
import type { Stores } from "../stores.ts"
import type { Change, Creation } from "./outbox.ts"

/** A creation may find its shard unsettled, its parents unverified, data lost, and unsettled and unverified again. */
const ATTEMPTS_MAX = 6

const recovering = () => unavailable("The service is recovering.")
const full = () => unavailable("Too many writes are waiting to be stored.")

export type Accepted = { id: string; revision: string; replayed: boolean }

/** Accepts a creation: its number (an application: its token) and revision. Throws ApiError or DependencyAway. */
export async function acceptCreation(stores: Stores, creation: Creation): Promise<Accepted> {
  const { application, chat, kind } = creation
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
    const reply = await stores.outbox.create(creation)
    switch (reply.status) {
      case "created":
        await sendEvent(stores, createdEvent(creation, reply.id, reply.revision))
        return { id: reply.id, revision: reply.revision, replayed: false }
      case "replayed":
        return { id: reply.id, revision: reply.revision, replayed: true }
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

/** Accepts an update or delete of something just read. Answers the event. Throws not_found if it was deleted since. */
export async function acceptChange(stores: Stores, change: Change): Promise<WriteEvent> {
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
    const reply = await stores.outbox.change(change)
    switch (reply.status) {
      case "changed": {
        const event = { revision: reply.revision, ...change.key, created_at: change.createdAt, ...change.state }
        await sendEvent(stores, event)
        return event
      }
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

function createdEvent({ kind, application, chat, state }: Creation, id: string, revision: string): WriteEvent {
  const key: ResourceKey = {
    application: kind === "application" ? id : application,
    chat: kind === "chat" ? Number(id) : chat,
    message: kind === "message" ? Number(id) : 0,
  }
  return { revision, ...key, created_at: Math.floor(Number(revision) / 1000), ...state }
}

async function sendEvent(stores: Stores, event: WriteEvent): Promise<void> {
  try {
    await stores.persistQueue.send(event.application, [JSON.stringify(event)])
  } catch (error) {
    // The outbox holds the event; the sender has logged that the queue is away.
    if (!(error instanceof DependencyAway)) throw error
  }
}
