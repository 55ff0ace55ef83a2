/**
 * DESIGN. In a new generation a parent is verified on first use: its counter becomes the greater of Redis' and the
 * highest number ever persisted. If Redis has lost data since the parent was last verified, numbers that no store knows
 * may have been given, but none more than the outbox bound above the highest persisted one. So the counter is first
 * *fenced*: a fence event makes the persist function raise `counters.highest` by the bound, once per loss, before
 * numbers continue from there. That is durable before a number is given, so a second loss cannot undo it, and no
 * request writes to MySQL.
 */
import { setTimeout as sleep } from "node:timers/promises"
import { readMysql } from "../clients/mysql.ts"
import { notFound, recovering } from "../errors.ts"
import type { FenceEvent } from "../events.ts"
import type { Persisted } from "../outbox/outbox.ts"
import type { Unverified } from "../outbox/scripts/writes.ts"
import type { Stores } from "../stores.ts"
import { readStoredRevision } from "./stored-revision.ts"

const FENCE_POLL_MS = 100
/** A fence takes well under a second through the queue; after this the client must retry. */
const FENCE_WAIT_MAX_MS = 2_000

/**
 * Verifies a creation's parents: the application and, unless 0, the chat. If yet another generation began, the retry
 * finds them unverified again. Throws not_found if one does not exist, and unavailable during recovery.
 */
export async function verifyParents(stores: Stores, application: string, chat: number, seen: Unverified) {
  const deadline = performance.now() + FENCE_WAIT_MAX_MS
  for (;;) {
    const persisted = await readParents(stores, application, chat)
    const fences = fencesNeeded(application, chat, seen, persisted)
    if (fences.length === 0) {
      const status = await stores.outbox.verify(seen.generation, application, chat, persisted)
      if (status === "gone") throw notFound(chat > 0 ? "chat" : "application")
      return
    }
    if (performance.now() > deadline) throw recovering()
    await sendFences(stores, fences)
    await sleep(FENCE_POLL_MS)
  }
}

/** Reads the parents from the outbox (first) and MySQL. Throws not_found if neither has one of them. */
async function readParents({ outbox, mysql }: Stores, application: string, chat: number): Promise<Persisted> {
  const keys = [{ application, chat: 0, message: 0 }]
  if (chat > 0) keys.push({ application, chat, message: 0 })
  const { entries, settled } = await outbox.read(application, chat, keys)
  const row = await readMysql(() =>
    mysql
      .selectNoFrom((eb) => [
        eb.selectFrom("applications").select("revision").where("token", "=", application).as("application_revision"),
        eb
          .selectFrom("chats")
          .select("revision")
          .where("application", "=", application)
          .where("number", "=", chat)
          .as("chat_revision"),
      ])
      .executeTakeFirstOrThrow(),
  )
  const lives = (entry: { deleted?: true | undefined } | null | undefined, revision: unknown) =>
    entry ? !entry.deleted : revision !== null
  const found = lives(entries[0], row.application_revision) && (chat === 0 || lives(entries[1], row.chat_revision))
  if (!found && !settled) throw recovering()
  if (!lives(entries[0], row.application_revision)) throw notFound("application")
  if (!found) throw notFound("chat")

  const counters = await readMysql(() =>
    mysql
      .selectFrom("counters")
      .select(["chat", "highest", "revision", "fenced"])
      .where("application", "=", application)
      .where("chat", "in", chat > 0 ? [0, chat] : [0])
      .execute(),
  )
  const { greatest } = await readStoredRevision(mysql, application)
  const of = (number: number) => counters.find((counter) => counter.chat === number)
  return {
    chatsHighest: of(0)?.highest ?? 0,
    messagesHighest: of(chat)?.highest ?? 0,
    applicationRevision: Math.max(of(0)?.revision ?? 0, greatest),
    chatRevision: chat > 0 ? (of(chat)?.revision ?? 0) : 0,
    applicationFenced: of(0)?.fenced ?? 0,
    chatFenced: of(chat)?.fenced ?? 0,
  }
}

function fencesNeeded(application: string, chat: number, seen: Unverified, persisted: Persisted): FenceEvent[] {
  const fence = String(seen.lost)
  const fences: FenceEvent[] = []
  if (seen.applicationSeen < seen.lost && persisted.applicationFenced < seen.lost) {
    fences.push({ fence, application, chat: 0 })
  }
  if (chat > 0 && seen.chatSeen < seen.lost && persisted.chatFenced < seen.lost)
    fences.push({ fence, application, chat })
  return fences
}

/** Fences sent lately by this process, so that many waiting requests do not each send one. */
const sent = new Map<string, number>()
const SEND_AGAIN_MS = 1_000
/** Bounds the map, which is then emptied; a fence sent twice counts once. */
const SENT_MAX = 10_000

async function sendFences({ queues }: Stores, fences: FenceEvent[]): Promise<void> {
  if (sent.size > SENT_MAX) sent.clear()
  for (const event of fences) {
    const key = `${event.fence} ${event.application}/${event.chat}`
    if (performance.now() - (sent.get(key) ?? Number.NEGATIVE_INFINITY) < SEND_AGAIN_MS) continue
    sent.set(key, performance.now())
    await queues.persist.send([event])
  }
}
