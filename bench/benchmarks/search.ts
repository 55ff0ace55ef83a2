// Measures searches in a chat of a million messages beside ten thousand small ones, and compares them with a plain
// alternative (search-alternative.ts).
import { seededRandom, shuffled } from "../../campaign/load/random.ts"
import { drawBars } from "../report/bars.ts"
import type { Bench, Bound, Figure } from "../report/bench-run.ts"
import { ask, type Chat, percentile } from "../stack/load.ts"
import { compare, fillAlternative } from "./search-alternative.ts"
import { fill, LARGE, SEED, SMALL, SMALL_CHATS } from "./search-fill.ts"

const CLIENTS = 4
const REQUESTS_PER_CLASS = 300
const MIXED_REQUESTS = 2_000

/** Sends the queries to the API, in turn, from several clients. */
async function searchApi(apiUrl: string, chats: Chat[], queries: string[], amount: number) {
  const asked = queries.map((query, index) => ({
    path: `${chats[index % chats.length]?.path}/messages/search?query=${encodeURIComponent(query)}`,
  }))
  const { latencies, failed, perSecond } = await ask(apiUrl, asked, { connections: CLIENTS, amount })
  if (failed > 0) throw new Error(`${failed} searches were not answered`)
  return { p50: percentile(latencies, 50), p99: percentile(latencies, 99), perSecond }
}

const BOUNDS: Bound[] = [
  { of: "p50", name: "mixed, large chat", max: 15 },
  { of: "p99", name: "mixed, large chat", max: 60 },
  { of: "p50", name: "1 character, common, large chat", to: "1 character, common, small chats", max: 3 },
  { of: "times", name: "wildcard / ours, median class", min: 50 },
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
    const notes = ["How soon after its creation a message is found: [lag](lag.md)."]
    return { figures, bounds: BOUNDS, notes, plots: [plotOf(compared, data.messages)] }
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
