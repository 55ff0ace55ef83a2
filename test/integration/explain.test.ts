// Every statement of the system reads by an index: all are recorded while it works, then explained.
import { afterAll, beforeAll, expect, test } from "@jest/globals"
import { type CompiledQuery, sql } from "kysely"
import {
  createApplication,
  deleteApplication,
  getApplication,
  listApplications,
  updateApplication,
} from "../../lib/applications.ts"
import { readChanges } from "../../lib/changes/read-changes.ts"
import { readRevisions } from "../../lib/changes/select-changes.ts"
import { createChat, deleteChat, deletedChats, getChat, listChats, updateChat } from "../../lib/chats.ts"
import { connectMysql } from "../../lib/clients/mysql.ts"
import { syncCounts } from "../../lib/counts/sync-counts.ts"
import { eraseMessages } from "../../lib/erasure.ts"
import { createMessage, deleteMessage, getMessage, listMessages, updateMessage } from "../../lib/messages.ts"
import { discardLetter } from "../../lib/operate/discard.ts"
import { recount } from "../../lib/operate/recount.ts"
import { readStatus } from "../../lib/operate/status.ts"
import { verify } from "../../lib/operate/verify/verify.ts"
import { persistWrites } from "../../lib/persist/persist-records.ts"
import { consume } from "../../lib/queue/consumer.ts"
import { relay } from "../../lib/relay/relay.ts"
import { indexMessages } from "../../lib/search/indexing/index-records.ts"
import { reindex } from "../../lib/search/rebuilding/reindex.ts"
import type { SearchStores } from "../../lib/stores.ts"
import { readStoredRevision } from "../../lib/write/stored-revision.ts"
import { verifyParents } from "../../lib/write/verify-parents.ts"
import { takeRecords } from "../steps/drain.ts"
import { PREPARE_TIMEOUT_MS, useTestStores } from "../steps/stores.ts"

/** Enough rows that the optimizer prefers an index to a full scan. */
const CHATS = 300
const MESSAGES_PER_CHAT = 20
const OTHER_APPLICATIONS = 3_000
/** The work includes a rebuild of the index and a verification. */
const WORK_TIMEOUT_MS = 120_000

const stores = useTestStores()
const statements = new Map<string, CompiledQuery>()
let watched: SearchStores
let stopWatching: () => Promise<void>

beforeAll(async () => {
  const own = stores()
  await fill(own)
  const client = connectMysql(own.config.MYSQL_URL, {
    log: ({ query }) => {
      if (/^(select|update|delete)/.test(query.sql) && !query.sql.includes("information_schema"))
        statements.set(shapeOf(query.sql), query)
    },
  })
  watched = { ...own, mysql: client.db }
  stopWatching = client.close
}, PREPARE_TIMEOUT_MS)

afterAll(() => stopWatching())

/** Returns the same text for statements that differ only in their number of rows. */
const shapeOf = (text: string): string => text.replace(/(\?(, )?)+/g, "?").replace(/(\([^()]*\)( or )?)+/g, "(…)")

async function fill({ mysql }: SearchStores): Promise<void> {
  const now = new Date()
  const times = { revision: 1, created_at: now, updated_at: now }
  const token = (i: number) => `filler${String(i).padStart(18, "0")}`
  const insert = async (
    table: "applications" | "chats" | "messages" | "tombstones" | "counters" | "pending_index",
    rows: object[],
  ) => {
    for (let i = 0; i < rows.length; i += 1_000) {
      await mysql
        .insertInto(table)
        .values(rows.slice(i, i + 1_000) as never)
        .execute()
    }
  }
  const applications = Array.from({ length: OTHER_APPLICATIONS }, (_, i) => i)
  const chats = Array.from({ length: CHATS }, (_, i) => ({ application: token(i % 10), chat: 1 + Math.floor(i / 10) }))
  await insert(
    "applications",
    applications.map((i) => ({ token: token(i), name: "filler", ...times, created_at: new Date(i) })),
  )
  await insert(
    "chats",
    chats.map(({ application, chat }) => ({ application, number: chat, name: null, ...times })),
  )
  await insert(
    "counters",
    chats.map((chat) => ({
      ...chat,
      highest: MESSAGES_PER_CHAT,
      live: MESSAGES_PER_CHAT,
      revision: 1,
      fenced: 0,
      dirty: 0,
    })),
  )
  const messages = chats.flatMap(({ application, chat }) =>
    Array.from({ length: MESSAGES_PER_CHAT }, (_, i) => ({
      application,
      chat,
      number: i + 1,
      body: "filler",
      ...times,
    })),
  )
  await insert("messages", messages)
  const keys = messages.map(({ application, chat, number }) => ({ application, chat, message: number, revision: 1 }))
  const later = new Date(Date.now() + 86_400_000)
  await insert(
    "tombstones",
    keys.map((key) => ({ ...key, chat: key.chat + 1_000, deleted_at: now, expires_at: later, purge_at: null })),
  )
  await insert(
    "pending_index",
    keys.map((key) => ({ ...key, due_at: later })),
  )
  await sql`analyze table applications, chats, messages, tombstones, counters, pending_index`.execute(mysql)
}

