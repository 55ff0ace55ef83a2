import { setTimeout as sleep } from "node:timers/promises"
import { beforeAll, beforeEach, describe, expect, test } from "@jest/globals"
import { syncCounts } from "../../lib/counts/sync-counts.ts"
import { keyText } from "../../lib/events.ts"
import type { FindingKind } from "../../lib/operate/verify/findings.ts"
import { type VerifyOptions, verify } from "../../lib/operate/verify/verify.ts"
import { reindex } from "../../lib/search/rebuilding/reindex.ts"
import { chatApi, directTransport, expectStatus } from "../steps/chat-api.ts"
import { whileConsuming } from "../steps/consumers.ts"
import { documentsOf, rowsAsDocuments } from "../steps/documents.ts"
import { drainQueues, refreshIndex } from "../steps/drain.ts"
import { useTestStores } from "../steps/stores.ts"

/** A finding is checked five times, a second apart, and once more after the repair. */
const LONG_TEST_MS = 90_000
const DAY_MS = 86_400_000
/** The greatest number of any test that leaves damage. */
const NUMBERS_MAX = 10

const stores = useTestStores()
const api = chatApi(directTransport())

let token: string
let chat: number

/** Documents that other files have left have no rows any more. */
beforeAll(() => reindex(stores()))

/** Each test gets an application with six messages, of which the fourth is deleted. */
beforeEach(async () => {
  token = await api.givenApplication()
  chat = await api.givenChat(token)
  for (let i = 1; i <= 6; i++) await api.givenMessage(token, chat, `body ${i}`)
  expectStatus(await api.deleteMessage(token, chat, 4), 204)
  await settle()
})

async function settle(): Promise<void> {
  await drainQueues(stores())
  await syncCounts(stores(), 5_000)
  await refreshIndex(stores())
}

const verifyOwn = (options: VerifyOptions = {}) => verify(stores(), { application: token, ...options })
const kinds = ({ findings }: { findings: { kind: FindingKind; count: number }[] }) =>
  Object.fromEntries(findings.map(({ kind, count }) => [kind, count]))

const documentOf = (number: number) => ({
  index: stores().config.ELASTICSEARCH_INDEX,
  id: keyText({ application: token, chat: chat, message: number }),
  routing: token,
})
const message = (number: number) => ({ application: token, chat, number })

/** Removes what cannot be repaired, for the other tests. */
async function forget(): Promise<void> {
  const { mysql } = stores()
  for (const table of ["messages", "chats", "counters", "tombstones", "pending_index"] as const) {
    await mysql.deleteFrom(table).where("application", "=", token).execute()
  }
  await mysql.deleteFrom("applications").where("token", "=", token).execute()
  const numbers = Array.from({ length: NUMBERS_MAX }, (_, i) => i + 1)
  await Promise.all(numbers.map((number) => stores().elasticsearch.delete(documentOf(number), { ignore: [404] })))
  await refreshIndex(stores())
}

type Damage = { name: string; plant: () => Promise<unknown>; found: Partial<Record<FindingKind, number>> }

/** Damage that --repair repairs. */
const MENDABLE: Damage[] = [
  {
    name: "a document that is missing",
    plant: () => stores().elasticsearch.delete({ ...documentOf(2), refresh: true }),
    found: { missing_document: 1 },
  },
  {
    name: "a document that was changed by hand",
    plant: () => stores().elasticsearch.update({ ...documentOf(2), doc: { body: "another" }, refresh: true }),
    found: { stale_document: 1 },
  },
  {
    name: "a document of an older revision",
    plant: () =>
      stores()
        .mysql.updateTable("messages")
        .set({ body: "newer" })
        .where("application", "=", token)
        .where("number", "=", 3)
        .execute(),
    found: { stale_document: 1 },
  },
  {
    name: "a document of a message that is gone",
    async plant() {
      const { elasticsearch } = stores()
      const { _source: document } = await elasticsearch.get(documentOf(2))
      await elasticsearch.index({
        ...documentOf(999),
        document: { ...(document as object), number: 999 },
        version: 5,
        version_type: "external",
        refresh: true,
      })
    },
    found: { surplus_document: 1 },
  },
  {
    name: "a counter that drifted",
    plant: () => setCounter({ live: 77, dirty: 0 }),
    found: { wrong_counter: 1, wrong_count: 1 },
  },
  {
    name: "a count column that drifted",
    plant: () =>
      stores().mysql.updateTable("chats").set({ messages_count: 9 }).where("application", "=", token).execute(),
    found: { wrong_count: 1 },
  },
]

/** Damage that only a person can judge. */
const OTHER: Damage[] = [
  {
    name: "a row that was deleted by hand",
    async plant() {
      const { mysql } = stores()
      await mysql.deleteFrom("messages").where("application", "=", token).where("number", "=", 3).execute()
      await stores().elasticsearch.delete({ ...documentOf(3), refresh: true })
      await setCounter({ live: 4, dirty: 1 })
    },
    found: { gap: 1 },
  },
  {
    name: "a chat that was deleted by hand",
    async plant() {
      const { mysql } = stores()
      await mysql.deleteFrom("chats").where("application", "=", token).execute()
      await mysql
        .updateTable("counters")
        .set({ live: 0, dirty: 1 })
        .where("application", "=", token)
        .where("chat", "=", 0)
        .execute()
    },
    found: { orphan: 5, gap: 1 },
  },
  {
    name: "rows below a deleted chat that no purge will see",
    async plant() {
      expectStatus(await api.deleteChat(token, chat), 204)
      await settle()
      const now = new Date()
      const times = { revision: 5, created_at: now, updated_at: now }
      await stores()
        .mysql.insertInto("messages")
        .values({ ...message(8), body: "late", ...times })
        .execute()
    },
    found: { orphan: 1, missing_document: 1 },
  },
  {
    name: "a number above the highest that was noted",
    plant: () => setCounter({ highest: 5 }),
    found: { beyond_highest: 1 },
  },
  {
    name: "an entry of pending_index that was given up",
    plant: () => pend({ due_at: null }),
    found: { dead_index: 1 },
  },
  {
    name: "an entry of pending_index that waits for ever",
    plant: () => pend({ due_at: new Date(Date.now() - DAY_MS) }),
    found: { overdue_index: 1 },
  },
]

