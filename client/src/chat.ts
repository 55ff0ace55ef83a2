import type {
  Chat,
  ChatChanges,
  ChatInput,
  Message,
  MessageBatch,
  MessageChanges,
  MessageInput,
  MessageList,
  MessageReplacement,
  SearchHit,
  SearchResults,
} from "./api-types.ts"
import { cutBatches } from "./batches.ts"
import type { CallOptions, Connection } from "./connection.ts"
import { withEtag } from "./etags.ts"
import { List, type ListOptions } from "./lists.ts"
import { numberPart } from "./paths.ts"
import { type ChangeOptions, changed, found, removed } from "./resources.ts"
import { type SearchOptions, searched } from "./searches.ts"

export type MessagesOptions = ListOptions & {
  /** Only messages with greater numbers. */
  after?: number | undefined
  /** Only messages with smaller numbers. */
  before?: number | undefined
}

const asMessage = (message: string | MessageInput): MessageInput =>
  typeof message === "string" ? { body: message } : message

/** A chat of an application. It holds no state but what it was created with, and makes no request by itself. */
export class ChatHandle {
  readonly #connection: Connection
  readonly #path: string
  readonly number: number
  /** The chat as it was created; undefined for a handle that was made from a number. */
  readonly data: Chat | undefined

  constructor(connection: Connection, applicationPath: string, number: number, data?: Chat) {
    this.#connection = connection
    this.#path = `${applicationPath}/chats/${numberPart(number)}`
    this.number = number
    this.data = data
  }

  get(options?: CallOptions): Promise<Chat> {
    return found(this.#connection, this.#path, options)
  }

  /** Changes what is given, and keeps the rest. */
  update(changes: ChatChanges, options?: ChangeOptions): Promise<Chat> {
    return changed(this.#connection, "PATCH", this.#path, changes, options)
  }

  /** Gives the whole: what is left out gets its default. */
  replace(chat: ChatInput, options?: ChangeOptions): Promise<Chat> {
    return changed(this.#connection, "PUT", this.#path, chat, options)
  }

  /** Deletes the chat with its messages. Its number is never given again. */
  delete(options?: ChangeOptions): Promise<void> {
    return removed(this.#connection, this.#path, options)
  }

  /** Creates a message and returns its number. */
  async send(message: string | MessageInput, options?: CallOptions): Promise<number> {
    const path = `${this.#path}/messages`
    const json = asMessage(message)
    const { body } = await this.#connection.call<Message>({ method: "POST", path, json, creates: true, options })
    return body.number
  }

  /**
   * Creates messages and returns their numbers, in the same order. They are sent in batches of at most 100 messages and
   * 1 MiB, one after the other, each all or none. If one fails, those before it are there: the same call again, with
   * the same `idempotencyKey`, goes on and returns the numbers of all.
   */
  async sendBatch(messages: Iterable<string | MessageInput>, options: CallOptions = {}): Promise<number[]> {
    const { idempotencyKey: key } = options
    const numbers: number[] = []
    let index = 0
    for (const { text } of cutBatches(Array.from(messages, asMessage))) {
      const idempotencyKey = key === undefined || index === 0 ? key : `${key}.${index}`
      const { body } = await this.#connection.call<MessageBatch>({
        method: "POST",
        path: `${this.#path}/messages/batch`,
        text,
        creates: true,
        options: { ...options, idempotencyKey },
      })
      numbers.push(...body.data.map(({ number }) => number))
      index++
    }
    return numbers
  }

  /** The messages in the order of their numbers, or in the opposite one. */
  messages(options: MessagesOptions = {}): List<Message, MessageList> {
    const { order, after, before } = options
    const path = `${this.#path}/messages`
    return new List<Message, MessageList>(async (cursor, limit) => {
      // The cursor keeps the bounds, and the API takes them only without it.
      const query = { limit, order, ...(cursor === undefined ? { after, before } : { cursor }) }
      return (await this.#connection.call<MessageList>({ method: "GET", path, query, options })).body
    }, options)
  }

  /**
   * The messages whose body contains `query`, newest first. Without a query, those of `sender`. A message can be found
   * some seconds after it was written.
   */
  search(query: string | undefined, options: SearchOptions = {}): List<SearchHit, SearchResults> {
    return searched<SearchHit, SearchResults>(this.#connection, this.#path, query, options)
  }

  getMessage(number: number, options?: CallOptions): Promise<Message> {
    return found(this.#connection, this.#messagePath(number), options)
  }

  /** Changes what is given, and keeps the rest. */
  updateMessage(number: number, changes: MessageChanges, options?: ChangeOptions): Promise<Message> {
    return changed(this.#connection, "PATCH", this.#messagePath(number), changes, options)
  }

  /** Gives the whole: what is left out gets its default. */
  replaceMessage(number: number, message: MessageReplacement, options?: ChangeOptions): Promise<Message> {
    return changed(this.#connection, "PUT", this.#messagePath(number), message, options)
  }

  /** Deletes the message. Its number is never given again. */
  deleteMessage(number: number, options?: ChangeOptions): Promise<void> {
    return removed(this.#connection, this.#messagePath(number), options)
  }

  #messagePath(number: number): string {
    return `${this.#path}/messages/${numberPart(number)}`
  }
}

/** Creates a chat and returns its handle. */
export async function createChat(
  connection: Connection,
  applicationPath: string,
  chat: ChatInput,
  options: CallOptions | undefined,
): Promise<ChatHandle & { readonly data: Chat }> {
  const path = `${applicationPath}/chats`
  const data = withEtag(await connection.call<Chat>({ method: "POST", path, json: chat, creates: true, options }))
  return new ChatHandle(connection, applicationPath, data.number, data) as ChatHandle & { readonly data: Chat }
}
