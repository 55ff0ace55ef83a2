// 300 chats and 1,000 messages from 64 clients: every number once, every write visible at once and stored later.
import { randomUUID } from "node:crypto"
import { setTimeout as sleep } from "node:timers/promises"
import { expect, test } from "@jest/globals"
import type { SearchStores } from "../../lib/stores.ts"
import { type ChatApi, chatPath, expectStatus } from "../steps/chat-api.ts"
import { eventually } from "../steps/eventually.ts"
import type { Answered } from "../steps/gateway-event.ts"
import { useRunningApi } from "../steps/running-api.ts"

const CHATS = 300
const MESSAGES = 1_000
const CLIENTS = 64
/** A disk that is held up for longer than a write may wait refuses what every client has under way, once. */
const REFUSALS_MAX = CLIENTS
const PAGE = 100
/** Long enough for lost events to be relayed twice. */
const STORED_LIMIT_MS = 150_000

const { stores, api } = useRunningApi()

const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 1)
const ascending = (numbers: number[]): number[] => [...numbers].sort((a, b) => a - b)

/** Returns the two kinds of work in turns, as clients would mix them. */
function shuffled<T>(first: T[], second: T[]): T[] {
  const ratio = second.length / first.length
  const keyed = [...first.map((one, i) => [i * ratio, one] as const), ...second.map((one, i) => [i, one] as const)]
  return keyed.sort(([a], [b]) => a - b).map(([, one]) => one)
}

/** Runs the work from CLIENTS clients, each with one call at a time. */
async function fromClients(work: (() => Promise<void>)[]): Promise<void> {
  const left = work.values()
  const client = async () => {
    for (const one of left) await one()
  }
  await Promise.all(upTo(CLIENTS).map(client))
}

/** Returns how many clients create: each repeats a 503 with its Idempotency-Key, as clients are told to. */
function creations(chats: ChatApi) {
  let refusals = 0
  return async (path: string, json: Record<string, unknown>): Promise<Answered> => {
    const headers = { "idempotency-key": randomUUID() }
    for (;;) {
      const answer = await chats.call({ method: "POST", path, headers, json })
      if (answer.status !== 503 || ++refusals > REFUSALS_MAX) return answer
      await sleep(Number(answer.headers["retry-after"]) * 1_000)
    }
  }
}

type Post = ReturnType<typeof creations>

/** Creates a resource, checks that it is read and listed right after the answer, and returns its number. */
async function create(chats: ChatApi, post: Post, listPath: string, json: Record<string, unknown>): Promise<number> {
  const resource = expectStatus(await post(listPath, json), 201)
  const { number } = resource
  expect(expectStatus(await chats.call({ path: `${listPath}/${number}` }), 200)).toEqual(resource)
  const page = Math.ceil(number / PAGE)
  const { data } = expectStatus(await chats.call({ path: listPath, query: { limit: PAGE, page } }), 200)
  // There is no gap below it, so its number gives its position.
  expect(data[(number - 1) % PAGE]).toEqual(resource)
  return number
}

/** Returns the numbers that a walk by cursor sees. */
async function listed(chats: ChatApi, path: string): Promise<number[]> {
  const numbers: number[] = []
  let cursor: string | undefined
  do {
    const query = { limit: PAGE, ...(cursor && { cursor }) }
    const { data, next_cursor: next } = expectStatus(await chats.call({ path, query }), 200)
    numbers.push(...data.map(({ number }: { number: number }) => number))
    cursor = next ?? undefined
  } while (cursor)
  return numbers
}

async function expectStored({ mysql, elasticsearch, config }: SearchStores, token: string): Promise<void> {
  const chats = await mysql.selectFrom("chats").select("number").where("application", "=", token).execute()
  expect(ascending(chats.map(({ number }) => number))).toEqual(upTo(CHATS))
  const messages = await mysql
    .selectFrom("messages")
    .select(["chat", "number", "body"])
    .where("application", "=", token)
    .execute()
  expect(ascending(messages.map(({ number }) => number))).toEqual(upTo(MESSAGES))
  const index = config.ELASTICSEARCH_INDEX
  await elasticsearch.indices.refresh({ index })
  const { count } = await elasticsearch.count({ index, routing: token, query: { term: { application: token } } })
  expect(count).toBe(MESSAGES)
}

test("chats and messages: created at once: are numbered without gap, seen at once, and stored and indexed once", async () => {
  const { chats } = api()
  const token = await chats.givenApplication()
  const messagesPath = `${chatPath(token, await chats.givenChat(token))}/messages`
  const chatsPath = `/applications/${token}/chats`
  const post = creations(chats)
  const chatNumbers = [1]
  const messages = new Map<number, string>()
  const chatWork = upTo(CHATS - 1).map(
    (index) => async () => void chatNumbers.push(await create(chats, post, chatsPath, { name: `chat ${index}` })),
  )
  const messageWork = upTo(MESSAGES).map((index) => async () => {
    const body = `message no. ${index}.`
    const number = await create(chats, post, messagesPath, { body })
    expect(messages.has(number)).toBe(false)
    messages.set(number, body)
  })
  await fromClients(shuffled(chatWork, messageWork))

  expect(ascending(chatNumbers)).toEqual(upTo(CHATS))
  expect(ascending([...messages.keys()])).toEqual(upTo(MESSAGES))
  expect(await listed(chats, chatsPath)).toEqual(upTo(CHATS))
  expect(await listed(chats, messagesPath)).toEqual(upTo(MESSAGES))
  await eventually(() => expectStored(stores(), token), STORED_LIMIT_MS)
  expect(expectStatus(await chats.searchMessages(token, 1, { query: "no." }), 200).total).toBe(MESSAGES)
  for (const number of [1, MESSAGES / 2, MESSAGES]) {
    const { data } = expectStatus(
      await chats.searchMessages(token, 1, { query: ` ${messages.get(number)?.slice(8)}` }),
      200,
    )
    expect(data.map((hit: { number: number }) => hit.number)).toEqual([number])
  }
})
