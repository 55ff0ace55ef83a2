// Measures the same requests in a chat of one million messages and in one of ten million, in one database and index.

import { seededRandom, shuffled } from "../../campaign/load/random.ts"
import { awaitQuiet } from "../../campaign/verdict/settle.ts"
import { encodeCursor } from "../../lib/http/cursor.ts"
import { drawToken } from "../../lib/outbox/keys.ts"
import type { Bench, BenchRun, Bound, Figure } from "../report/bench-run.ts"
import { plotMedians } from "../report/plots.ts"
import { type Asked, ask, creationIn, percentile } from "../stack/load.ts"
import { createCorpus } from "./corpus.ts"
import { storeParents } from "./growth.ts"
import { indexAll, type Place, storeRows } from "./search-data.ts"
import { SAMPLE, SEED, settled, smallToken, teller } from "./search-fill.ts"
import { queryClasses } from "./search-queries.ts"

const [LARGE, LARGEST] = [1_000_000, 10_000_000]
const SMALL_CHATS = 10_000
const SMALL = 100
/** Small chats in each application. */
const SMALL_CHATS_EACH = 100
const CONNECTIONS = 4
const REQUESTS = 1_000
/** Of each kind but searches. */
const DISTINCT = 100
const PAGE = 20
const RATIO_MAX = 1.3
const SEARCH_P99_MAX_MS = 60
const QUIET_LIMIT_MS = 120_000

type Chat = { application: string; messages: number }

/** Yields every message in the order of creation: the chats grow side by side, the small ones one after the other. */
function* places(chats: readonly Chat[], smallChats: number): Generator<Omit<Place, "body">> {
  const most = Math.max(...chats.map(({ messages }) => messages))
  const written = chats.map(() => 0)
  for (let index = 1, small = 0; index <= most; index++) {
    for (const [which, { application, messages }] of chats.entries())
      while ((written[which] ?? 0) < Math.floor((index * messages) / most)) {
        const number = (written[which] ?? 0) + 1
        written[which] = number
        yield { application, chat: 1, number }
      }
    for (; small < Math.floor((index * smallChats) / most); small++) {
      const application = smallToken(small % SMALL_CHATS_EACH)
      const chat = 1 + Math.floor(small / SMALL_CHATS_EACH)
      for (let number = 1; number <= SMALL; number++) yield { application, chat, number }
    }
  }
}

/** Returns the queries of all classes, in one order for every chat. */
async function fill({ stack, scale, say }: BenchRun, chats: readonly Chat[]): Promise<string[]> {
  const { stores } = stack.direct
  const smallChats = Math.ceil(SMALL_CHATS * scale)
  const corpus = await createCorpus(SEED)
  const sample: string[] = []
  const total = chats.reduce((sum, { messages }) => sum + messages, smallChats * SMALL)
  function* written(): Generator<Place> {
    for (const place of places(chats, smallChats)) {
      const body = corpus.body()
      if (sample.length < SAMPLE) sample.push(body)
      yield { ...place, body }
    }
  }
  for (const chat of chats) await storeParents(stores, { ...chat, chats: 1 })
  await storeRows(stores, written(), teller(say, "stored", total))
  await indexAll(stores, places(chats, smallChats), teller(say, "indexed", total))
  await settled(stores)
  const classes = queryClasses(seededRandom(SEED), sample, corpus)
  return shuffled(
    seededRandom(SEED),
    classes.flatMap(({ queries }) => queries),
  )
}

/** Returns the requests to a chat by name. */
function requestsFor({ application, messages }: Chat, queries: readonly string[]): Record<string, Asked[]> {
  const base = `/applications/${application}`
  const path = `${base}/chats/1/messages`
  const places = Array.from({ length: DISTINCT }, (_, index) => Math.ceil(((index + 0.5) * messages) / DISTINCT))
  const from = (key: number) => encodeCursor({ path, keyedBy: "number" }, "asc", { key })
  return {
    search: queries.map((query) => ({ path: `${path}/search?query=${encodeURIComponent(query)}` })),
    "newest 20": [{ path: `${path}?limit=${PAGE}&order=desc` }],
    "list of 20, anywhere": places.map((key) => ({ path: `${path}?limit=${PAGE}&cursor=${from(key - PAGE)}` })),
    "GET message": places.map((number) => ({ path: `${path}/${number}` })),
    changes: [{ path: `${base}/changes` }],
    "POST message": [creationIn(`${base}/chats/1`)],
  }
}

/** Both chats in turn, neither always first. */
async function measure({ stack }: BenchRun, name: string, sizes: readonly [Asked[], Asked[]], round: number) {
  const found = [
    { p50: Number.NaN, p99: Number.NaN },
    { p50: Number.NaN, p99: Number.NaN },
  ] as const
  for (const index of round % 2 === 0 ? ([0, 1] as const) : ([1, 0] as const)) {
    const extent = { connections: CONNECTIONS, amount: REQUESTS }
    // The first requests read from the disk.
    if (round === 0) await ask(stack.apiUrl, sizes[index], extent)
    const { latencies, failed } = await ask(stack.apiUrl, sizes[index], extent)
    if (failed > 0) throw new Error(`${name}: ${failed} were not answered`)
    Object.assign(found[index], { p50: percentile(latencies, 50), p99: percentile(latencies, 99) })
    await awaitQuiet(stack.direct, QUIET_LIMIT_MS)
  }
  const [one, ten] = found
  const ratio = ten.p99 / one.p99
  return { name, p50: ten.p50, p50OfLarge: one.p50, p99: ten.p99, p99OfLarge: one.p99, ratio } satisfies Figure
}

export const largeChat: Bench = {
  name: "large-chat",
  about: `the same requests on ${CONNECTIONS} connections in a chat of ${LARGEST} messages and in one of ${LARGE}, beside ${SMALL_CHATS} of ${SMALL}; ratio is that of the 99th percentiles`,
  async run(run) {
    const { rounds, scale, say, keep } = run
    const [large, largest] = [LARGE, LARGEST].map(
      (messages): Chat => ({ application: drawToken(), messages: Math.ceil(messages * scale) }),
    ) as [Chat, Chat]
    const queries = await fill(run, [large, largest])
    const requests = [requestsFor(large, queries), requestsFor(largest, queries)] as const
    const figures: Figure[] = []
    for (let round = 0; round < rounds; round++) {
      for (const name of Object.keys(requests[0])) {
        const figure = await measure(run, name, [requests[0][name] ?? [], requests[1][name] ?? []], round)
        figures.push(figure)
        keep([figure])
        say(`round ${round + 1} of ${rounds}, ${name}: p99 ${figure.ratio.toFixed(2)} of that in the smaller one`)
      }
    }
    const bounds = [
      { of: "p99", name: "search", max: SEARCH_P99_MAX_MS },
      ...Object.keys(requests[0]).map((name): Bound => ({ of: "ratio", name, max: RATIO_MAX })),
    ]
    const plot = plotMedians(figures, {
      file: "large-chat",
      title: "The same requests in a chat of a million messages and in one of ten million",
      unit: "milliseconds, 99th percentile",
      series: { p99OfLarge: "1,000,000 messages", p99: "10,000,000 messages" },
    })
    return { figures, bounds, plots: [plot] }
  },
}
