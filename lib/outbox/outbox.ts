/** The outbox for the rest of the system: typed calls over the scripts, each within one shard. */
import type { RedisClient } from "../clients/redis.ts"
import { keyText, type ResourceKey } from "../events.ts"
import type { ApplicationMembers, ChatMembers, MessageMembers } from "../members.ts"
import { createChanges } from "./changes.ts"
import { createDelivery } from "./delivery.ts"
import { fingerprint, type Idempotency, idempotencyHash } from "./idempotency.ts"
import { idempotencyKey, keysWith, lifeKey, parentText, pendingKey, shardKeys, shardOf } from "./keys.ts"
import { withLives } from "./lives.ts"
import { createRetention } from "./retention.ts"
import { COUNT_MORE, type Judge, UNJUDGED } from "./scripts/rates.ts"
import { READ, READ_PENDING } from "./scripts/reads.ts"
import { OPEN, RELEASE, RELEASE_COUNT, SETTLE, TRY, VERIFY } from "./scripts/recovery.ts"
import { OLDEST, SURVEY } from "./scripts/survey.ts"
import { CHANGE, type ChangeReply, CREATE, type CreationReply } from "./scripts/writes.ts"

export type OutboxLimits = { eventsMax: number; bytesMax: number }

/** A creation may leave out members, which then have their defaults. */
type Members = ApplicationMembers | Partial<ChatMembers> | Partial<MessageMembers>

export type Creation = {
  kind: "application" | "chat" | "message"
  application: string
  /** 0 unless a message is created. */
  chat: number
  state: Members
  /** The states of more messages, which get the next numbers. */
  more?: readonly Members[]
  idempotency?: Idempotency | undefined
  /** The revision that a new application must exceed: see lib/write/creation-order.ts. */
  after?: number
}

export type Change = {
  key: ResourceKey
  /** ms */
  createdAt: number
  revision: number
  state: Members | { deleted: true }
  /** The revision that the outbox must hold; else the reply is `gone`. */
  over?: string
  /** The moment of the read, since which nobody may have written the resource; else the reply is `moved`. */
  asOf?: string | undefined
}

export type PendingRange = { min: string; max: string; order: "asc" | "desc"; count: number }

/** What MySQL has below an application and one of its chats; `…Fenced` are the generations of their last fences. */
export type Persisted = {
  chatsHighest: number
  messagesHighest: number
  applicationRevision: number
  chatRevision: number
  applicationFenced: number
  chatFenced: number
}

/** Returns the event's JSON from the state's members on; the script writes what precedes them. */
const restOf = (state: object): string => JSON.stringify(state).slice(1)

export type Outbox = ReturnType<typeof createChanges> &
  ReturnType<typeof createDelivery> &
  ReturnType<typeof createReads> &
  ReturnType<typeof createRecovery> &
  ReturnType<typeof createRetention> &
  ReturnType<typeof createSurvey> &
  ReturnType<typeof createWrites> & {
    /** Returns the same outbox, whose creations and reads count towards a request's rate limits. */
    judgedBy(judge: Judge): Outbox
  }

export function createOutbox(client: RedisClient, limits: OutboxLimits): Outbox {
  const redis = withLives(client)
  /** The greatest revision this process has seen in each shard; a shard below it has lost data. */
  const seen = new Map<string, number>()
  const delivery = createDelivery(redis)
  const unjudged = {
    ...delivery,
    ...createRecovery(redis, seen, limits),
    ...createRetention(redis, delivery, limits),
    ...createSurvey(redis),
  }
  const judgedBy = (judge: Judge): Outbox => ({
    ...unjudged,
    ...createChanges(redis, seen, judge),
    ...createReads(redis, seen, judge),
    ...createWrites(redis, seen, judge, limits),
    judgedBy,
  })
  return judgedBy(() => UNJUDGED)
}

