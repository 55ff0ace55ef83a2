// Searches in a chat of a million messages beside ten thousand small ones, and the plain alternative: a keyword field with
// `wildcard`, in the same Elasticsearch, over the same folded bodies.
import { setTimeout as sleep } from "node:timers/promises"
import autocannon, { type Result } from "autocannon"
import { fold } from "../../lib/search/fold.ts"
import { chatKey } from "../../lib/search/index-mapping.ts"
import { searchIndex } from "../../lib/search/search-messages.ts"
import type { Stores } from "../../lib/stores.ts"
import { seededRandom, shuffled } from "../campaign/random.ts"
import { drawBars } from "./bars.ts"
import type { Bench, BenchRun, Bound, Figure } from "./bench-run.ts"
import { type Corpus, createCorpus } from "./corpus.ts"
import { createChats, createSteadily, percentile } from "./load.ts"
import { indexAll, type Place, storeRows } from "./search-data.ts"
import { type QueryClass, queryClasses } from "./search-queries.ts"

const SEED = 5
const LARGE = 1_000_000
const SMALL_CHATS = 10_000
const SMALL = 100
const SAMPLE = 3_000
/** Searched of the small ones. */
const SMALL_SEARCHED = 8
const CLIENTS = 4
const REQUESTS_PER_CLASS = 300
const MIXED_REQUESTS = 2_000
/** `wildcard` takes a second or two for each. */
const ALTERNATIVE_QUERIES = 5
const ALTERNATIVE_TIMEOUT_MS = 60_000
const ALTERNATIVE_BULK = 2_000
const TELL_EVERY_MS = 15_000
const LAG_RATE = 300
const LAG_SECONDS = 40
const PROBE_EVERY_MS = 200
const PROBE_POLL_MS = 25
const MERGE_WAIT_MAX_MS = 300_000

type Chat = { path: string; application: string; chat: number }
type Data = { large: Chat; small: Chat[]; corpus: Corpus; classes: QueryClass[]; messages: number }

const chatOf = (path: string): Chat => {
  const [, , application = "", , chat] = path.split("/")
  return { path, application, chat: Number(chat) }
}

const token = (index: number) => `bench-small-${String(index).padStart(12, "0")}`

/** Every message, in the order in which it was created. */
function* places({ large, small }: Pick<Data, "large" | "small">, scale: number): Generator<Omit<Place, "body">> {
  const [largeCount, smallCount] = [
    Math.round(LARGE * scale),
    Math.max(SMALL_SEARCHED, Math.round(SMALL_CHATS * scale)),
  ]
  const each = Math.ceil(smallCount / SMALL)
  for (let index = 0, chat = 0; index < largeCount; index++) {
    yield { application: large.application, chat: large.chat, number: index + 1 }
    // The small ones come in between, one after the other.
    while (chat < smallCount && (chat + 1) * (largeCount / smallCount) <= index + 1) {
      const known = small[chat]
      const [application, number] = known
        ? [known.application, known.chat]
        : [token(chat % each), 1 + Math.floor(chat / each)]
      for (let message = 1; message <= SMALL; message++) yield { application, chat: number, number: message }
      chat++
    }
  }
}

function teller(say: (line: string) => void, what: string, total: number) {
  const started = performance.now()
  let said = started
  return (done: number) => {
    const now = performance.now()
    if (now - said < TELL_EVERY_MS) return
    said = now
    say(`${what}: ${done} of ${total}, ${Math.round((done / (now - started)) * 1000)}/s`)
  }
}

/** Waits until Elasticsearch has nothing to merge. */
async function settled({ elasticsearch, config }: Stores, index = config.ELASTICSEARCH_INDEX): Promise<void> {
  await elasticsearch.indices.refresh({ index })
  for (const end = performance.now() + MERGE_WAIT_MAX_MS; performance.now() < end; await sleep(1_000)) {
    const { _all: all } = await elasticsearch.indices.stats({ index, metric: "merge" })
    if ((all.primaries?.merges?.current ?? 0) === 0) return
  }
}

async function fill({ stack, scale, say }: BenchRun, figures: Figure[]): Promise<Data> {
  const { stores } = stack.direct
  const [large, ...small] = (await createChats(stack.apiUrl, 1 + SMALL_SEARCHED)).map(chatOf)
  if (!large) throw new Error("no chat was created")
  const searched = { large, small }
  const corpus = await createCorpus(SEED)
  const messages = [...places(searched, scale)].length
  const sample: string[] = []
  function* written(): Generator<Place> {
    for (const place of places(searched, scale)) {
      const body = corpus.body()
      if (place.application === searched.large.application && sample.length < SAMPLE) sample.push(body)
      yield { ...place, body }
    }
  }
  await storeRows(stores, written(), teller(say, "stored", messages))
  const started = performance.now()
  await indexAll(stores, places(searched, scale), teller(say, "indexed", messages))
  const seconds = (performance.now() - started) / 1000
  say(`${messages} messages indexed, ${Math.round(messages / seconds)}/s`)
  await settled(stores)
  const { _all: all } = await stores.elasticsearch.indices.stats({ index: stores.config.ELASTICSEARCH_INDEX })
  const bytes = (all.primaries?.store?.size_in_bytes ?? Number.NaN) / messages
  say(`${Math.round(bytes)} bytes of index for each message`)
  figures.push({ name: "index", documentsPerSecond: messages / seconds, bytesPerMessage: bytes })
  return { large, small, corpus, classes: queryClasses(seededRandom(SEED), sample, corpus), messages }
}

