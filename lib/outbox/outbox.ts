/** The outbox as the rest of the system sees it: typed calls over the scripts, one shard each. */
import type { Argument, RedisClient, ScriptValue } from "../clients/redis.ts"
import { keyText, type ResourceKey, type WriteEvent } from "../events.ts"
import { LIMITS } from "../limits.ts"
import { createDelivery } from "./delivery.ts"
import { type Idempotency, idempotencyHash } from "./idempotency.ts"
import {
  applicationKey,
  attemptsKey,
  deadKey,
  deletedKey,
  dueKey,
  idempotencyKey,
  lifeKey,
  outboxKey,
  parentText,
  pendingKey,
  pendingMember,
  shardOf,
} from "./keys.ts"
import { type Judgement, quotasArgument, settleJudgement } from "./rates.ts"
import * as lifeScripts from "./scripts/recovery.ts"
import type { Script } from "./scripts/writes.ts"
import * as scripts from "./scripts/writes.ts"

/** A healthy persist function takes an event off within a second or two; after this the relay sends it again. */
export const RELAY_AFTER_MS = 30_000
/** Longer than any reload of a parent from MySQL, or any read before an update, can take to come to its end. */
const DELETION_MARK_MS = 3_600_000
const IDEMPOTENCY_SECONDS = LIMITS.idempotencyHours * 3600

export type Creation = {
  kind: "application" | "chat" | "message"
  application: string
  /** Of a message; else 0. */
  chat: number
  /** The members of the event that the client gave. */
  state: { name: string | null } | { body: string }
  idempotency?: Idempotency & { fingerprint: string }
  /** The revision that an application is to come after: see creation-order.ts. */
  after?: number
}
export type CreationReply =
  | { status: "created" | "replayed"; id: string; revision: string }
  | { status: "mismatch" | "full" | "gone" }
  | { status: "unsettled" }
  | ({ status: "unverified" } & Unverified)
/** Generations: the present one, the latest that began with data missing, and those the parents were verified in. */
export type Unverified = { generation: string; lost: number; applicationSeen: number; chatSeen: number }

export type Change = {
  key: ResourceKey
  /** ms */
  createdAt: number
  /** The revision that was read before. */
  revision: number
  state: { name: string | null } | { body: string } | { deleted: true }
  /** Only if the outbox has this very revision of it; else it is `gone`. */
  over?: string
}
export type ChangeReply = { status: "changed"; revision: string } | { status: "gone" | "full" | "unsettled" }

/** `settled`: nothing is missing for want of recovery; the others: the parent is known to live without MySQL. */
export type Knowledge = { settled: boolean; applicationLives: boolean; chatLives: boolean }
export type PendingRange = { min: string; max: string; order: "asc" | "desc"; count: number }

const parse = (entry: ScriptValue | undefined): WriteEvent | null =>
  typeof entry === "string" ? (JSON.parse(entry) as WriteEvent) : null

const parseAll = (entries: ScriptValue | undefined): (WriteEvent | null)[] => (entries as ScriptValue[]).map(parse)

const knowledge = ([settled, application, chat]: ScriptValue[]): Knowledge => ({
  settled: settled === 1,
  applicationLives: application === 1,
  chatLives: chat === 1,
})

/** The end of the event's JSON, from the state's members on: the script writes what comes before. */
const restOf = (state: object): string => JSON.stringify(state).slice(1)

export type Outbox = ReturnType<typeof createOutbox>

