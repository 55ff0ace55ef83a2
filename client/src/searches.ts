import type { SearchInput } from "./api-types.ts"
import type { Connection } from "./connection.ts"
import { List, type ListOptions, type ListPage } from "./lists.ts"

export type SearchOptions = ListOptions & {
  /** Only messages with exactly this sender. */
  sender?: string | undefined
  /** Only messages sent then or later (RFC 3339). */
  from?: string | undefined
  /** Only messages sent then or earlier (RFC 3339). */
  to?: string | undefined
}

/** Returns what a search below `path` finds. It is sent as POST: texts have no place in the logs of URLs. */
export function searched<T, Page extends ListPage<T>>(
  connection: Connection,
  path: string,
  query: string | undefined,
  options: SearchOptions,
): List<T, Page> {
  const { sender, from, to, order } = options
  const asked = { query, sender, from, to, order } satisfies Record<
    keyof Omit<SearchInput, "limit" | "cursor">,
    unknown
  >
  return new List<T, Page>(async (cursor, limit) => {
    const json = { ...asked, limit, cursor }
    return (await connection.call<Page>({ method: "POST", path: `${path}/messages/search`, json, options })).body
  }, options)
}