const setCounter = (values: Partial<{ live: number; highest: number; dirty: number; fenced: number }>) =>
  stores()
    .mysql.updateTable("counters")
    .set(values)
    .where("application", "=", token)
    .where("chat", "=", chat)
    .executeTakeFirstOrThrow()

const pend = (entry: { due_at: Date | null }) =>
  stores()
    .mysql.insertInto("pending_index")
    .values({ application: token, chat, message: 1, revision: 1, ...entry })
    .execute()

describe("verify", () => {
  test("of what is whole: finds nothing, and says what it looked at", async () => {
    const phases = new Set<string>()
    const done = await verifyOwn({ onProgress: ({ phase }) => void phases.add(phase) })
    const unaccounted = { fenced: 0, expired: 0 }
    expect(done).toEqual({ parents: 2, messages: 5, documents: 5, findings: [], unaccounted, repaired: null })
    expect([...phases]).toEqual(["numbers and counts", "messages", "documents"])
  })

  test.each(MENDABLE)(
    "with $name: finds it; with repair mends it, and finds nothing again",
    async ({ plant, found }) => {
      await plant()
      expect(kinds(await verifyOwn())).toEqual(found)
      const rows = await rowsAsDocuments(stores())
      const mended = await verifyOwn({ repair: true })
      expect(kinds(mended.repaired ?? { findings: [] })).toEqual(found)
      expect(mended.findings).toEqual([])
      await settle()
      expect(await verifyOwn()).toMatchObject({ findings: [], repaired: null })
      expect(await rowsAsDocuments(stores())).toEqual(rows)
      expect(await documentsOf(stores())).toEqual(rows)
    },
    LONG_TEST_MS,
  )

  test.each(OTHER)(
    "with $name: finds it, and a repair leaves it",
    async ({ plant, found }) => {
      await plant()
      expect(kinds(await verifyOwn())).toEqual(found)
      const { missing_document: _mended, ...left } = found
      expect(kinds(await verifyOwn({ repair: true }))).toEqual(left)
      await forget()
    },
    LONG_TEST_MS,
  )

  test("a mended message that is then changed: search shows the change", async () => {
    await stores().elasticsearch.delete({ ...documentOf(2), refresh: true })
    expect((await verifyOwn({ repair: true })).findings).toEqual([])
    expectStatus(await api.updateMessage(token, chat, 2, { body: "changed" }), 200)
    await settle()
    expect(expectStatus(await api.searchMessages(token, chat, { query: "changed" }), 200).total).toBe(1)
  })

  test("numbers that a fence skipped, or whose tombstones have expired: are told apart from gaps", async () => {
    const { mysql } = stores()
    const old = new Date(Date.now() - 100 * DAY_MS)
    await mysql.updateTable("chats").set({ created_at: old }).where("application", "=", token).execute()
    await mysql
      .updateTable("messages")
      .set({ created_at: old })
      .where("application", "=", token)
      .where("number", "<", 5)
      .execute()
    await mysql.deleteFrom("tombstones").where("application", "=", token).execute()
    expect(await verifyOwn()).toMatchObject({
      findings: [{ kind: "stale_document" }],
      unaccounted: { fenced: 0, expired: 1 },
    })
    await setCounter({ highest: 200_006, fenced: 7 })
    expect(await verifyOwn()).toMatchObject({
      findings: [{ kind: "stale_document" }],
      unaccounted: { fenced: 200_001, expired: 0 },
    })
    await forget()
  })

  test("messages that are on their way: are no findings", async () => {
    await api.givenMessage(token, chat, "on its way")
    expectStatus(await api.deleteMessage(token, chat, 1), 204)
    await api.givenMessage(token, await api.givenChat(token), "before its chat")
    expect((await verifyOwn()).findings).toEqual([])
  })

  test(
    "while messages are written, changed and deleted: finds nothing",
    async () => {
      let isOver = false
      const change = async () => {
        for (let i = 0; !isOver; i++) {
          const own = await api.givenChat(token)
          const number = await api.givenMessage(token, own, `written ${i}`)
          await api.givenMessage(token, chat, `written ${i}`)
          await api.updateMessage(token, chat, 6 + i, { body: `changed ${i}` })
          await api.deleteMessage(token, chat, 6 + i)
          if (i % 3 === 0) await api.deleteMessage(token, own, number)
          if (i % 4 === 0) await api.deleteChat(token, own)
        }
      }
      await whileConsuming(stores(), async () => {
        const workers = [change(), change()]
        try {
          await sleep(500)
          for (let i = 0; i < 3; i++) expect(await verifyOwn()).toMatchObject({ findings: [] })
          expect((await verify(stores())).findings).toEqual([])
        } finally {
          isOver = true
          await Promise.all(workers)
        }
      })
      await settle()
      expect((await verifyOwn()).findings).toEqual([])
    },
    LONG_TEST_MS,
  )

  test("asked to stop: stops", async () => {
    const stop = new AbortController()
    const stopped = verifyOwn({ signal: stop.signal, onProgress: () => stop.abort(new Error("stopped")) })
    await expect(stopped).rejects.toThrow("stopped")
  })
})
