import { sql } from "kysely"
import { type Mysql, reachMysql } from "../clients/mysql.ts"
import type { SearchStores } from "../stores.ts"
import type { MessageRow } from "./index-mapping.ts"

/** 500 of the largest bodies are 20 MB, 500 usual ones a read of some milliseconds. */
const PAGE_ROWS = 500

/**
 * All messages, or those of one application, in pages in the order of their primary key. Each page is a statement of its
 * own that reads a bounded range of the primary key: what changes behind it is not seen, and nothing waits for it.
 */
export async function* walkMessages(
  mysql: Mysql,
  { application, signal }: { application?: string | undefined; signal?: AbortSignal | undefined },
): AsyncGenerator<MessageRow[]> {
  let after: MessageRow | undefined
  for (;;) {
    signal?.throwIfAborted()
    const rows = await reachMysql(() => readPage(mysql, application, after))
    if (rows.length > 0) yield rows
    if (rows.length < PAGE_ROWS) return
    after = rows.at(-1)
  }
}

function readPage(mysql: Mysql, application: string | undefined, after: MessageRow | undefined) {
  let query = mysql.selectFrom("messages").selectAll()
  if (application !== undefined) query = query.where("application", "=", application)
  if (after !== undefined) {
    // Spelled out: neither server reads a range for a comparison of tuples.
    query = query.where((eb) =>
      eb.or([
        eb.and([
          eb("application", "=", after.application),
          eb("chat", "=", after.chat),
          eb("number", ">", after.number),
        ]),
        eb.and([eb("application", "=", after.application), eb("chat", ">", after.chat)]),
        ...(application === undefined ? [eb("application", ">", after.application)] : []),
      ]),
    )
  }
  return query.orderBy("application").orderBy("chat").orderBy("number").limit(PAGE_ROWS).execute()
}

/**
 * About how many messages there are, for a progress bar, at next to no cost: the greater of what the statistics of the
 * table and the index say, either of which may be old or missing.
 */
export async function estimateMessages({ mysql, elasticsearch, config }: SearchStores): Promise<number> {
  const { rows } = await reachMysql(() =>
    sql<{ estimate: number | null }>`select table_rows as estimate from information_schema.tables
      where table_schema = database() and table_name = 'messages'`.execute(mysql),
  )
  const documents = await elasticsearch.count({ index: config.ELASTICSEARCH_INDEX }).catch(() => ({ count: 0 }))
  return Math.max(Number(rows[0]?.estimate ?? 0), documents.count)
}
