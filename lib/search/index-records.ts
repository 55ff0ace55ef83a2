/**
 * DESIGN. The index queue's consumer: keys → the rows as they are now → one bulk request → pending_index.
 *
 * A document is built from its row, with the row's revision as its external version; where the row is gone the document
 * is deleted with the revision of the event. So events may come in any order and any number. An entry of pending_index
 * is removed once its revision, or a newer one, is in the index; while Elasticsearch is away the queue's messages are
 * done with, since the relay sends the entries again.
 */
import type { SQSRecord } from "aws-lambda"
import { z } from "zod"
import { reachMysql } from "../clients/mysql.ts"
import { DependencyAway } from "../errors.ts"
import { IndexEvent, keyText } from "../events.ts"
import { describeError, hashToken, log } from "../log.ts"
import { keyRanges } from "../persist/key-ranges.ts"
import { RECEIVES_MAX, receiveCount } from "../queue/consumer.ts"
import type { Stores } from "../stores.ts"
import { type IndexOperation, indexDocuments } from "./index-documents.ts"
import { isSearchAway } from "./search-errors.ts"

/** Within a consumer's ten seconds, so that its answer still counts. */
const BULK_TIMEOUT_MS = 5_000

/** Indexes the messages that `records` name. Answers the ids of the queue messages that must come again. */
export async function indexRecords(stores: Stores, records: SQSRecord[]): Promise<string[]> {
  const failed: string[] = []
  const events = new Map<string, IndexEvent>()
  for (const record of records) {
    const parsed = parse(record.body)
    if (!parsed) {
      if (!(await rejectUnreadable(stores, record))) failed.push(record.messageId)
      continue
    }
    for (const event of parsed) {
      const other = events.get(keyText(event))
      if (!other || Number(event.revision) > Number(other.revision)) events.set(keyText(event), event)
    }
  }
  if (events.size === 0) return failed
  try {
    await indexAll(stores, [...events.values()])
  } catch (error) {
    if (!(error instanceof DependencyAway) && !isSearchAway(error)) throw error
    // Nothing is lost: every one of the events stands in pending_index.
    log.warn("indexing postponed", { events: events.size, error: describeError(error) })
  }
  return failed
}

function parse(body: string): IndexEvent[] | undefined {
  try {
    return z.array(IndexEvent).parse(JSON.parse(body))
  } catch {
    return undefined
  }
}

async function indexAll(stores: Stores, events: IndexEvent[]): Promise<void> {
  const { mysql, elasticsearch, config } = stores
  const rows = await reachMysql(() =>
    mysql.selectFrom("messages").selectAll().where(keyRanges(events, "number")).execute(),
  )
  const byKey = new Map(rows.map((row) => [`${row.application}/${row.chat}/${row.number}`, row]))
  const operations = events.map((event): IndexOperation => {
    const row = byKey.get(keyText(event))
    const key = { application: event.application, chat: event.chat, number: event.message }
    if (!row) return { kind: "delete", ...key, revision: event.revision }
    return {
      kind: "index",
      ...key,
      revision: String(row.revision),
      body: row.body,
      createdAt: row.created_at.toISOString(),
      updatedAt: row.updated_at.toISOString(),
    }
  })
  const { done, failed } = await indexDocuments(elasticsearch, config.ELASTICSEARCH_INDEX, operations, {
    timeoutMs: BULK_TIMEOUT_MS,
  })
  const indexed = [...done].flatMap((index) => {
    const [event, operation] = [events[index], operations[index]]
    return event && operation ? [{ ...event, revision: String(operation.revision) }] : []
  })
  await reachMysql(() => removePending(stores, indexed))
  const refused = failed.filter(({ retryable }) => !retryable)
  for (const { index, status, reason } of refused) {
    const event = events[index]
    // Elasticsearch's own words after the type of the error may quote the document.
    if (event) await bury(stores, event, `${status} ${reason.split(":")[0]}`)
  }
}

/** Removes what has been done: entries of these keys whose revision is not newer. */
async function removePending({ mysql }: Stores, events: IndexEvent[]): Promise<void> {
  if (events.length === 0) return
  const entries = await mysql
    .selectFrom("pending_index")
    .select(["application", "chat", "message", "revision"])
    .where(keyRanges(events, "message"))
    .execute()
  const done = new Map(events.map((event) => [keyText(event), Number(event.revision)]))
  const removable = entries.filter((entry) => entry.revision <= (done.get(keyText(entry)) ?? 0))
  if (removable.length === 0) return
  // With the revision that was read: an entry raised since then stays.
  await mysql
    .deleteFrom("pending_index")
    .where((eb) =>
      eb.or(
        removable.map(({ application, chat, message, revision }) => eb.and({ application, chat, message, revision })),
      ),
    )
    .execute()
}

/** A document that Elasticsearch refuses for what it is: dead, with its reason, and not sent again. */
async function bury({ mysql, indexDeadLetters }: Stores, event: IndexEvent, reason: string): Promise<void> {
  log.error("document is dead", { application: hashToken(event.application), reason })
  await indexDeadLetters.send(event.application, [JSON.stringify(event)], { reason })
  await reachMysql(() =>
    mysql
      .updateTable("pending_index")
      .set({ due_at: null })
      .where(keyRanges([event], "message"))
      .where("revision", "<=", Number(event.revision))
      .execute(),
  )
}

/** A message that is no list of keys comes again until its last receive, then is dead. Answers whether it is done with. */
async function rejectUnreadable({ indexDeadLetters }: Stores, record: SQSRecord): Promise<boolean> {
  if (receiveCount(record) < RECEIVES_MAX) return false
  log.error("message is unreadable", { message_id: record.messageId })
  try {
    await indexDeadLetters.send("unreadable", [JSON.stringify(record.body)], { reason: "not a list of keys" })
    return true
  } catch {
    return false
  }
}
