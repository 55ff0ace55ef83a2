import type { CallOptions } from "./connection.ts"

/** The most that the API puts on a page. */
const PAGE_ITEMS_MAX = 100

export type ListOptions = CallOptions & {
  /** How many items to yield at most; all unless given. It is not the size of a page, which the client chooses. */
  limit?: number | undefined
  order?: "asc" | "desc" | undefined
}

export type ListPage<T> = { data: T[]; next_cursor: string | null }

/** The items of a list or search, page after page as they are asked for. Each iteration begins anew. */
export class List<T, Page extends ListPage<T> = ListPage<T>> implements AsyncIterable<T> {
  readonly #read: (cursor: string | undefined, limit: number) => Promise<Page>
  readonly #options: ListOptions

  constructor(read: (cursor: string | undefined, limit: number) => Promise<Page>, options: ListOptions) {
    this.#read = read
    this.#options = options
  }

  /** Yields page after page as the API shows it, of a search with its `total`. */
  async *pages(): AsyncGenerator<Page, void, undefined> {
    let cursor: string | undefined
    for (let left = this.#options.limit ?? Number.POSITIVE_INFINITY; left > 0; ) {
      const page = await this.#read(cursor, Math.min(left, PAGE_ITEMS_MAX))
      yield page
      if (page.next_cursor === null) return
      left -= page.data.length
      cursor = page.next_cursor
    }
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, undefined> {
    for await (const { data } of this.pages())
      for (const item of data) {
        this.#options.signal?.throwIfAborted()
        yield item
      }
  }
}
