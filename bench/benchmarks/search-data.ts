// Fills the stores for the search benchmark: rows directly in MySQL, documents by the real index function.
import type { SQSRecord } from "aws-lambda"
import { consume } from "../../lib/queue/consumer.ts"
import { indexMessages } from "../../lib/search/indexing/index-records.ts"
import type { SearchStores } from "../../lib/stores.ts"

/** About 150 KB per statement. */
const ROWS_AT_A_TIME = 1_000
/** As the persist function sends them: envelopes of at most 100 keys, ten in a batch, four batches in parallel. */
const KEYS_PER_MESSAGE = 100
const MESSAGES_PER_BATCH = 10
const BATCHES_AT_A_TIME = 4
const FIRST_CREATED_AT = Date.UTC(2026, 0, 1)

export type Place = { application: string; chat: number; number: number; body: string }

/** Stores messages as if they had been persisted, in order, a second apart. */
export async function storeRows({ mysql }: SearchStores, places: Iterable<Place>, onProgress: (done: number) => void) {
  let rows: object[] = []
  let done = 0
  const flush = async () => {
    if (rows.length === 0) return
    await mysql
      .insertInto("messages")
      .values(rows as never)
      .execute()
    onProgress(done)
    rows = []
  }
  for (const { application, chat, number, body } of places) {
    const at = new Date(FIRST_CREATED_AT + 1_000 * done++)
    rows.push({ application, chat, number, body, revision: at.getTime() * 1000, created_at: at, updated_at: at })
    if (rows.length === ROWS_AT_A_TIME) await flush()
  }
  await flush()
}

/** Indexes every message by calling the index function with the queue messages that it would get. */
export async function indexAll(
  stores: SearchStores,
  keys: Iterable<Omit<Place, "body">>,
  onProgress: (done: number) => void,
) {
  const batches = batchesOf(keys)
  let done = 0
  const work = async () => {
    for (const { records, count } of batches) {
      const failed = await consume(async () => indexMessages(stores), records)
      if (failed.length > 0) throw new Error(`${failed.length} messages of the index queue failed`)
      done += count
      onProgress(done)
    }
  }
  await Promise.all(Array.from({ length: BATCHES_AT_A_TIME }, work))
}

function* batchesOf(keys: Iterable<Omit<Place, "body">>): Generator<{ records: SQSRecord[]; count: number }> {
  let records: SQSRecord[] = []
  let events: object[] = []
  let count = 0
  const close = () => {
    if (events.length > 0) records.push(recordOf(events))
    events = []
  }
  for (const { application, chat, number } of keys) {
    events.push({ revision: "1", application, chat, message: number })
    count++
    if (events.length === KEYS_PER_MESSAGE) close()
    if (records.length === MESSAGES_PER_BATCH) {
      yield { records, count }
      records = []
      count = 0
    }
  }
  close()
  if (records.length > 0) yield { records, count }
}

const recordOf = (events: object[]): SQSRecord =>
  ({
    messageId: crypto.randomUUID(),
    body: JSON.stringify(events),
    attributes: { ApproximateReceiveCount: "1" },
  }) as unknown as SQSRecord