function createWrites(redis: RedisClient, seen: Map<string, number>, judge: Judge, limits: OutboxLimits) {
  /** Notes the revision of a reply, or that of the last of `count` resources. */
  function noteRevision<Reply extends CreationReply | ChangeReply>(shard: string, reply: Reply, count = 1): Reply {
    if ("revision" in reply) seen.set(shard, Math.max(seen.get(shard) ?? 0, Number(reply.revision) + count - 1))
    return reply
  }

  async function create(creation: Creation): Promise<CreationReply> {
    const { kind, application, chat, state, more = [], idempotency, after = 0 } = creation
    const states = [state, ...more]
    const shard = shardOf(application)
    const parent = kind === "application" ? "" : kind === "chat" ? application : `${application}/${chat}`
    const judgement = judge(shard, kind === "application" ? "" : application, states.length)
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
      rests: states.map(restOf),
      fingerprint: idempotency ? fingerprint(...states) : "",
      quotas: judgement.quotas,
      after,
    })
    return noteRevision(shard, admit(judgement), states.length)
  }

  /** Accepts the update or delete of a resource that the caller has just read. */
  async function change({ key, createdAt, revision, state, over = "0", asOf = "" }: Change): Promise<ChangeReply> {
    const shard = shardOf(key.application)
    const keys = { ...keysWith(key.application), pending: pendingKey(shard, parentText(key)) }
    const args = { ...limits, ...key, seen: seen.get(shard) ?? 0, createdAt, revision, rest: restOf(state), over, asOf }
    return noteRevision(shard, await redis.run(CHANGE, keys, args))
  }

  return { create, change }
}

function createReads(redis: RedisClient, seen: Map<string, number>, judge: Judge) {
  /** Returns the pending events of `resources`, all of one application; null where there is none. */
  async function read(application: string, chat: number, resources: ResourceKey[]) {
    const shard = shardOf(application)
    const judgement = judge(shard, application)
    const keys = { ...keysWith(application), buckets: judgement.buckets }
    const args = { seen: seen.get(shard) ?? 0, chat, quotas: judgement.quotas, fields: resources.map(keyText) }
    return (await redis.run(READ, keys, args))(judgement)
  }

  /**
   * Returns the pending events below a parent in a range of numbers (applications: of creation times), and those of its
   * `ancestors`, itself included. `lastNumber`, the last number given in `chat`, is reliable only if `chatLives`.
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

  /**
   * Counts what a request does as more requests, up to `wanted`, as many as its rate limits have room for. Returns how
   * many. The request itself was judged before.
   */
  async function countMore(application: string, wanted: number): Promise<number> {
    const shard = shardOf(application)
    const { quotas, buckets, note } = judge(shard, application, 1, true)
    if (quotas === "" || wanted === 0) return wanted
    const { counted, standing } = await redis.run(COUNT_MORE, { life: lifeKey(shard), buckets }, { quotas, wanted })
    if (counted > 0) note(standing)
    return counted
  }

  return { read, readPending, countMore }
}

function createRecovery(redis: RedisClient, seen: Map<string, number>, limits: OutboxLimits) {
  /**
   * Returns a shard's generation, whether it is settled, and the generation's age in ms by Redis' clock (0 for long if
   * that was set back). With `hold` the events of a settled shard stay in the outbox for a while; of another, `stale`
   * then says that events from before a loss of data are due now and must be sent.
   */
  async function open(shard: string, hold: boolean) {
    const args = { seen: seen.get(shard) ?? 0, hold: hold ? 1 : 0 }
    return { shard, ...(await redis.run(OPEN, shardKeys(shard), args)) }
  }

  /** Returns what a creation in the shard would meet, and writes nothing. Rejects if Redis refuses writes. */
  const tryWrite = (shard: string) => redis.run(TRY, shardKeys(shard), { ...limits, seen: seen.get(shard) ?? 0 })

  /** Settles a shard whose queue was empty within `generation`. Returns false if that is over, or events are stale. */
  const settle = (shard: string, generation: string): Promise<boolean> =>
    redis.run(SETTLE, shardKeys(shard), { generation })

  /** Ends the holding back of a shard's events; those accepted meanwhile are due, and must be claimed and sent. */
  async function release(shard: string): Promise<void> {
    while ((await redis.run(RELEASE, shardKeys(shard), {})) === RELEASE_COUNT);
  }

  /** Installs what MySQL knows of an application and, unless 0, a chat, if `generation` still holds. */
  async function verify(generation: string, application: string, chat: number, known: Persisted) {
    const seenIn = seen.get(shardOf(application)) ?? 0
    const fenced = Math.max(known.applicationFenced, known.chatFenced)
    return redis.run(VERIFY, keysWith(application), { ...known, seen: seenIn, generation, application, chat, fenced })
  }

  return { open, tryWrite, settle, release, verify }
}

function createSurvey(redis: RedisClient) {
  return {
    /** Returns whether the server that has the shard is connected. */
    reaches: (shard: string): boolean => redis.reaches(lifeKey(shard)),
    survey: (shard: string) => redis.run(SURVEY, shardKeys(shard), {}),
    /** Returns the least revision of a part of a shard's events, and the cursor of the next part ("0" at the end). */
    oldest: (shard: string, cursor: string, count: number) => redis.run(OLDEST, shardKeys(shard), { cursor, count }),
  }
}
