import { randomUUID } from "node:crypto"
import { setTimeout as sleep } from "node:timers/promises"

/** A call without an answer, or answered 5xx or 429, is repeated each second; a POST keeps its Idempotency-Key. */
const ATTEMPTS_MAX = 20
const RETRY_MS = 1_000
const PAGE_LIMIT = 100

/** What a message is created with. */
export type Written = { body: string; sender: string; metadata: { paragraph: number } }
type Message = Written & { number: number }
type Chat = { number: number; name: string | null; messages_count: number }
type Hit = Message & { highlight: string }
type Page<T> = { data: T[]; next_cursor: string | null }
type Change = { type: string; chat_number: number; number: number; data: Message | null }

export type ChatApi = Awaited<ReturnType<typeof chatApi>>

/** Returns a function that calls the API and repeats what may succeed later. Throws what the last attempt met. */
function createCall(baseUrl: string, adminKey?: string) {
  return async <T>(method: string, path: string, body?: unknown): Promise<T> => {
    const headers: Record<string, string> = { "content-type": "application/json" }
    if (method === "POST") headers["idempotency-key"] = randomUUID()
    if (adminKey !== undefined && path === "/applications") headers["x-api-key"] = adminKey
    let reason = ""
    for (let attempt = 1; attempt <= ATTEMPTS_MAX; attempt++) {
      try {
        const init = { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) }
        const answer = await fetch(new URL(path, baseUrl), init)
        if (answer.ok) return (answer.status === 204 ? undefined : await answer.json()) as T
        reason = `${method} ${path.replace(/[A-Za-z0-9_-]{24}/, "…")} answered ${answer.status}`
        if (answer.status < 500 && answer.status !== 429) break
      } catch (error) {
        reason = error instanceof Error ? `${error.message} ${String(error.cause ?? "")}` : String(error)
      }
      await sleep(RETRY_MS)
    }
    throw new Error(reason)
  }
}

/** Creates an application, with `adminKey` where the API asks for one, and returns an HTTP client for it. */
export async function chatApi(baseUrl: string, name: string, adminKey?: string) {
  const call = createCall(baseUrl, adminKey)

  /** Returns the items of all pages of a list. */
  async function list<T>(path: string): Promise<T[]> {
    const items: T[] = []
    for (let cursor = ""; ; ) {
      const page = await call<Page<T>>(
        "GET",
        `${path}?limit=${PAGE_LIMIT}${cursor === "" ? "" : `&cursor=${encodeURIComponent(cursor)}`}`,
      )
      items.push(...page.data)
      if (page.next_cursor === null) return items
      cursor = page.next_cursor
    }
  }

  const { token } = await call<{ token: string }>("POST", "/applications", { name })
  const chats = `/applications/${token}/chats`
  const search = (chat: number, query: string, cursor = "") =>
    call<Page<Hit> & { total: number }>(
      "GET",
      `${chats}/${chat}/messages/search?limit=${PAGE_LIMIT}&query=${encodeURIComponent(query)}${cursor && `&cursor=${encodeURIComponent(cursor)}`}`,
    )

  return {
    token,
    search,
    listChats: () => list<Chat>(chats),
    listMessages: (chat: number) => list<Message>(`${chats}/${chat}/messages`),
    createChat: async (chatName: string) => (await call<Chat>("POST", chats, { name: chatName })).number,
    deleteChat: (chat: number) => call<void>("DELETE", `${chats}/${chat}`),
    createMessage: async (chat: number, message: Written) =>
      (await call<Message>("POST", `${chats}/${chat}/messages`, message)).number,
    /** Returns how many messages of the application have a sender. */
    countFrom: async (sender: string) =>
      (
        await call<{ total: number }>(
          "GET",
          `/applications/${token}/messages/search?limit=1&sender=${encodeURIComponent(sender)}`,
        )
      ).total,
    /** Returns a page of the application's changes, the first one for an empty cursor. */
    changes: (cursor: string) =>
      call<{ data: Change[]; next_cursor: string; has_more: boolean }>(
        "GET",
        `/applications/${token}/changes?limit=${PAGE_LIMIT}${cursor && `&cursor=${encodeURIComponent(cursor)}`}`,
      ),
    /** Returns whether a search for `query` finds message `number` on any page. */
    async finds(chat: number, query: string, number: number): Promise<boolean> {
      for (let cursor = ""; ; ) {
        const page = await search(chat, query, cursor)
        if (page.data.some((hit) => hit.number === number)) return true
        if (page.next_cursor === null) return false
        cursor = page.next_cursor
      }
    },
  }
}