/** Does everything that the system does, once or twice. */
async function work(): Promise<void> {
  const own = watched
  const consumeBoth = async () => {
    await consume(async () => persistWrites(own), await takeRecords(own, "persist"))
    await consume(async () => indexMessages(own), await takeRecords(own, "index"))
  }
  const token = (await createApplication(own, { name: "Explained" })).resource.token
  const other = (await createApplication(own, { name: "Other" })).resource.token
  for (let chat = 1; chat <= 3; chat++) await createChat(own, token, { name: null })
  for (let i = 0; i < 6; i++) await createMessage(own, token, 1 + (i % 2), { body: `message ${i}` })
  await consumeBoth()
  await updateApplication(own, token, { name: "Renamed" })
  await updateChat(own, token, 1, { name: "Renamed" })
  await updateMessage(own, token, 1, 1, { body: "changed" })
  await deleteMessage(own, token, 1, 2)
  await consumeBoth()
  await getApplication(own, token)
  await getChat(own, token, 1)
  await getMessage(own, token, 1, 1)
  for (const order of ["asc", "desc"] as const) {
    const createdAt = Date.parse("1970-01-01T00:00:01.500Z")
    await listApplications(own, { limit: 20, order })
    await listApplications(own, { limit: 20, order, after: { createdAt, key: "filler" } })
    await listChats(own, token, { limit: 20, order, after: { key: 2 } })
    await listMessages(own, token, 1, { limit: 20, order, after: { key: 2 } })
    await listMessages(own, token, 1, { limit: 2, order, offset: 2 })
    await listMessages(own, token, 1, { limit: 2, order, until: { key: 3 } })
    await listMessages(own, token, 1, { limit: 20, order, after: { key: 1 }, until: { key: 1 } })
    await listChats(own, token, { limit: 2, order })
  }
  await eraseMessages(own, token, 1, "nobody")
  await eraseMessages(own, token, 1, "nobody", { after: 1, last: 3 })
  await followChanges(own, token)
  await verifyParents(own, token, 1, { generation: "1", lost: 0, applicationSeen: 1, chatSeen: 1 })
  await syncCounts(own, 5_000)
  await own.mysql.updateTable("pending_index").set({ due_at: new Date() }).where("application", "=", token).execute()
  await relay(own, 5_000)
  await readStatus(own)
  await own.mysql.updateTable("counters").set({ live: 0 }).where("application", "=", token).execute()
  await recount(own, { application: token })
  await recount(own, { from: token, signal: AbortSignal.abort() })
  await discard(own, token)
  await reindex(own)
  await verify(own)
  await deleteChat(own, token, 2)
  await deletedChats(own, token)
  await deleteApplication(own, other)
  await consumeBoth()
  await relay(own, 5_000)
}

/** Reads pages of changes, with pending ones of each kind, from the beginning and from between. */
async function followChanges(own: SearchStores, token: string): Promise<void> {
  await updateChat(own, token, 3, { name: "Pending" })
  await updateMessage(own, token, 1, 3, { body: "pending" })
  await createMessage(own, token, 2, { body: "pending" })
  await readStoredRevision(own.mysql, token)
  for (const chat of [0, 1]) {
    const { next } = await readChanges(own, token, { from: "beginning", chat, limit: 2 })
    await readChanges(own, token, { from: next, chat, limit: 50 })
    await readChanges({ ...own, mysqlReader: own.mysql }, token, { from: next, chat, limit: 50 })
  }
}

