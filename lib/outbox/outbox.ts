/** The outbox as the rest of the system sees it: typed calls over the scripts, one shard each. */
import type { RedisClient } from "../clients/redis.ts"
import { keyText, type ResourceKey } from "../events.ts"
import type { ApplicationMembers, ChatMembers, MessageMembers } from "../members.ts"
import { createDelivery } from "./delivery.ts"
import { fingerprint, type Idempotency, idempotencyHash } from "./idempotency.ts"
import { idempotencyKey, keysWith, parentText, pendingKey, shardKeys, shardOf } from "./keys.ts"
import { type Judge, UNJUDGED } from "./scripts/rates.ts"
import { READ, READ_PENDING } from "./scripts/reads.ts"
import { OPEN, SETTLE, VERIFY } from "./scripts/recovery.ts"
import { CHANGE, type ChangeReply, CREATE, type CreationReply } from "./scripts/writes.ts"

export type OutboxLimits = { eventsMax: number; bytesMax: number }

type Members = ApplicationMembers | ChatMembers | MessageMembers

export type Creation = {
  kind: "application" | "chat" | "message"
  application: string
  /** Of a message; else 0. */
  chat: number
  state: Members
  idempotency?: Idempotency | undefined
  /** The revision that an application is to come after: see creation-order.ts. */
  after?: number
}

export type Change = {
  key: ResourceKey
  /** ms */
  createdAt: number
  /** The revision that was read before. */
  revision: number
  state: Members | { deleted: true }
  /** Only if the outbox has this very revision of it; else it is `gone`. */
  over?: string
}

export type PendingRange = { min: string; max: string; order: "asc" | "desc"; count: number }

/**
 * What MySQL has below an application and below one of its chats: the highest numbers, the greatest revisions, and the
 * generations in which they were last fenced.
 */
export type Persisted = {
  chatsHighest: number
  messagesHighest: number
  applicationRevision: number
  chatRevision: number
  applicationFenced: number
  chatFenced: number
}

/** The end of the event's JSON, from the state's members on: the script writes what comes before. */
const restOf = (state: object): string => JSON.stringify(state).slice(1)

export type Outbox = ReturnType<typeof createDelivery> &
  ReturnType<typeof createReads> &
  ReturnType<typeof createRecovery> &
  ReturnType<typeof createWrites> & {
    /** Returns the same outbox, whose creations and reads count towards the rate limits of a request. */
    judgedBy(judge: Judge): Outbox
  }

export function createOutbox(redis: RedisClient, limits: OutboxLimits): Outbox {
  /** The greatest revision this process has seen in each shard: a shard that is below it has lost data. */
  const seen = new Map<string, number>()
  const unjudged = { ...createDelivery(redis), ...createRecovery(redis, seen) }
  const judgedBy = (judge: Judge): Outbox => ({
    ...unjudged,
    ...createReads(redis, seen, judge),
    ...createWrites(redis, seen, judge, limits),
    judgedBy,
  })
  return judgedBy(() => UNJUDGED)
}

