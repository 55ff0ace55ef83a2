import type { Change as ApiChange, Application, ChangeList, Chat, Message } from "./api-types.ts"
import type { CallOptions, Connection } from "./connection.ts"
import { sleep } from "./waiting.ts"

type About = Pick<ApiChange, "id" | "at">

/** A write, with the whole resource as its GET shows it. Types may be added: pass over what you do not know. */
export type Change =
  | (About & { type: "application.updated"; chat_number: null; number: null; data: Application })
  | (About & { type: "chat.created" | "chat.updated"; chat_number: number; number: null; data: Chat })
  | (About & { type: "chat.deleted"; chat_number: number; number: null; data: null })
  | (About & { type: "message.created" | "message.updated"; chat_number: number; number: number; data: Message })
  | (About & { type: "message.deleted"; chat_number: number; number: number; data: null })

export type ChangesOptions = CallOptions & {
  /** Where to go on: the `cursor` of an earlier run, or `latest` to begin now. From the beginning unless given. */
  cursor?: string | undefined
  /** The number of the only chat to follow. */
  chat?: number | undefined
  /** Whether to wait for what is written later; true unless given. Otherwise it ends with what there is. */
  follow?: boolean | undefined
}

/** `cursor` is where to go on when the page is done. */
export type ChangesPage = { data: Change[]; cursor: string }

/** The most that the API puts on a page. */
const PAGE_CHANGES_MAX = 100

/** The first pause when nothing comes, which doubles each time: people who chat see a message within it. */
const PAUSE_FIRST_MS = 250

/** The longest pause, in a chat where nobody writes: it costs twenty requests a minute. */
const PAUSE_MAX_MS = 3_000

/** How often a page comes at least, so that who saves cursors has one that is far from its end (14 days). */
const IDLE_PAGE_MS = 3_600_000

/** The changes of an application, in the order of writing, each once. It goes on where its `cursor` is. */
export class Changes implements AsyncIterable<Change> {
  readonly #connection: Connection
  readonly #path: string
  readonly #options: ChangesOptions
  #cursor: string | undefined

  constructor(connection: Connection, path: string, options: ChangesOptions) {
    this.#connection = connection
    this.#path = path
    this.#options = options
    this.#cursor = options.cursor
  }

  /**
   * The position after the last page that was finished. It moves when the next page is requested, so within a page it
   * still points to that page's beginning.
   * Undefined before the first page, if it began without one.
   */
  get cursor(): string | undefined {
    return this.#cursor
  }

  /**
   * Yields page after page with the cursor behind it, for those who save both in one step. The first page and one each
   * hour may be empty, since the cursor of a reader that has everything stays good for 14 days only.
   */
  async *pages(): AsyncGenerator<ChangesPage, void, undefined> {
    const { follow = true, signal } = this.#options
    let yieldedAt: number | undefined
    let pause = PAUSE_FIRST_MS
    for (;;) {
      // A wrong address or token must show at once; later, whoever follows waits until the API is back.
      const { data, next_cursor: cursor, has_more } = await this.#read(follow && yieldedAt !== undefined)
      if (data.length > 0 || yieldedAt === undefined || Date.now() - yieldedAt >= IDLE_PAGE_MS) {
        yieldedAt = Date.now()
        yield { data: data as Change[], cursor }
      }
      this.#cursor = cursor
      if (has_more) continue
      if (!follow) return
      if (data.length > 0) pause = PAUSE_FIRST_MS
      await sleep(pause, signal)
      pause = Math.min(2 * pause, PAUSE_MAX_MS)
    }
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Change, void, undefined> {
    for await (const { data } of this.pages())
      for (const change of data) {
        this.#options.signal?.throwIfAborted()
        yield change
      }
  }

  async #read(waits: boolean): Promise<ChangeList> {
    const { body } = await this.#connection.call<ChangeList>({
      method: "GET",
      path: this.#path,
      query: { limit: PAGE_CHANGES_MAX, chat: this.#options.chat, cursor: this.#cursor },
      ...(waits && { retries: Number.POSITIVE_INFINITY }),
      options: this.#options,
    })
    return body
  }
}
