import { sql } from "kysely"
import { byPrimaryKey } from "../../clients/key-ranges.ts"
import { type Mysql, reachMysql } from "../../clients/mysql.ts"
import { walk } from "../../clients/walk.ts"
import type { SearchStores } from "../../stores.ts"
import type { MessageRow } from "../indexing/index-mapping.ts"

/** 500 of the largest bodies are 20 MB; 500 usual ones take some milliseconds. */
const PAGE_ROWS = 500

/** Reads all messages, or one application's, in pages (clients/walk.ts). */
export function walkMessages(
  mysql: Mysql,
  { application, signal }: { application?: string | undefined; signal?: AbortSignal | undefined },
): AsyncGenerator<MessageRow[]> {
  const all = mysql.selectFrom(byPrimaryKey("messages")).selectAll()
  const asked = application === undefined ? all : all.where("application", "=", application)
  return walk(asked, { by: ["application", "chat", "number"], pageRows: PAGE_ROWS, signal })
}

/** Estimates messages for a progress bar: the greater of table and index statistics, which may be stale or missing. */
export async function estimateMessages({ mysql, elasticsearch, config }: SearchStores): Promise<number> {
  const { rows } = await reachMysql(() =>
    sql<{ estimate: number | null }>`select table_rows as estimate from information_schema.tables
      where table_schema = database() and table_name = 'messages'`.execute(mysql),
  )
  const documents = await elasticsearch.count({ index: config.ELASTICSEARCH_INDEX }).catch(() => ({ count: 0 }))
  return Math.max(Number(rows[0]?.estimate ?? 0), documents.count)
}
