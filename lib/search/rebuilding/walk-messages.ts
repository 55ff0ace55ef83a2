import { sql } from "kysely"
import { type Mysql, reachMysql } from "../../clients/mysql.ts"
import { walk } from "../../clients/walk.ts"
import type { SearchStores } from "../../stores.ts"
import type { MessageRow } from "../indexing/index-mapping.ts"

/** 500 of the largest bodies are 20 MB, 500 usual ones a read of some milliseconds. */
const PAGE_ROWS = 500

/** Reads all messages, or those of one application, in pages (clients/walk.ts). */
export function walkMessages(
  mysql: Mysql,
  { application, signal }: { application?: string | undefined; signal?: AbortSignal | undefined },
): AsyncGenerator<MessageRow[]> {
  const all = mysql.selectFrom("messages").selectAll()
  const asked = application === undefined ? all : all.where("application", "=", application)
  return walk(asked, { by: ["application", "chat", "number"], pageRows: PAGE_ROWS, signal })
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