export function createOutbox(redis: RedisClient, limits: { eventsMax: number; bytesMax: number }) {
  /** The greatest revision this process has seen in each shard: a shard that is below it has lost data. */
  const seen = new Map<string, number>()
  const seenIn = (shard: string): number => seen.get(shard) ?? 0
  const noteRevision = (shard: string, revision: string): void => {
    if (Number(revision) > seenIn(shard)) seen.set(shard, Number(revision))
  }

  /** Runs a script that judges the request, if it is to be judged. Throws rate_limited. */
  async function judged(script: Script, keys: string[], args: Argument[], judgement: Judgement | undefined) {
    const buckets = judgement?.quotas.map(({ key }) => key) ?? []
    return settleJudgement(await redis.run(script, [...keys, ...buckets], args), judgement)
  }

  async function create(creation: Creation, judgement?: Judgement): Promise<CreationReply> {
    const { kind, application, chat, state, idempotency, after = 0 } = creation
    const shard = shardOf(application)
    const parent = kind === "application" ? "" : kind === "chat" ? application : `${application}/${chat}`
    const keys = [
      lifeKey(shard),
      outboxKey(shard),
      dueKey(shard),
      applicationKey(application),
      pendingKey(shard, parent),
      deletedKey(shard),
    ]
    if (idempotency) keys.push(idempotencyKey(shard, idempotencyHash(idempotency).hash))
    const args = [
      seenIn(shard),
      kind,
      application,
      chat,
      restOf(state),
      limits.eventsMax,
      limits.bytesMax,
      RELAY_AFTER_MS,
      idempotency?.fingerprint ?? "",
      IDEMPOTENCY_SECONDS,
      quotasArgument(judgement),
      after,
    ]
    const [status, ...values] = (await judged(scripts.CREATE, keys, args, judgement)) as [
      CreationReply["status"],
      string,
      string,
      string,
      string,
    ]
    if (status === "created" || status === "replayed") {
      const [id, revision] = values
      noteRevision(shard, revision)
      return { status, id, revision }
    }
    if (status === "unverified") {
      const [generation, lost, applicationSeen, chatSeen] = values
      const numbers = { lost: Number(lost), applicationSeen: Number(applicationSeen), chatSeen: Number(chatSeen) }
      return { status, generation, ...numbers }
    }
    return { status }
  }

  async function change({ key, createdAt, revision, state, over = "0" }: Change): Promise<ChangeReply> {
    const shard = shardOf(key.application)
    const isApplication = key.chat === 0
    const keys = [
      lifeKey(shard),
      outboxKey(shard),
      dueKey(shard),
      applicationKey(key.application),
      pendingKey(shard, parentText(key)),
      deletedKey(shard),
      attemptsKey(shard),
      deadKey(shard),
    ]
    const member = pendingMember(key)
    const [status, changed] = (await redis.run(scripts.CHANGE, keys, [
      seenIn(shard),
      key.application,
      key.chat,
      key.message,
      createdAt,
      revision,
      restOf(state),
      "deleted" in state ? 1 : 0,
      member,
      isApplication ? createdAt : member,
      limits.eventsMax,
      limits.bytesMax,
      RELAY_AFTER_MS,
      DELETION_MARK_MS,
      over,
    ])) as [ChangeReply["status"], string]
    if (status !== "changed") return { status }
    noteRevision(shard, changed)
    return { status, revision: changed }
  }

  /** The pending events of `keys`, all of one application; null where the outbox has none. */
  async function read(application: string, chat: number, keys: ResourceKey[], judgement?: Judgement) {
    const shard = shardOf(application)
    const reply = await judged(
      scripts.READ,
      [lifeKey(shard), outboxKey(shard), applicationKey(application)],
      [seenIn(shard), chat, quotasArgument(judgement), ...keys.map(keyText)],
      judgement,
    )
    return { ...knowledge(reply), entries: parseAll(reply.slice(3)) }
  }

  /**
   * The pending events below a parent within a range of numbers (applications of a shard: of creation times), and those
   * of its `ancestors` (the parent itself included). `lastNumber` is the last message number given in `chat`, to be relied on
   * only while `chatLives`.
   */
  async function readPending(
    shard: string,
    parent: string,
    chat: number,
    ancestors: string[],
    range: PendingRange,
    judgement?: Judgement,
  ) {
    const application = parent.split("/")[0] ?? ""
    const reply = await judged(
      scripts.READ_PENDING,
      [lifeKey(shard), outboxKey(shard), applicationKey(application || shard), pendingKey(shard, parent)],
      [
        seenIn(shard),
        chat,
        range.min,
        range.max,
        range.order,
        range.count,
        parent === "" ? "" : `${parent}/`,
        quotasArgument(judgement),
        ...ancestors,
      ],
      judgement,
    )
    const entries = parseAll(reply[4]).filter((entry) => entry !== null)
    return { ...knowledge(reply), ancestors: parseAll(reply[3]), entries, lastNumber: Number(reply[5]) }
  }

  /**
   * The generation of a shard, whether it is settled, and the generation's age in ms: by Redis' clock, so
   * 0 for long where that was set back. With `pause` the shard takes no writes until it is settled, whether it was or not
   * (unless somebody has settled it since it was seen not to be, in the generation `waiting`); then `stale` says that it
   * has events from before a loss of data, which are due now and must be sent.
   */
  async function open(shard: string, pause: boolean, waiting = "") {
    const [generation, settled, stale, age] = await redis.run(
      lifeScripts.OPEN,
      [lifeKey(shard), dueKey(shard)],
      [seenIn(shard), pause ? 1 : 0, waiting],
    )
    return { shard, generation: String(generation), settled: settled === 1, stale: stale === 1, ageMs: Number(age) }
  }

  /** Notes that the persist queue was empty after `generation` of the shard had begun; false: another one has, or events are stale still. */
  async function settle(shard: string, generation: string): Promise<boolean> {
    const keys = [lifeKey(shard), outboxKey(shard), deadKey(shard)]
    return (await redis.run(lifeScripts.SETTLE, keys, [generation]))[0] === 1
  }

  /** Installs what MySQL knows of an application and, unless 0, one of its chats, seen in `generation`. */
  async function verify(generation: string, application: string, chat: number, known: Persisted) {
    const shard = shardOf(application)
    const [status] = await redis.run(
      lifeScripts.VERIFY,
      [lifeKey(shard), outboxKey(shard), applicationKey(application), deletedKey(shard)],
      [
        seenIn(shard),
        generation,
        application,
        chat,
        known.chatsHighest,
        known.messagesHighest,
        known.applicationRevision,
        known.chatRevision,
        Math.max(known.applicationFenced, known.chatFenced),
      ],
    )
    return status as "verified" | "gone" | "moved" | "behind"
  }

  return { ...createDelivery(redis), create, change, read, readPending, open, settle, verify }
}

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
