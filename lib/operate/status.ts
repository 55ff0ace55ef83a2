/**
 * DESIGN. The system's state, for the operator. All stores are asked in parallel, for a bounded amount of work and with
 * no side effect; one that is away leaves its part null and hides nothing of the others.
 */
import { sql } from "kysely"
import { type Mysql, reachMysql } from "../clients/mysql.ts"
import { withDeadline } from "../deadline.ts"
import { type Dependency, DependencyAway } from "../errors.ts"
import { revisionTime } from "../events.ts"
import { drawToken } from "../outbox/keys.ts"
import { askIndex, checkReadiness, type Readiness } from "../readiness.ts"
import type { SearchStores } from "../stores.ts"
import { type OutboxSurvey, surveyOutbox } from "./survey.ts"

/** Bounds of the search for the oldest event, which without a backlog takes some milliseconds, and of each part. */
export type StatusBounds = { surveyMs: number; partMs: number }
/** An operator waits for a survey; a store that hangs is given up by its client's time-outs long before. */
const OPERATOR_BOUNDS: StatusBounds = { surveyMs: 3_000, partMs: 30_000 }
const FULLEST_SHARDS = 3
/** Counts stop at this, after tens of milliseconds; a longer backlog is shown as "at least". */
const COUNT_MAX = 100_000
/** Rows of pending_index, those due first, among which the oldest is sought. */
const OLDEST_ROWS = 1_000
/** Counters compared with their columns, from a random one on: a few milliseconds. */
const SAMPLE_COUNTERS = 1_000
/** The relay sends after 30 s and runs each minute, so older events are not being persisted or indexed. */
const AGE_MAX_MS = 120_000
/** Leaves an operator time to act before writes are refused. */
const FULL_SHARE = 0.8
/** The settings that Redis must have: see docs/operations.md. */
const SETTINGS = { appendonly: "yes", appendfsync: "always", "maxmemory-policy": "volatile-ttl" }

export type QueueStatus = { queue: string; visible: number; inFlight: number; delayed: number }
export type OutboxStatus = {
  events: number
  bytes: number
  dead: number
  /** Those of them that are stored, and retained for a reader of MySQL. */
  stored: number
  oldestAt: Date | undefined
  complete: boolean
  /** Shards that take no writes. */
  unsettled: string[]
  /** The fullest non-empty shards, by the used share of their bounds. */
  fullest: { shard: string; events: number; bytes: number; share: number }[]
}
export type IndexStatus = {
  /** Rows of pending_index that are due, waiting for an attempt, or dead. */
  due: number
  waiting: number
  dead: number
  oldestAt: Date | undefined
}
export type CountStatus = {
  dirty: number
  /** `differing` of `sampled` clean counters differ from their column. */
  sampled: number
  differing: number
}
export type RedisStatus = { servers: number; usedBytes: number; maxBytes: number; settings: Record<string, string> }

export type Status = {
  at: Date
  dependencies: Readiness["dependencies"]
  queues: QueueStatus[] | null
  outbox: OutboxStatus | null
  index: IndexStatus | null
  counts: CountStatus | null
  redis: RedisStatus | null
  /** What needs the operator's attention, in words; empty if all is well. */
  problems: string[]
}

export const COUNTED_MAX = COUNT_MAX

/** Asks all stores; does not throw for one that is away. */
export async function readStatus(stores: SearchStores, bounds = OPERATOR_BOUNDS): Promise<Status> {
  const away = new Map<DependencyAway["dependency"], string>()
  const ask = async <T>(of: Dependency, question: () => Promise<T>): Promise<T | null> => {
    try {
      return await withDeadline(bounds.partMs, question(), () => new DependencyAway(of, new Error("no answer in time")))
    } catch (error) {
      if (!(error instanceof DependencyAway)) throw error
      const { cause } = error
      away.set(error.dependency, cause instanceof Error ? inOneLine(cause.message || cause.name) : "")
      return null
    }
  }
  const [{ dependencies }, queues, outbox, index, counts, redis] = await Promise.all([
    checkReadiness(stores),
    ask("sqs", () => readQueues(stores)),
    ask("redis", async () => outboxStatus(stores, await surveyOutbox(stores, bounds.surveyMs))),
    ask("mysql", () => readIndexLag(stores)),
    ask("mysql", () => readCounts(stores)),
    ask("redis", () => readRedis(stores)),
    ask("elasticsearch", () => askIndex(stores)),
  ])
  for (const name of away.keys()) if (name !== "secretsmanager") dependencies[name].state = "down"
  const status = { at: new Date(), dependencies, queues, outbox, index, counts, redis }
  return { ...status, problems: problemsOf(status, away) }
}

