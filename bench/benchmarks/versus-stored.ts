// What storing and indexing cost in this build and in another: how fast a queue is drained, and the bytes of a message.
import { sql } from "kysely"
import { connectStores } from "../../campaign/verdict/stores.ts"
import type { SearchStores } from "../../lib/stores.ts"
import type { Figure } from "../report/bench-run.ts"
import { type Build, untilAtRest } from "../stack/build.ts"
import { type Drained, drainQueue, eachOf } from "./drain.ts"

/** Merging all that the rounds before have written takes a minute or more. */
const MERGE_MAX_MS = 600_000

type Stored = Drained & { mysqlBytes: number; indexBytes: number }

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
  await elasticsearch.indices.forcemerge({ index, max_num_segments: 1 }, { requestTimeout: MERGE_MAX_MS })
  const { _all: all } = await elasticsearch.indices.stats({ index, metric: ["store", "docs"] })
  const [size, documents] = [all.primaries?.store?.size_in_bytes, all.primaries?.docs?.count]
  return { mysqlBytes: Number(rows[0]?.bytes) / Number(count), indexBytes: Number(size) / Number(documents) }
}

async function measureBuild(build: Build, builds: readonly Build[], each: number): Promise<Stored> {
  const { stores, close } = connectStores(build.env)
  try {
    const { apiUrl, api, packs } = build
    const drained = await drainQueue({ apiUrl, stores, api, packs, untilAtRest: () => untilAtRest(builds) }, each)
    await untilAtRest(builds)
    return { ...drained, ...(await bytesOf(stores)) }
  } finally {
    await close()
  }
}

/** Measures both builds, in the order of `turns`. Ratios are of this build, the first, to the commit. */
export async function measureStored(
  builds: readonly [Build, Build],
  turns: readonly (0 | 1)[],
  scale: number,
): Promise<Figure[]> {
  const runs: [Stored[], Stored[]] = [[], []]
  for (const index of turns) runs[index].push(await measureBuild(builds[index], builds, eachOf(scale)))
  const mean = (index: 0 | 1, of: keyof Stored) =>
    runs[index].reduce((sum, one) => sum + Number(one[of]), 0) / runs[index].length
  const compared = (name: string, as: "rate" | "bytes", of: keyof Stored): Figure => ({
    name,
    [as]: mean(0, of) / mean(1, of),
    here: mean(0, of),
    there: mean(1, of),
  })
  return [
    compared("drain, rows a second", "rate", "rowsPerSecond"),
    compared("drain, documents a second", "rate", "documentsPerSecond"),
    compared("bytes of a message in MySQL", "bytes", "mysqlBytes"),
    compared("bytes of a message in Elasticsearch", "bytes", "indexBytes"),
  ]
}