/** The same bodies in an index as most would make it. */
async function fillAlternative({ stack, scale, say }: BenchRun, { large, small, messages }: Data): Promise<string> {
  const { elasticsearch } = stack.direct.stores
  const index = "bench-alternative"
  await elasticsearch.indices.create({
    index,
    settings: { number_of_shards: 1, number_of_replicas: 0 },
    mappings: { properties: { chat_key: { type: "keyword" }, number: { type: "long" }, folded: { type: "keyword" } } },
  })
  const corpus = await createCorpus(SEED)
  const tell = teller(say, "alternative indexed", messages)
  let operations: object[] = []
  let done = 0
  const flush = async () => {
    const { errors } = await elasticsearch.bulk({ index, operations }, { requestTimeout: ALTERNATIVE_TIMEOUT_MS })
    if (errors) throw new Error("the alternative's index refused documents")
    done += operations.length / 2
    operations = []
    tell(done)
  }
  for (const { application, chat, number } of places({ large, small }, scale)) {
    operations.push({ index: {} }, { chat_key: chatKey(application, chat), number, folded: fold(corpus.body()) })
    if (operations.length >= 2 * ALTERNATIVE_BULK) await flush()
  }
  if (operations.length > 0) await flush()
  await settled(stack.direct.stores, index)
  return index
}

/** Sends these queries to the API, in turn, by four clients. */
async function searchApi(apiUrl: string, chats: Chat[], queries: string[], amount: number) {
  const latencies: number[] = []
  let next = 0
  const result = await new Promise<Result>((resolve, reject) => {
    const run = autocannon(
      {
        url: apiUrl,
        connections: CLIENTS,
        amount,
        requests: [
          {
            method: "GET",
            setupRequest: (request) => {
              const query = encodeURIComponent(queries[next % queries.length] ?? "")
              const path = `${chats[next++ % chats.length]?.path}/messages/search?query=${query}`
              return { ...request, path }
            },
          },
        ],
      },
      (error, done) => (error ? reject(error as Error) : resolve(done)),
    )
    run.on("response", (_client, _status, _bytes, responseTime) => latencies.push(responseTime))
  })
  if (result.non2xx + result.errors > 0) throw new Error(`${result.non2xx + result.errors} searches were not answered`)
  latencies.sort((a, b) => a - b)
  return { p50: percentile(latencies, 50), p99: percentile(latencies, 99), perSecond: amount / result.duration }
}

const escapeWildcard = (text: string): string => text.replace(/[\\*?]/g, "\\$&")

/** One class at Elasticsearch itself, by one client: ours and the alternative. */
async function compare(stores: Stores, { large }: Data, { name, queries }: QueryClass, alternative: string) {
  const time = async (ask: (query: string) => Promise<unknown>, asked: string[]) => {
    const latencies: number[] = []
    for (const query of asked) {
      const started = performance.now()
      await ask(query)
      latencies.push(performance.now() - started)
    }
    return percentile(
      latencies.toSorted((a, b) => a - b),
      50,
    )
  }
  const { elasticsearch, config } = stores
  const request = { application: large.application, chat: large.chat, order: "desc", limit: 20 } as const
  const ours = await time(
    (query) =>
      searchIndex(elasticsearch, config.ELASTICSEARCH_INDEX, { ...request, query, timeoutMs: ALTERNATIVE_TIMEOUT_MS }),
    queries,
  )
  const wildcard = (query: string) => ({ wildcard: { folded: { value: `*${escapeWildcard(fold(query))}*` } } })
  const theirs = await time(
    (query) =>
      elasticsearch.search(
        {
          index: alternative,
          query: {
            bool: { filter: [{ term: { chat_key: chatKey(large.application, large.chat) } }, wildcard(query)] },
          },
          sort: [{ number: { order: "desc" } }],
          size: 20,
          track_total_hits: 10_000,
        },
        { requestTimeout: ALTERNATIVE_TIMEOUT_MS },
      ),
    queries.slice(0, ALTERNATIVE_QUERIES),
  )
  return { name, ours, theirs }
}

