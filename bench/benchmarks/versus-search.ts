// Searches in a chat of a million messages, in this build and in another, which both fill by their own queue.
import { seededRandom, shuffled } from "../../campaign/load/random.ts"
import { connectStores } from "../../campaign/verdict/stores.ts"
import type { Figure } from "../report/bench-run.ts"
import { type Build, untilAtRest } from "../stack/build.ts"
import { type Asked, ask, chatOf, createChats, percentile } from "../stack/load.ts"
import { createCorpus } from "./corpus.ts"
import { countDocuments, countRows, creationEvents, groupOf, POLL_MS, secondsUntil } from "./drain.ts"
import { LARGE, SAMPLE, SEED, teller } from "./search-fill.ts"
import { queryClasses } from "./search-queries.ts"

const SENT_TOGETHER = 1_000
/** What waits is in ElasticMQ's memory, which holds some hundred thousand events. */
const WAITING_MAX = 50_000
const CLIENTS = 4
/** So many that no filter is asked for again soon enough to be cached. */
const SEARCHES = 2_000
/** Elasticsearch compiles its code meanwhile. */
const WARM_UP_SEARCHES = 8_000

/** Has a build store and index a chat of a million messages. Returns searches in it, each for another text. */
async function fillChat(builds: readonly Build[], build: Build, scale: number, say: (line: string) => void) {
  const messages = Math.ceil(LARGE * scale)
  const { stores, close } = connectStores(build.env)
  try {
    const [path = ""] = await createChats(build.apiUrl, 1)
    const { application } = chatOf(path)
    const corpus = await createCorpus(SEED)
    const sample: string[] = []
    const stored = () => countRows(stores, [application])
    const tell = teller(say, `sent to ${build.name}`, messages)
    const createdAt = Date.now()
    for (let first = 1; first <= messages; first += SENT_TOGETHER) {
      const bodies = Array.from({ length: Math.min(SENT_TOGETHER, messages - first + 1) }, corpus.body)
      if (sample.length < SAMPLE) sample.push(...bodies)
      const events = creationEvents(application, first, bodies, createdAt)
      await stores.queues.persist.send(events, { group: groupOf(build.packs, application) })
      await secondsUntil(stored, first - WAITING_MAX, POLL_MS.rows)
      tell(first)
    }
    await secondsUntil(stored, messages, POLL_MS.rows)
    await untilAtRest(builds)
    const found = await countDocuments(stores, [application])
    if (found !== messages) throw new Error(`${build.name} has ${found} documents of ${messages}`)
    const queries = queryClasses(seededRandom(SEED), sample, corpus).flatMap((one) => one.queries)
    const searches = shuffled(seededRandom(SEED), queries).map(
      (query): Asked => ({ path: `${path}/messages/search?query=${encodeURIComponent(query)}` }),
    )
    await ask(build.apiUrl, searches, { connections: CLIENTS, amount: Math.ceil(WARM_UP_SEARCHES * scale) })
    return searches
  } finally {
    await close()
  }
}

export type Searches = readonly [Asked[], Asked[]]

/** Fills a chat of each build, with the same bodies. */
export async function fillChats(
  builds: readonly [Build, Build],
  scale: number,
  say: (line: string) => void,
): Promise<Searches> {
  const [ours, theirs] = builds
  return [await fillChat(builds, ours, scale, say), await fillChat(builds, theirs, scale, say)]
}

/** Measures the searches of both builds, in the order of `turns`. Ratios are of this build, the first, to the commit. */
export async function measureSearch(
  builds: readonly [Build, Build],
  searches: Searches,
  turns: readonly (0 | 1)[],
  scale: number,
): Promise<Figure[]> {
  const latencies: [number[], number[]] = [[], []]
  for (const index of turns) {
    builds[index].throwIfStopped()
    const extent = { connections: CLIENTS, amount: Math.ceil(SEARCHES * scale) }
    const answered = await ask(builds[index].apiUrl, searches[index], extent)
    if (answered.failed > 0) throw new Error(`${answered.failed} searches were not answered`)
    latencies[index].push(...answered.latencies)
  }
  const [ours, theirs] = latencies.map((values) => values.toSorted((a, b) => a - b)) as [number[], number[]]
  return [50, 99].map((p) => {
    const [milliseconds, millisecondsThere] = [percentile(ours, p), percentile(theirs, p)]
    const name = `GET search in a million messages, p${p}`
    return { name, time: milliseconds / millisecondsThere, milliseconds, millisecondsThere }
  })
}
