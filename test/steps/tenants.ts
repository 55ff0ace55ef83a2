// Two tenants with chats and messages of equal numbers, each of which must see its own and nothing else.
import { randomBytes, randomUUID } from "node:crypto"
import { expect } from "@jest/globals"
import { syncCounts } from "../../lib/counts/sync-counts.ts"
import { idempotencyHash } from "../../lib/outbox/idempotency.ts"
import { SHARDS, shardOf } from "../../lib/outbox/keys.ts"
import { purgeDue } from "../../lib/persist/purge.ts"
import type { SearchStores } from "../../lib/stores.ts"
import { type ChatApi, expectStatus } from "./chat-api.ts"
import { applicationMessagesPath, applicationsPath, chatsPath, messagesPath } from "./paths.ts"
import { reach, type Stage } from "./world.ts"

export const EQUAL_BODY = "an equal needle"
const BUDGET_MS = 10_000

/** What a tenant has written: chats by number, with messages by number. */
type Chats = Map<number, { name: string | null; messages: Map<number, string> }>
export type Tenant = {
  /** A word in the tenant's name and in all texts that are not equal for both tenants. */
  secret: string
  token: string
  chats: Chats
  /** The Idempotency-Keys of its application, and of the first and second creation in each path below. */
  keys: { application: string; first: string; second: string }
  /** The `next_cursor` of each list's first page by path, that of searches by `<path>/search`. */
  cursors: Map<string, string>
}

/** Returns a key that gives an application a token in `shard`. */
function keyInShard(shard: string): string {
  for (;;) {
    const key = `tenant-${randomUUID()}`
    if (idempotencyHash({ key, path: applicationsPath() }).shard === shard) return key
  }
}

const nameOf = (secret: string, chat: number) => (chat === 1 ? null : `chat-${secret}`)
const bodyOf = (secret: string, message: number) => (message === 1 ? EQUAL_BODY : `needle ${message} of body-${secret}`)

/** Creates a tenant whose chats have as many messages as `sizes` says. */
async function givenTenant(api: ChatApi, shard: string, sizes: number[]): Promise<Tenant> {
  const secret = randomBytes(9).toString("hex")
  const keys = { application: keyInShard(shard), first: `first-${randomUUID()}`, second: `second-${randomUUID()}` }
  const keyOf = (number: number) => [{ key: keys.first }, { key: keys.second }][number - 1] ?? {}
  const application = await api.createApplication({ name: `name-${secret}` }, { key: keys.application })
  const { token } = expectStatus(application, 201)
  const chats: Chats = new Map()
  for (const [index, size] of sizes.entries()) {
    const chat = index + 1
    const name = nameOf(secret, chat)
    expect(expectStatus(await api.createChat(token, { name }, keyOf(chat)), 201).number).toBe(chat)
    const messages = new Map<number, string>()
    for (let message = 1; message <= size; message++) {
      const body = bodyOf(secret, message)
      const created = await api.createMessage(token, chat, { body }, keyOf(message))
      expect(expectStatus(created, 201)).toMatchObject({ number: message, body })
      messages.set(message, body)
    }
    chats.set(chat, { name, messages })
  }
  return { secret, token, chats, keys, cursors: new Map() }
}

/** Makes the tenant write in its first chat and in a new one. */
export async function writeOn(api: ChatApi, { token, secret, chats }: Tenant): Promise<void> {
  const messages = chats.get(1)?.messages as Map<number, string>
  const [message, chat] = [messages.size + 1, chats.size + 1]
  expect(expectStatus(await api.createMessage(token, 1, { body: bodyOf(secret, message) }), 201).number).toBe(message)
  messages.set(message, bodyOf(secret, message))
  expect(expectStatus(await api.createChat(token, { name: nameOf(secret, chat) }), 201).number).toBe(chat)
  chats.set(chat, { name: nameOf(secret, chat), messages: new Map() })
}

