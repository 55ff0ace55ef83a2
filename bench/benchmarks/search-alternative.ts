// Measures the plain alternative to the n-gram index: a keyword field searched with `wildcard`, in the same
// Elasticsearch over the same folded bodies.

import { chatText } from "../../lib/events.ts"
import { type FoldedQuery, fold } from "../../lib/search/folding/fold.ts"
import { searchIndex } from "../../lib/search/querying/query-index.ts"
import type { SearchStores } from "../../lib/stores.ts"
import type { BenchRun } from "../report/bench-run.ts"
import { percentile } from "../stack/load.ts"
import { createCorpus } from "./corpus.ts"
import { type Data, places, SEED, settled, teller } from "./search-fill.ts"
import type { QueryClass } from "./search-queries.ts"

/** Few, since each takes `wildcard` a second or two. */
const ALTERNATIVE_QUERIES = 5
const ALTERNATIVE_TIMEOUT_MS = 60_000
const ALTERNATIVE_BULK = 2_000

/** Copies the bodies into an index of the usual design. */
export async function fillAlternative(
  { stack, scale, say }: BenchRun,
  { large, small, messages }: Data,
): Promise<string> {
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
    operations.push({ index: {} }, { chat_key: chatText({ application, chat }), number, folded: fold(corpus.body()) })
    if (operations.length >= 2 * ALTERNATIVE_BULK) await flush()
  }
  if (operations.length > 0) await flush()
  await settled(stack.direct.stores, index)
  return index
}

const escapeWildcard = (text: string): string => text.replace(/[\\*?]/g, "\\$&")

/** Measures one class of queries directly at Elasticsearch with one client, on the n-gram index and the alternative. */
export async function compare(
  stores: SearchStores,
  { large }: Data,
  { name, queries }: QueryClass,
  alternative: string,
) {
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
      searchIndex(elasticsearch, config.ELASTICSEARCH_INDEX, {
        ...request,
        query: fold(query) as FoldedQuery,
        timeoutMs: ALTERNATIVE_TIMEOUT_MS,
      }),
    queries,
  )
  const wildcard = (query: string) => ({ wildcard: { folded: { value: `*${escapeWildcard(fold(query))}*` } } })
  const theirs = await time(
    (query) =>
      elasticsearch.search(
        {
          index: alternative,
          query: {
            bool: { filter: [{ term: { chat_key: chatText(large) } }, wildcard(query)] },
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
