// Readers that follow an application's changes, page by page, and keep what they receive.
import { readChanges } from "../../lib/changes/read-changes.ts"
import type { Change, ChangesPage, ChangesRequest } from "../../lib/contract.ts"
import type { SearchStores } from "../../lib/stores.ts"
import { type ChatApi, expectStatus } from "./chat-api.ts"

/** More pages than any test needs; a reader that gets no further stops there. */
const PAGES_MAX = 500

export type Followed = { changes: Change[]; next: ChangesPage["next"] }

/** Reads from a position until nothing more is there. */
export async function follow(
  stores: SearchStores,
  token: string,
  request: Partial<ChangesRequest> = {},
): Promise<Followed> {
  const changes: Change[] = []
  let from = request.from ?? "beginning"
  for (let pages = 0; pages < PAGES_MAX; pages++) {
    const { data, next, hasMore } = await readChanges(stores, token, { chat: 0, limit: 50, ...request, from })
    changes.push(...data)
    from = next
    if (!hasMore) return { changes, next }
  }
  throw new Error("the changes have no end")
}

/** Returns stores in which `act` happens once between the two halves of a page: after the outbox, before MySQL. */
export function interrupted(stores: SearchStores, act: () => Promise<unknown>): SearchStores {
  let isOver = false
  const { outbox } = stores
  return {
    ...stores,
    outbox: {
      ...outbox,
      async readChanges(...asked) {
        const reply = await outbox.readChanges(...asked)
        if (reply.status !== "read" || isOver) return reply
        isOver = true
        await act()
        return reply
      },
    },
  }
}

/** Reads all pages over HTTP from a cursor. Returns the changes and the last cursor. */
export async function followApi(api: ChatApi, token: string, query: Record<string, string | number> = {}) {
  const changes: Change[] = []
  let asked = query
  for (let pages = 0; pages < PAGES_MAX; pages++) {
    const { data, next_cursor: cursor, has_more: more } = expectStatus(await api.listChanges(token, asked), 200)
    changes.push(...data)
    asked = { ...query, cursor }
    if (!more) return { changes, cursor: cursor as string }
  }
  throw new Error("the changes have no end")
}

/** Returns a change in short: `message.created 1/3`. */
export const short = ({ type, chat_number: chat, number }: Change): string =>
  [type, [chat, number].filter((one) => one !== null).join("/")].filter(Boolean).join(" ")

/** Returns what a reader has after these changes, by key: a deleted chat takes its messages with it. */
export function replicaOf(changes: Change[], before: ReadonlyMap<string, object> = new Map()): Map<string, object> {
  const replica = new Map(before)
  for (const { chat_number: chat, number, data } of changes) {
    const key = number === null ? `${chat ?? ""}` : `${chat}/${number}`
    if (data !== null) replica.set(key, data)
    else for (const one of replica.keys()) if (one === key || one.startsWith(`${key}/`)) replica.delete(one)
  }
  return replica
}