async function noteCursors(api: ChatApi, { token, chats, cursors }: Tenant, stage: Stage): Promise<void> {
  const note = async (path: string, query: string) => {
    const { next_cursor: cursor } = expectStatus(await api.call({ path, query }), 200)
    if (cursor !== null) cursors.set(path, cursor)
  }
  await note(chatsPath(token), "limit=1")
  await note(`/applications/${token}/changes`, "limit=1")
  if (stage === "stored") await note(`${applicationMessagesPath(token)}/search`, "limit=1&query=needle")
  for (const chat of chats.keys()) {
    await note(messagesPath(token, chat), "limit=1")
    if (stage === "stored") await note(`${messagesPath(token, chat)}/search`, "limit=1&query=needle")
  }
}

/** Creates two tenants; `larger` has all the numbers of `smaller`, and more. */
export async function givenTenants(api: ChatApi, stores: SearchStores, stage: Stage, inOneShard: boolean) {
  const [shard, another] = SHARDS as [string, string]
  const larger = await givenTenant(api, shard, [5, 2, 2])
  const smaller = await givenTenant(api, inOneShard ? shard : another, [3, 1])
  expect(shardOf(larger.token) === shardOf(smaller.token)).toBe(inOneShard)
  await reachWithCounts(stage, stores)
  for (const tenant of [larger, smaller]) await noteCursors(api, tenant, stage)
  return { larger, smaller }
}

/** Brings all writes to `stage`; stored ones are counted too, and purged below tombstones. */
export async function reachWithCounts(stage: Stage, stores: SearchStores): Promise<void> {
  await reach(stage, stores)
  if (stage === "pending") return
  await syncCounts(stores, BUDGET_MS)
  await purgeDue(stores, BUDGET_MS)
  await reach(stage, stores)
}

/** Checks that the tenant finds exactly what it has written, and if stored also counts and search results. */
export async function expectWhole(api: ChatApi, { token, secret, chats }: Tenant, stage: Stage): Promise<void> {
  const counted = (count: number) => (stage === "stored" ? count : expect.any(Number))
  const application = { token, name: `name-${secret}`, chats_count: counted(chats.size) }
  expect(expectStatus(await api.getApplication(token), 200)).toMatchObject(application)
  const wanted = [...chats].map(([number, { name, messages }]) => ({
    number,
    name,
    messages_count: counted(messages.size),
  }))
  const { data } = expectStatus(await api.listChats(token, { limit: 100 }), 200)
  expect(data).toMatchObject(wanted)
  for (const [number, { messages }] of chats) {
    expect(expectStatus(await api.getChat(token, number), 200)).toEqual(data[number - 1])
    await expectMessages(api, token, number, messages, stage)
  }
  if (stage === "pending") return
  const bodies = [...chats].flatMap(([chat_number, { messages }]) =>
    [...messages].map(([number, body]) => ({ chat_number, number, body })),
  )
  const found = expectStatus(await api.searchApplication(token, { query: "needle", limit: 100 }), 200)
  expect(found.total).toBe(bodies.length)
  expect(found.data).toHaveLength(bodies.length)
  expect(found.data).toEqual(expect.arrayContaining(bodies.map((body) => expect.objectContaining(body))))
}

async function expectMessages(api: ChatApi, token: string, chat: number, messages: Map<number, string>, stage: Stage) {
  const wanted = [...messages].map(([number, body]) => ({ number, body }))
  const { data } = expectStatus(await api.listMessages(token, chat, { limit: 100 }), 200)
  expect(data).toMatchObject(wanted)
  for (const { number } of wanted)
    expect(expectStatus(await api.getMessage(token, chat, number), 200)).toEqual(data[number - 1])
  if (stage === "pending") return
  for (const query of ["needle", EQUAL_BODY]) {
    const hits = wanted.filter(({ body }) => body.includes(query)).reverse()
    const found = expectStatus(await api.searchMessages(token, chat, { query, limit: 100 }), 200)
    expect(found.data).toMatchObject(hits)
    expect(found.total).toBe(hits.length)
  }
}