/** Elasticsearch's reasons have several lines. */
const inOneLine = (text: string): string => text.replaceAll(/\s+/g, " ")

async function readQueues({ sqs, queues }: SearchStores): Promise<QueueStatus[]> {
  const all = Object.values(queues)
  const sources = all.map(({ name, url }) => ({ name, url }))
  const urls = [
    ...sources,
    ...all.map(({ deadLetters, deadLettersUrl }) => ({ name: deadLetters, url: deadLettersUrl })),
  ]
  return Promise.all(urls.map(async ({ name, url }) => ({ queue: name, ...(await sqs.depth(url)) })))
}

export function outboxStatus(
  { config }: SearchStores,
  { shards, oldestRevision, complete }: OutboxSurvey,
): OutboxStatus {
  const sum = (of: (shard: OutboxSurvey["shards"][number]) => number) =>
    shards.reduce((total, shard) => total + of(shard), 0)
  const fullest = shards
    .map(({ shard, events, bytes }) => {
      const share = Math.max(events / config.OUTBOX_EVENTS_MAX, bytes / config.OUTBOX_BYTES_MAX)
      return { shard, events, bytes, share }
    })
    .filter(({ share }) => share > 0)
    .sort((a, b) => b.share - a.share)
  return {
    events: sum(({ events }) => events),
    bytes: sum(({ bytes }) => bytes),
    dead: sum(({ dead }) => dead),
    stored: sum(({ stored, events }) => Math.min(stored, events)),
    oldestAt: oldestRevision === undefined ? undefined : revisionTime(oldestRevision),
    complete,
    unsettled: shards.filter(({ settled }) => !settled).map(({ shard }) => shard),
    fullest: fullest.slice(0, FULLEST_SHARDS),
  }
}

/** Returns what waits to be indexed. Throws DependencyAway. */
export async function readIndexLag({ mysql }: SearchStores): Promise<IndexStatus> {
  const now = new Date()
  const rows = () => mysql.selectFrom("pending_index").select("due_at").limit(COUNT_MAX)
  const count = async (query: ReturnType<typeof rows>) => {
    const { count } = await reachMysql(() =>
      mysql
        .selectFrom(query.as("counted"))
        .select(({ fn }) => fn.countAll<number>().as("count"))
        .executeTakeFirstOrThrow(),
    )
    return Number(count)
  }
  return {
    due: await count(rows().where("due_at", "<=", now)),
    waiting: await count(rows().where("due_at", ">", now)),
    dead: await count(rows().where("due_at", "is", null)),
    oldestAt: await oldestToIndex(mysql),
  }
}

/** Returns the time of the oldest message to be indexed, among OLDEST_ROWS. */
async function oldestToIndex(mysql: Mysql): Promise<Date | undefined> {
  const first = mysql
    .selectFrom("pending_index")
    .select("revision")
    .where("due_at", "is not", null)
    .orderBy("due_at")
    .limit(OLDEST_ROWS)
  const oldest = await reachMysql(() =>
    mysql
      .selectFrom(first.as("oldest"))
      .select(({ fn }) => fn.min<number | null>("revision").as("revision"))
      .executeTakeFirst(),
  )
  return oldest?.revision ? revisionTime(oldest.revision) : undefined
}

/** Returns how many counters are not yet in the count columns, up to COUNT_MAX. Throws DependencyAway. */
export async function countDirty(mysql: Mysql): Promise<number> {
  const dirty = mysql.selectFrom("counters").select("chat").where("dirty", "=", 1).limit(COUNT_MAX)
  const { count } = await reachMysql(() =>
    mysql
      .selectFrom(dirty.as("dirty"))
      .select(({ fn }) => fn.countAll<number>().as("count"))
      .executeTakeFirstOrThrow(),
  )
  return Number(count)
}

async function readCounts({ mysql }: SearchStores): Promise<CountStatus> {
  const dirty = await countDirty(mysql)
  const random = await sampleCounters(mysql, drawToken())
  // Few counters follow the random one; the sample from the beginning may be larger.
  const sampled = random.sampled < SAMPLE_COUNTERS ? await sampleCounters(mysql, "") : random
  return { dirty, ...sampled }
}

