// Makes the data of the search benchmark: one large chat and many small ones.
import { setTimeout as sleep } from "node:timers/promises"
import { seededRandom } from "../../campaign/load/random.ts"
import type { SearchStores } from "../../lib/stores.ts"
import type { BenchRun, Figure } from "../report/bench-run.ts"
import { type Chat, chatOf, createChats } from "../stack/load.ts"
import { type Corpus, createCorpus } from "./corpus.ts"
import { indexAll, type Place, storeRows } from "./search-data.ts"
import { type QueryClass, queryClasses } from "./search-queries.ts"

export const SEED = 5
export const LARGE = 1_000_000
export const SMALL_CHATS = 10_000
export const SMALL = 100
export const SAMPLE = 3_000
/** Small chats that are searched. */
const SMALL_SEARCHED = 8
const TELL_EVERY_MS = 15_000
const MERGE_WAIT_MAX_MS = 300_000

export type Data = { large: Chat; small: Chat[]; corpus: Corpus; classes: QueryClass[]; messages: number }

export const smallToken = (index: number) => `bench-small-${String(index).padStart(12, "0")}`

/** Yields every message in the order of creation. */
export function* places(
  { large, small }: Pick<Data, "large" | "small">,
  scale: number,
): Generator<Omit<Place, "body">> {
  const [largeCount, smallCount] = [
    Math.round(LARGE * scale),
    Math.max(SMALL_SEARCHED, Math.round(SMALL_CHATS * scale)),
  ]
  const each = Math.ceil(smallCount / SMALL)
  for (let index = 0, chat = 0; index < largeCount; index++) {
    yield { application: large.application, chat: large.chat, number: index + 1 }
    // The small chats come in between, one after the other.
    while (chat < smallCount && (chat + 1) * (largeCount / smallCount) <= index + 1) {
      const known = small[chat]
      const [application, number] = known
        ? [known.application, known.chat]
        : [smallToken(chat % each), 1 + Math.floor(chat / each)]
      for (let message = 1; message <= SMALL; message++) yield { application, chat: number, number: message }
      chat++
    }
  }
}

export function teller(say: (line: string) => void, what: string, total: number) {
  const started = performance.now()
  let said = started
  return (done: number) => {
    const now = performance.now()
    if (now - said < TELL_EVERY_MS) return
    said = now
    say(`${what}: ${done} of ${total}, ${Math.round((done / (now - started)) * 1000)}/s`)
  }
}

/** Waits until Elasticsearch has nothing more to merge. */
export async function settled(
  { elasticsearch, config }: SearchStores,
  index = config.ELASTICSEARCH_INDEX,
): Promise<void> {
  await elasticsearch.indices.refresh({ index })
  for (const end = performance.now() + MERGE_WAIT_MAX_MS; performance.now() < end; await sleep(1_000)) {
    const { _all: all } = await elasticsearch.indices.stats({ index, metric: "merge" })
    if ((all.primaries?.merges?.current ?? 0) === 0) return
  }
}

export async function fill({ stack, scale, say }: BenchRun, figures: Figure[]): Promise<Data> {
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