function createWrites(redis: RedisClient, seen: Map<string, number>, judge: Judge, limits: OutboxLimits) {
  function noteRevision<Reply extends CreationReply | ChangeReply>(shard: string, reply: Reply): Reply {
    if ("revision" in reply) seen.set(shard, Math.max(seen.get(shard) ?? 0, Number(reply.revision)))
    return reply
  }

  /** Accepts the creation of an application, chat or message, and gives it its number. */
  async function create(creation: Creation): Promise<CreationReply> {
    const { kind, application, chat, state, idempotency, after = 0 } = creation
    const shard = shardOf(application)
    const parent = kind === "application" ? "" : kind === "chat" ? application : `${application}/${chat}`
    const judgement = judge(shard, kind === "application" ? "" : application)
    const keys = {
      ...keysWith(application),
      pending: pendingKey(shard, parent),
      record: idempotencyKey(shard, idempotency ? idempotencyHash(idempotency).hash : ""),
      buckets: judgement.buckets,
    }
    const admit = await redis.run(CREATE, keys, {
      ...limits,
      seen: seen.get(shard) ?? 0,
      kind,
      application,
      chat,
      rest: restOf(state),
      fingerprint: idempotency ? fingerprint(state) : "",
      quotas: judgement.quotas,
      after,
    })
    return noteRevision(shard, admit(judgement))
  }

  /** Accepts the update or delete of something that the caller has just read. */
  async function change({ key, createdAt, revision, state, over = "0" }: Change): Promise<ChangeReply> {
    const shard = shardOf(key.application)
    const keys = { ...keysWith(key.application), pending: pendingKey(shard, parentText(key)) }
    const args = { ...limits, ...key, seen: seen.get(shard) ?? 0, createdAt, revision, rest: restOf(state), over }
    return noteRevision(shard, await redis.run(CHANGE, keys, args))
  }

  return { create, change }
}

function createReads(redis: RedisClient, seen: Map<string, number>, judge: Judge) {
  /** The pending events of `resources`, all of one application; null where the outbox has none. */
  async function read(application: string, chat: number, resources: ResourceKey[]) {
    const shard = shardOf(application)
    const judgement = judge(shard, application)
    const keys = { ...keysWith(application), buckets: judgement.buckets }
    const args = { seen: seen.get(shard) ?? 0, chat, quotas: judgement.quotas, fields: resources.map(keyText) }
    return (await redis.run(READ, keys, args))(judgement)
  }

  /**
   * The pending events below a parent within a range of numbers (applications of a shard: of creation times), and those
   * of its `ancestors` (the parent itself included). `lastNumber` is the last message number given in `chat`, to be relied on
   * only while `chatLives`.
   */
  async function readPending(shard: string, parent: string, chat: number, ancestors: string[], range: PendingRange) {
    const application = parent.split("/")[0] ?? ""
    const judgement = judge(shard, application)
    const pending = pendingKey(shard, parent)
    const admit = await redis.run(
      READ_PENDING,
      { ...keysWith(application || shard), pending, buckets: judgement.buckets },
      {
        ...range,
        seen: seen.get(shard) ?? 0,
        chat,
        prefix: parent === "" ? "" : `${parent}/`,
        quotas: judgement.quotas,
        ancestors,
      },
    )
    return admit(judgement)
  }

  return { read, readPending }
}

function createRecovery(redis: RedisClient, seen: Map<string, number>) {
  /**
   * Returns the generation of a shard, whether it was settled, and the generation's age in ms: by Redis' clock, so 0 for
   * long where that was set back. With `pause` the shard takes no writes until it is settled, whether it was or not
   * (unless somebody has settled it since it was seen not to be, in the generation `waiting`); then `stale` says that it
   * has events from before a loss of data, which are due now and must be sent.
   */
  async function open(shard: string, pause: boolean, waiting = "") {
    const args = { seen: seen.get(shard) ?? 0, pause: pause ? 1 : 0, waiting }
    return { shard, ...(await redis.run(OPEN, shardKeys(shard), args)) }
  }

  /** Notes that the queue was empty after `generation` had begun. Returns false if that is over, or events are stale. */
  const settle = (shard: string, generation: string): Promise<boolean> =>
    redis.run(SETTLE, shardKeys(shard), { generation })

  /** Installs what MySQL knows of an application and, unless 0, one of its chats, if `generation` still holds. */
  async function verify(generation: string, application: string, chat: number, known: Persisted) {
    const seenIn = seen.get(shardOf(application)) ?? 0
    const fenced = Math.max(known.applicationFenced, known.chatFenced)
    return redis.run(VERIFY, keysWith(application), { ...known, seen: seenIn, generation, application, chat, fenced })
  }

  return { open, settle, verify }
}
