// What storing and indexing cost in this build and in another: how fast a queue is drained, and the bytes of a message.
import { setTimeout as sleep } from "node:timers/promises"
import { sql } from "kysely"
import { connectStores } from "../../campaign/verdict/stores.ts"
import type { SearchStores } from "../../lib/stores.ts"
import type { Figure } from "../report/bench-run.ts"
import { BUILD_SERVERS, type Build, type BuildServer, untilAtRest } from "../stack/build.ts"
import { type Drained, drainQueue, eachOf } from "./drain.ts"

/** Merging a million documents takes a minute; the client itself would wait for an answer for five at most. */
const MERGE_MAX_MS = 900_000
const MERGE_POLL_MS = 1_000
/** Elasticsearch counts bytes anew after ten seconds. */
const STATS_MS = 11_000
/** By then Elasticsearch has noted what no replica needs any more, so that a merge drops what it kept for one. */
const SETTLE_MS = 45_000

/** Returns the bytes of table and index that each of all messages takes, once merged. */
async function bytesOf({ mysql, elasticsearch, config }: SearchStores) {
  await sql`analyze table messages`.execute(mysql)
  const { rows } = await sql<{ bytes: string }>`
    select data_length + index_length as bytes from information_schema.tables
    where table_schema = database() and table_name = 'messages'
  `.execute(mysql)
  const { count } = await mysql
    .selectFrom("messages")
    .select(({ fn }) => fn.countAll<number>().as("count"))
    .executeTakeFirstOrThrow()
  const index = config.ELASTICSEARCH_INDEX
  await elasticsearch.indices.flush({ index, force: true })
  await sleep(SETTLE_MS)
  await elasticsearch.indices.forcemerge({ index, max_num_segments: 1, wait_for_completion: false })
  for (const limit = performance.now() + MERGE_MAX_MS; ; await sleep(MERGE_POLL_MS)) {
    const { _all: all } = await elasticsearch.indices.stats({ index, metric: ["merge", "segments"] })
    if (all.primaries?.segments?.count === 1 && all.primaries.merges?.current === 0) break
    if (performance.now() > limit) throw new Error("the index is not merged")
  }
  await sleep(STATS_MS)
  const { _all: all } = await elasticsearch.indices.stats({ index, metric: ["store", "docs"] })
  const [size, documents] = [all.primaries?.store?.size_in_bytes, all.primaries?.docs?.count]
  return { mysqlBytes: Number(rows[0]?.bytes) / Number(count), indexBytes: Number(size) / Number(documents) }
}

async function withStores<T>(build: Build, use: (stores: SearchStores) => Promise<T>): Promise<T> {
  const { stores, close } = connectStores(build.env)
  try {
    return await use(stores)
  } finally {
    await close()
  }
}

/** `microseconds`: of processor time that an event costs each server, from its way into the queue until all is at rest. */
type Drain = Drained & { microseconds: Record<BuildServer, number> }

const drainBuild = (build: Build, builds: readonly Build[], each: number) =>
  withStores(build, async (stores): Promise<Drain> => {
    const { apiUrl, api, packs } = build
    const used = () => BUILD_SERVERS.map((server) => build.processorMs(server))
    const before = used()
    const drained = await drainQueue({ apiUrl, stores, api, packs, untilAtRest: () => untilAtRest(builds) }, each)
    await untilAtRest(builds)
    const costs = used().map((ms, index) => ((ms - (before[index] ?? 0)) * 1000) / drained.total)
    const microseconds = Object.fromEntries(BUILD_SERVERS.map((server, index) => [server, costs[index] ?? Number.NaN]))
    return { ...drained, microseconds: microseconds as Drain["microseconds"] }
  })

const figure = (name: string, as: "rate" | "bytes" | "processor", here: number, there: number): Figure => ({
  ...{ name, [as]: here / there, here, there },
})

/** Measures both builds, in the order of `turns`. Ratios are of this build, the first, to the commit. */
export async function measureDrain(
  builds: readonly [Build, Build],
  turns: readonly (0 | 1)[],
  scale: number,
): Promise<Figure[]> {
  const runs: [Drain[], Drain[]] = [[], []]
  for (const index of turns) runs[index].push(await drainBuild(builds[index], builds, eachOf(scale)))
  const mean = (index: 0 | 1, of: (drain: Drain) => number) =>
    runs[index].reduce((sum, one) => sum + of(one), 0) / runs[index].length
  const compared = (name: string, as: "rate" | "processor", of: (drain: Drain) => number) =>
    figure(name, as, mean(0, of), mean(1, of))
  return [
    compared("drain, rows a second", "rate", (one) => one.rowsPerSecond),
    compared("drain, documents a second", "rate", (one) => one.documentsPerSecond),
    ...BUILD_SERVERS.map((server) =>
      compared(`drain, µs of ${server} for each event`, "processor", (one) => one.microseconds[server]),
    ),
  ]
}

/** Measures what the messages of both builds take on the disk. */
export async function measureBytes([ours, theirs]: readonly [Build, Build]): Promise<Figure[]> {
  const [here, there] = [await withStores(ours, bytesOf), await withStores(theirs, bytesOf)]
  return [
    figure("bytes of a message in MySQL", "bytes", here.mysqlBytes, there.mysqlBytes),
    figure("bytes of a message in Elasticsearch", "bytes", here.indexBytes, there.indexBytes),
  ]
}