/** Samples by one statement, so that counter and column are of one moment. */
async function sampleCounters(mysql: Mysql, from: string): Promise<{ sampled: number; differing: number }> {
  const sample = mysql
    .selectFrom("counters")
    .select(["application", "chat", "live", "dirty"])
    .where("application", ">=", from)
    .orderBy("application")
    .orderBy("chat")
    .limit(SAMPLE_COUNTERS)
  const sampled = await reachMysql(() =>
    mysql
      .selectFrom(sample.as("sample"))
      .leftJoin("applications", (join) => join.onRef("token", "=", "sample.application").on("sample.chat", "=", 0))
      .leftJoin("chats", (join) =>
        join.onRef("chats.application", "=", "sample.application").onRef("chats.number", "=", "sample.chat"),
      )
      .select(({ fn }) => [
        fn.countAll<number>().as("sampled"),
        sql<number | null>`sum(sample.live <> coalesce(chats_count, messages_count, sample.live))`.as("differing"),
      ])
      .where("sample.dirty", "=", 0)
      .executeTakeFirstOrThrow(),
  )
  return { sampled: Number(sampled.sampled), differing: Number(sampled.differing ?? 0) }
}

/** Returns what the servers have in common; of a cluster, the memory of the fullest and the first setting that is wrong. */
async function readRedis({ redis }: SearchStores): Promise<RedisStatus> {
  const servers = await redis.describe(Object.keys(SETTINGS))
  const memory = servers.map(({ info }) => ({
    usedBytes: Number(info.get("used_memory") ?? 0),
    maxBytes: Number(info.get("maxmemory") ?? 0),
  }))
  const share = ({ usedBytes, maxBytes }: { usedBytes: number; maxBytes: number }) =>
    maxBytes === 0 ? Number.POSITIVE_INFINITY : usedBytes / maxBytes
  const [fullest = { usedBytes: 0, maxBytes: 0 }] = memory.sort((one, other) => share(other) - share(one))
  const settings = Object.entries(SETTINGS).flatMap(([name, needed]): [string, string][] => {
    const values = servers.flatMap((server) => server.settings.get(name) ?? [])
    const shown = values.find((value) => value !== needed) ?? values[0]
    return shown === undefined ? [] : [[name, shown]]
  })
  return { servers: servers.length, ...fullest, settings: Object.fromEntries(settings) }
}

function problemsOf(
  { at, dependencies, queues, outbox, index, counts, redis }: Omit<Status, "problems">,
  reasons: ReadonlyMap<string, string>,
): string[] {
  const isOld = (time: Date | undefined) => time !== undefined && at.getTime() - time.getTime() > AGE_MAX_MS
  const found: [boolean, string][] = []
  for (const [name, { state }] of Object.entries(dependencies)) {
    const reason = reasons.get(name)
    found.push([state === "down", `${name} is away${reason ? ` (${reason})` : ""}`])
  }
  for (const { queue, visible, inFlight, delayed } of queues ?? []) {
    const letters = queue.endsWith("dead-letters") ? visible + inFlight + delayed : 0
    found.push([letters > 0, `${queue} is not empty (${letters}): see dead-letters list`])
  }
  if (outbox) {
    const [fullest] = outbox.fullest
    found.push(
      [outbox.unsettled.length > 0, `shards that are not settled take no writes (${outbox.unsettled.length})`],
      [outbox.dead > 0, `the outbox has dead events (${outbox.dead}): see dead-letters list`],
      [isOld(outbox.oldestAt), "events wait in the outbox for more than two minutes: they are not being persisted"],
      [(fullest?.share ?? 0) >= FULL_SHARE, `the outbox of shard ${fullest?.shard} is nearly full`],
    )
  }
  if (index) {
    found.push(
      [index.dead > 0, `there are dead documents (${index.dead}): see dead-letters list`],
      [isOld(index.oldestAt), "messages wait for more than two minutes to be indexed"],
    )
  }
  if (counts)
    found.push([counts.differing > 0, `counts differ (${counts.differing} of ${counts.sampled}): run recount`])
  if (redis) {
    for (const [name, value] of Object.entries(SETTINGS)) {
      const actual = redis.settings[name]
      found.push([actual !== undefined && actual !== value, `redis runs with ${name} ${actual} and needs ${value}`])
    }
    found.push(
      [redis.maxBytes === 0, "redis has no maxmemory: it would take all the machine has"],
      [redis.maxBytes > 0 && redis.usedBytes >= FULL_SHARE * redis.maxBytes, "redis is nearly full"],
    )
  }
  return found.flatMap(([isProblem, text]) => (isProblem ? [text] : []))
}
