import { isIndexRed } from "./clients/elasticsearch.ts"
import { readMysql } from "./clients/mysql.ts"
import { withDeadline } from "./deadline.ts"
import { type Dependency, DependencyAway } from "./errors.ts"
import { SHARDS } from "./outbox/keys.ts"
import type { SearchStores } from "./stores.ts"

/** A dependency that has not answered by then counts as down. */
const CHECK_TIMEOUT_MS = 1_000

export type Readiness = {
  ready: boolean
  dependencies: Record<Dependency, { state: "up" | "down"; latency_ms: number }>
}

/**
 * Asks every dependency in parallel. Redis is up if it takes writes; a shard that it has no life of begins one. Else
 * nothing is changed. Never throws.
 */
export async function checkReadiness(stores: SearchStores): Promise<Readiness> {
  const { mysql, queues } = stores
  const [mysqlState, redisState, sqsState, elasticsearchState] = await Promise.all([
    check("mysql", () => readMysql(() => mysql.selectFrom("persist_locks").select("stripe").limit(1).execute())),
    check("redis", () => tryWrites(stores)),
    check("sqs", () => queues.persist.depth()),
    check("elasticsearch", () => askIndex(stores)),
  ])
  const dependencies = { mysql: mysqlState, redis: redisState, sqs: sqsState, elasticsearch: elasticsearchState }
  return { ready: Object.values(dependencies).every(({ state }) => state === "up"), dependencies }
}

/** Throws unless every shard would take a creation, at once or after a wait that it can end by itself. */
async function tryWrites({ outbox, queues }: SearchStores): Promise<void> {
  const shards = await Promise.all(SHARDS.map((shard) => outbox.tryWrite(shard)))
  const refuses = shards.find((readiness) => readiness === "full" || readiness === "stale")
  if (refuses !== undefined) throw new DependencyAway("redis", new Error(`a shard is ${refuses}`))
  if (!shards.includes("unsettled")) return
  // The first write settles the shards if the queue is empty (lib/write/settle.ts).
  const { visible, inFlight, delayed } = await queues.persist.depth()
  if (visible + inFlight + delayed > 0) throw new DependencyAway("redis", new Error("a shard is not settled"))
}

/** Throws DependencyAway, with the reason, unless Elasticsearch answers and the index takes reads and writes. */
export async function askIndex({ elasticsearch, config }: SearchStores): Promise<void> {
  let isRed: boolean
  try {
    isRed = await isIndexRed(elasticsearch, config.ELASTICSEARCH_INDEX)
  } catch (error) {
    throw new DependencyAway("elasticsearch", error)
  }
  if (isRed) throw new DependencyAway("elasticsearch", new Error("the index is red"))
}

async function check(name: Dependency, ask: () => Promise<unknown>) {
  const started = performance.now()
  const late = () => new DependencyAway(name, new Error("no answer in time"))
  let state: "up" | "down" = "up"
  try {
    await withDeadline(CHECK_TIMEOUT_MS, ask(), late)
  } catch {
    state = "down"
  }
  return { state, latency_ms: Math.round((performance.now() - started) * 10) / 10 }
}
