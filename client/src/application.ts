import type {
  Application,
  ApplicationChanges,
  ApplicationInput,
  ApplicationSearchHit,
  ApplicationSearchResults,
  Chat,
  ChatInput,
  ChatList,
} from "./api-types.ts"
import { Changes, type ChangesOptions } from "./changes.ts"
import { ChatHandle, createChat } from "./chat.ts"
import type { CallOptions, Connection } from "./connection.ts"
import { List, type ListOptions } from "./lists.ts"
import { applicationPath } from "./paths.ts"
import { type ChangeOptions, changed, found, removed } from "./resources.ts"
import { type SearchOptions, searched } from "./searches.ts"

/** An application. It holds no state but what it was created with, and makes no request by itself. */
export class ApplicationHandle {
  readonly #connection: Connection
  readonly #path: string
  /** The key to everything below the application: a secret of your server. */
  readonly token: string
  /** The application as it was created; undefined for a handle that was made from a token. */
  readonly data: Application | undefined

  constructor(connection: Connection, token: string, data?: Application) {
    this.#connection = connection
    this.#path = applicationPath(token)
    this.token = token
    this.data = data
  }

  get(options?: CallOptions): Promise<Application> {
    return found(this.#connection, this.#path, options)
  }

  /** Changes what is given. Needs the admin key. */
  update(changes: ApplicationChanges, options?: ChangeOptions): Promise<Application> {
    return changed(this.#connection, "PATCH", this.#path, changes, options, true)
  }

  /** Gives the whole. Needs the admin key. */
  replace(application: ApplicationInput, options?: ChangeOptions): Promise<Application> {
    return changed(this.#connection, "PUT", this.#path, application, options, true)
  }

  /** Deletes the application and all that is below it. Needs the admin key. */
  delete(options?: ChangeOptions): Promise<void> {
    return removed(this.#connection, this.#path, options, true)
  }

  /** Creates a chat and returns its handle. */
  createChat(chat: ChatInput = {}, options?: CallOptions): Promise<ChatHandle & { readonly data: Chat }> {
    return createChat(this.#connection, this.#path, chat, options)
  }

  /** Returns the handle of a chat, without a request. */
  chat(number: number): ChatHandle {
    return new ChatHandle(this.#connection, this.#path, number)
  }

  /** The chats in the order of their numbers, or in the opposite one. */
  chats(options: ListOptions = {}): List<Chat, ChatList> {
    const path = `${this.#path}/chats`
    const { order } = options
    return new List<Chat, ChatList>(async (cursor, limit) => {
      const query = { limit, order, cursor }
      return (await this.#connection.call<ChatList>({ method: "GET", path, query, options })).body
    }, options)
  }

  /** The messages of all chats whose body contains `query`, newest first. Without a query, those of `sender`. */
  search(query: string | undefined, options: SearchOptions = {}): List<ApplicationSearchHit, ApplicationSearchResults> {
    return searched<ApplicationSearchHit, ApplicationSearchResults>(this.#connection, this.#path, query, options)
  }

  /** What is written, in the order of writing: first what there is, or what came after `cursor`, then as it comes. */
  changes(options: ChangesOptions = {}): Changes {
    return new Changes(this.#connection, `${this.#path}/changes`, options)
  }
}
