/**
 * DESIGN. Discarding gives up an accepted write for good, and all readers agree about it:
 * - A write to a resource that MySQL has is undone: its outbox entry goes, and the row's own state is seen again.
 * - A creation that MySQL never had becomes a delete: a tombstone replaces its outbox entry and goes through the queue
 *   to MySQL, which then knows its number as given. Everything below it is 404 and removed.
 * - A write that was replaced or stored since stays as it is. A delete is never undone.
 *
 * The outbox entry is removed by its revision, so a newer write is not touched. Any step may be repeated: a creation
 * with no entry, row or tombstone is deleted then.
 */
import { sql } from "kysely"
import { keyRanges } from "../clients/key-ranges.ts"
import { reachMysql } from "../clients/mysql.ts"
import { ApiError } from "../errors.ts"
import { type IndexEvent, isFence, isNewer, kindOf, type ResourceKey, type WriteEvent } from "../events.ts"
import { shardOf } from "../outbox/keys.ts"
import { ancestors } from "../persist/plan.ts"
import { QUEUES } from "../queue/queues.ts"
import type { Stores } from "../stores.ts"
import { acceptChange } from "../write/accept.ts"
import type { DeadLetter, Fate } from "./dead-letters.ts"

/** Gives up a letter's events. A delete that is not stored stays, with its letter. Throws DependencyAway: try again. */
export async function discardLetter(stores: Stores, { queue, events = [] }: DeadLetter): Promise<Fate> {
  if (queue === QUEUES.index.name) await forgetIndexing(stores, events as IndexEvent[])
  // Events of other queues are stored nowhere else.
  for (const event of queue === QUEUES.persist.name ? events : []) {
    // A request that needs the fence sends it again.
    if (isFence(event)) continue
    if (isNewer(event)) return { gone: false, why: "its version is newer than this command" }
    const fate = await discardWrite(stores, event as WriteEvent)
    if (!fate.gone) return fate
  }
  return { gone: true }
}

async function discardWrite(stores: Stores, event: WriteEvent): Promise<Fate> {
  const { outbox } = stores
  // MySQL must be there before anything is dropped.
  if (event.deleted) {
    if ((await readStored(stores, event)).deleted) return { gone: true }
    return { gone: false, why: "it is a delete, which cannot be undone: redrive it" }
  }
  await readStored(stores, event)
  await outbox.remove(shardOf(event.application), [event])
  // As for all readers, the outbox comes first: what leaves it in between is in MySQL.
  const { entries } = await outbox.read(event.application, event.chat, [event])
  if (entries[0]) return { gone: true }
  const stored = await readStored(stores, event)
  if (!stored.lives && !stored.deleted) await deleteCreation(stores, event)
  return { gone: true }
}

async function deleteCreation(stores: Stores, { application, chat, message, created_at, revision }: WriteEvent) {
  const key = { application, chat, message }
  try {
    const found = { createdAt: new Date(created_at), revision: Number(revision) }
    const read = async () => found
    await acceptChange(stores, { key, read, present: () => undefined, next: () => ({ deleted: true }) })
  } catch (error) {
    // A parent was deleted, and this resource with it.
    if (!(error instanceof ApiError && error.code === "not_found")) throw error
  }
}

/** Returns whether MySQL has the resource's row, and whether it has a tombstone of it or a parent. */
async function readStored({ mysql }: Stores, key: ResourceKey): Promise<{ lives: boolean; deleted: boolean }> {
  const { application, chat, message } = key
  const one = sql<number>`1`.as("one")
  const rows = {
    application: mysql.selectFrom("applications").select(one).where("token", "=", application),
    chat: mysql.selectFrom("chats").select(one).where("application", "=", application).where("number", "=", chat),
    message: mysql
      .selectFrom("messages")
      .select(one)
      .where("application", "=", application)
      .where("chat", "=", chat)
      .where("number", "=", message),
  }
  const tombstones = mysql
    .selectFrom("tombstones")
    .select(one)
    .where(keyRanges(ancestors(key), "message"))
    .limit(1)
  const row = await reachMysql(() => rows[kindOf(key)].executeTakeFirst())
  const tombstone = await reachMysql(() => tombstones.executeTakeFirst())
  return { lives: row !== undefined, deleted: tombstone !== undefined }
}

/** Removes the dead entries of pending_index; the documents stay as they are. */
async function forgetIndexing({ mysql }: Stores, events: IndexEvent[]): Promise<void> {
  for (const event of events) {
    await reachMysql(() =>
      mysql
        .deleteFrom("pending_index")
        .where(keyRanges([event], "message"))
        .where("revision", "<=", Number(event.revision))
        .where("due_at", "is", null)
        .execute(),
    )
  }
}
