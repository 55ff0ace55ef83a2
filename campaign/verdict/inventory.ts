// Reads the final state from three sources: MySQL's rows, Elasticsearch's documents, the API's lists.
import { setTimeout as sleep } from "node:timers/promises"
import {
  type ApplicationMembers,
  type ChatMembers,
  type MessageMembers,
  membersOfApplicationRow,
  membersOfChatRow,
  membersOfMessageRow,
} from "../../lib/members.ts"
import type { MessageDocument } from "../../lib/search/indexing/index-mapping.ts"
import type { SearchStores } from "../../lib/stores.ts"
import type { Client } from "../load/client.ts"

const ROWS_PAGE = 2_000
const DOCUMENTS_PAGE = 2_000
const LIST_PAGE = 100
const DOCUMENTS_TIMEOUT_MS = 30_000
/** A page that is refused is requested again, since the comparison needs all of them. */
const ATTEMPTS_MAX = 10
const RETRY_MS = 500

type Times = { created_at: string; updated_at: string }
export type MessageRow = MessageMembers & Times & { chat: number; number: number; revision: number }
export type ChatRow = ChatMembers & Times & { number: number }
export type ApplicationRow = ApplicationMembers & Times & { token: string }
export type Listed = Times & {
  number?: number
  token?: string
  name?: string | null
  chats_count?: number
  messages_count?: number
}
export type ReadDocument = { id: string; version: number; source: MessageDocument }

const times = (row: { created_at: Date; updated_at: Date }) => ({
  created_at: row.created_at.toISOString(),
  updated_at: row.updated_at.toISOString(),
})

/** Returns the applications whose names begin with `prefix`. */
export async function readApplications({ mysql }: SearchStores, prefix: string): Promise<ApplicationRow[]> {
  const rows = await mysql.selectFrom("applications").selectAll().where("name", "like", `${prefix}%`).execute()
  return rows.map((row) => ({ token: row.token, ...membersOfApplicationRow(row), ...times(row) }))
}

export async function readChats({ mysql }: SearchStores, application: string): Promise<ChatRow[]> {
  const rows = await mysql.selectFrom("chats").selectAll().where("application", "=", application).execute()
  return rows.map((row) => ({ number: row.number, ...membersOfChatRow(row), ...times(row) }))
}

/** Returns all messages of an application, by chat and number. */
export async function readMessages({ mysql }: SearchStores, application: string): Promise<MessageRow[]> {
  const messages: MessageRow[] = []
  for (let last = { chat: 0, number: 0 }; ; ) {
    const { chat, number } = last
    const rows = await mysql
      .selectFrom("messages")
      .selectAll()
      .where("application", "=", application)
      .where((eb) => eb.or([eb("chat", ">", chat), eb.and([eb("chat", "=", chat), eb("number", ">", number)])]))
      .orderBy("chat")
      .orderBy("number")
      .limit(ROWS_PAGE)
      .execute()
    messages.push(
      ...rows.map((row) => {
        const { chat, number, revision } = row
        return { chat, number, revision, ...membersOfMessageRow(row), ...times(row) }
      }),
    )
    const end = rows.at(-1)
    if (!end || rows.length < ROWS_PAGE) return messages
    last = end
  }
}

/** Returns all documents of an application. */
export async function readDocuments(
  { elasticsearch, config }: SearchStores,
  application: string,
): Promise<ReadDocument[]> {
  const documents: ReadDocument[] = []
  await elasticsearch.indices.refresh({ index: config.ELASTICSEARCH_INDEX }, { requestTimeout: DOCUMENTS_TIMEOUT_MS })
  for (let after: (string | number)[] | undefined; ; ) {
    const answer = await elasticsearch.search<MessageDocument>(
      {
        index: config.ELASTICSEARCH_INDEX,
        routing: application,
        query: { term: { application } },
        sort: [{ chat_number: "asc" }, { number: "asc" }],
        size: DOCUMENTS_PAGE,
        version: true,
        track_total_hits: false,
        ...(after === undefined ? {} : { search_after: after }),
      },
      { requestTimeout: DOCUMENTS_TIMEOUT_MS },
    )
    const { hits } = answer.hits
    for (const { _id, _version, _source } of hits) {
      if (_source) documents.push({ id: _id ?? "", version: _version ?? 0, source: _source })
    }
    const end = hits.at(-1)
    if (!end || hits.length < DOCUMENTS_PAGE) return documents
    after = end.sort as (string | number)[]
  }
}

/** Returns a resource from the API; undefined for 404. Throws if no attempt succeeds. */
export async function get<T>(client: Client, path: string): Promise<T | undefined> {
  let status = 0
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
    const answer = await client.call({ method: "GET", path })
    if (answer.status === 200) return answer.body as T
    if (answer.status === 404) return undefined
    status = answer.status
    await sleep(RETRY_MS)
  }
  throw new Error(`GET ${path} answered ${status}, ${ATTEMPTS_MAX} times`)
}

/** Returns a whole list, read page by page; undefined for 404. */
export async function listAll(client: Client, path: string): Promise<Listed[] | undefined> {
  const items: Listed[] = []
  for (let cursor = ""; ; ) {
    const next = cursor === "" ? "" : `&cursor=${encodeURIComponent(cursor)}`
    const page = await get<{ data: Listed[]; next_cursor: string | null }>(client, `${path}?limit=${LIST_PAGE}${next}`)
    if (!page) return undefined
    items.push(...page.data)
    if (page.next_cursor === null) return items
    cursor = page.next_cursor
  }
}