/** Discards a write of each kind and an index event; all are stored, so nothing changes. */
async function discard(own: SearchStores, application: string): Promise<void> {
  const keys = [
    { application, chat: 0, message: 0 },
    { application, chat: 1, message: 0 },
    { application, chat: 1, message: 1 },
  ]
  const letter = { id: "1", reason: "planted", sentAt: new Date(), body: "" }
  const events = keys.map((key) => ({ revision: "1", ...key, created_at: 1 }))
  await discardLetter(own, { ...letter, queue: "persist-writes", events })
  await discardLetter(own, { ...letter, queue: "index-messages", events: events.slice(2) })
}

type Plan = { id: number; table: string | null; type: string | null; key: string | null; Extra: string | null }

/** Returns the plan as rows: MariaDB's only form, and MySQL's on demand, which by default may be a tree. */
async function explain(query: CompiledQuery): Promise<Plan[]> {
  const { rows } = await sql<{ version: string }>`select version() as version`.execute(stores().mysql)
  const command = rows[0]?.version.includes("MariaDB") ? "explain" : "explain format=traditional"
  return (await stores().mysql.executeQuery<Plan>({ ...query, sql: `${command} ${query.sql}` })).rows
}

/** Returns whether a step reads by an index, or nothing. Only a table of 64 rows may be read whole. */
function isIndexed({ table, type, key, Extra }: Plan): boolean {
  if (table === null || type === "system" || type === "const" || type === "NULL") return true
  if (/no matching row|Impossible|const table|No tables used/i.test(Extra ?? "")) return true
  if (table === "persist_locks" || table.startsWith("<derived") || table === "one") return true
  return key !== null && type !== "ALL" && type !== "index"
}

/** Returns whether a step sorts more than the rows of a derived table, each joined with at most one row. */
function sortsRows({ id, Extra }: Plan, plans: Plan[]): boolean {
  if (!/filesort/.test(Extra ?? "")) return false
  const joined = plans.filter((plan) => plan.id === id)
  return joined.some(({ table, type }) => !table?.startsWith("<derived") && !/^(system|const|eq_ref)$/.test(type ?? ""))
}

test(
  "every statement of the system's work: explained: reads by an index",
  async () => {
    await work()
    expect(statements.size).toBeGreaterThan(25)
    const scans: string[] = []
    for (const query of statements.values()) {
      const rows = await explain(query)
      // The first page of a list walks an index, or whole rows by the primary key, from the beginning up to its limit.
      const isWalk = ({ type, key, Extra }: Plan) =>
        type === "index" &&
        /limit \?/.test(query.sql) &&
        (/^(Backward index scan; )?Using index$/.test(Extra ?? "") || (key === "PRIMARY" && !Extra))
      for (const plan of rows)
        if (!isIndexed(plan) && !isWalk(plan)) scans.push(`${JSON.stringify(plan)} ← ${query.sql}`)
      if (rows.some((plan) => sortsRows(plan, rows))) scans.push(`filesort ← ${query.sql}`)
    }
    expect(scans).toEqual([])
  },
  WORK_TIMEOUT_MS,
)

test("the revisions by which the writer vouches for a page of changes: explained: are read from indexes alone", async () => {
  const queries: CompiledQuery[] = []
  const { db, close } = connectMysql(stores().config.MYSQL_URL, { log: ({ query }) => void queries.push(query) })
  const asked = {
    application: "filler000000000000000000",
    after: 0,
    start: 0,
    complete: 2,
    count: 51,
    rows: [],
    tombstones: [],
  }
  for (const chat of [0, 1]) expect((await readRevisions(db, { ...asked, chat })).length).toBeGreaterThan(0)
  await close()
  for (const query of queries) {
    const steps = (await explain(query)).filter(({ table }) => /^(messages|chats|tombstones)$/.test(table ?? ""))
    expect(steps.length).toBeGreaterThan(1)
    for (const { Extra } of steps) expect(Extra).toMatch(/Using index(;|$)/)
  }
})

test("a statement without an index: explained: is found out", async () => {
  const query = stores().mysql.selectFrom("messages").select("number").where("body", "=", "filler").compile()
  const rows = await explain(query)
  expect(rows.every(isIndexed)).toBe(false)
})
