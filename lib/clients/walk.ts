import { type RawBuilder, type SelectQueryBuilder, type SqlBool, sql } from "kysely"
import type { Database } from "../database.ts"
import { reachMysql } from "./mysql.ts"

type Key<Column extends string> = Record<Column, string | number>
type Walk<Column extends string> = { by: readonly Column[]; pageRows: number; signal?: AbortSignal | undefined }

/** Reads all rows of `query` in pages, a statement each, by the key columns `by`. Changes behind a page go unseen. */
export async function* walk<Table extends keyof Database, Row extends Key<Column>, Column extends string>(
  query: SelectQueryBuilder<Database, Table, Row>,
  { by, pageRows, signal }: Walk<Column>,
): AsyncGenerator<Row[]> {
  const page = by.reduce((ordered, column) => ordered.orderBy(sql.ref(column)), query).limit(pageRows)
  let next = page
  for (;;) {
    signal?.throwIfAborted()
    const rows = await reachMysql(() => next.execute())
    if (rows.length > 0) yield rows
    const last = rows.at(-1)
    if (last === undefined || rows.length < pageRows) return
    next = page.where(after(by, last))
  }
}

/** Matches the rows behind `key`, spelled out since neither server reads a range for a comparison of tuples. */
export function after<Column extends string>(columns: readonly Column[], key: Key<Column>): RawBuilder<SqlBool> {
  const ranges = columns.map((column, index) => {
    const equal = columns.slice(0, index).map((one) => sql`${sql.ref(one)} = ${key[one]}`)
    return sql`(${sql.join([...equal, sql`${sql.ref(column)} > ${key[column]}`], sql` and `)})`
  })
  return sql<SqlBool>`(${sql.join(ranges.reverse(), sql` or `)})`
}