/** From the answer of a creation to the first search that finds it, while messages come at a steady rate. */
async function measureLag({ stack, say }: BenchRun): Promise<Figure> {
  const { apiUrl } = stack
  const chats = await createChats(apiUrl, 16)
  const [probed = ""] = chats
  const loading = createSteadily({ apiUrl, chats, rate: LAG_RATE, seconds: LAG_SECONDS })
  const lags: Promise<number>[] = []
  const probe = async (word: string): Promise<number> => {
    const headers = { "content-type": "application/json" }
    await fetch(`${apiUrl}${probed}/messages`, { method: "POST", headers, body: JSON.stringify({ body: word }) })
    const accepted = performance.now()
    for (;;) {
      const answer = await fetch(`${apiUrl}${probed}/messages/search?query=${word}&limit=1`)
      if (((await answer.json()) as { total?: number }).total === 1) return performance.now() - accepted
      await sleep(PROBE_POLL_MS)
    }
  }
  const end = performance.now() + (LAG_SECONDS - 5) * 1000
  for (let count = 0; performance.now() < end; count++) {
    lags.push(probe(`probe-${count}-${crypto.randomUUID()}`))
    await sleep(PROBE_EVERY_MS)
  }
  const sorted = (await Promise.all(lags)).toSorted((a, b) => a - b)
  const { failed, perSecond } = await loading
  const [p50, p99] = [percentile(sorted, 50), percentile(sorted, 99)]
  say(`accepted → searchable at ${Math.round(perSecond)}/s: p50 ${Math.round(p50)} ms, p99 ${Math.round(p99)} ms`)
  return { name: "accepted → searchable", p50, p99, perSecond, failed }
}

const BOUNDS: Bound[] = [
  { of: "p50", name: "mixed, large chat", max: 15 },
  { of: "p99", name: "mixed, large chat", max: 60 },
  { of: "p50", name: "1 character, common, large chat", to: "1 character, common, small chats", max: 3 },
  { of: "times", name: "wildcard / ours, median class", min: 50 },
  { of: "p99", name: "accepted → searchable", max: 3_000 },
]

export const search: Bench = {
  name: "search",
  about: `a chat of ${LARGE} messages beside ${SMALL_CHATS} of ${SMALL}; ${CLIENTS} clients search it through the API, by class of query`,
  async run(run) {
    const { stack, rounds, say } = run
    const figures: Figure[] = []
    const data = await fill(run, figures)
    const { large, small, classes } = data
    const mixed = shuffled(
      seededRandom(SEED),
      classes.flatMap(({ queries }) => queries),
    )
    await searchApi(stack.apiUrl, [large], mixed, MIXED_REQUESTS)
    for (let round = 0; round < rounds; round++) {
      for (const { name, queries } of classes) {
        figures.push({
          name: `${name}, large chat`,
          ...(await searchApi(stack.apiUrl, [large], queries, REQUESTS_PER_CLASS)),
        })
        figures.push({
          name: `${name}, small chats`,
          ...(await searchApi(stack.apiUrl, small, queries, REQUESTS_PER_CLASS)),
        })
      }
      const found = await searchApi(stack.apiUrl, [large], mixed, MIXED_REQUESTS)
      say(`mixed: p50 ${found.p50.toFixed(1)} ms, p99 ${found.p99.toFixed(1)} ms, ${Math.round(found.perSecond)}/s`)
      figures.push({ name: "mixed, large chat", ...found })
      figures.push(await measureLag(run))
    }
    const alternative = await fillAlternative(run, data)
    const compared: Awaited<ReturnType<typeof compare>>[] = []
    for (let round = 0; round < rounds; round++) {
      const times: number[] = []
      for (const one of classes) {
        const { name, ours, theirs } = await compare(stack.direct.stores, data, one, alternative)
        compared.push({ name, ours, theirs })
        times.push(theirs / ours)
        figures.push({ name: `${name}, at Elasticsearch`, p50: ours, wildcard: theirs, times: theirs / ours })
      }
      figures.push({
        name: "wildcard / ours, median class",
        times: percentile(
          times.toSorted((a, b) => a - b),
          50,
        ),
      })
    }
    await stack.direct.stores.elasticsearch.indices.delete({ index: alternative })
    return { figures, bounds: BOUNDS, plots: [plotOf(compared, data.messages)] }
  },
}

function plotOf(compared: { name: string; ours: number; theirs: number }[], messages: number) {
  const groups = [...Map.groupBy(compared, ({ name }) => name)].map(([label, rows]) => {
    const median = (values: number[]) =>
      percentile(
        values.toSorted((a, b) => a - b),
        50,
      )
    return { label, values: [median(rows.map(({ ours }) => ours)), median(rows.map(({ theirs }) => theirs))] }
  })
  const title = `A search in the large chat, by class of query (${messages.toLocaleString("en")} messages in the index)`
  const svg = drawBars({
    title,
    unit: "ms, median at Elasticsearch",
    series: ["this backend", "keyword field, wildcard"],
    groups,
  })
  return { file: "search", title, svg }
}
