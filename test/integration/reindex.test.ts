import { setTimeout as sleep } from "node:timers/promises"
import { beforeEach, describe, expect, test } from "@jest/globals"
import type { KyselyPlugin } from "kysely"
import { prepareStores } from "../../lib/operate/prepare-stores.ts"
import { consume } from "../../lib/queue/consumer.ts"
import { relay } from "../../lib/relay/relay.ts"
import { indexDefinition, MAPPING_VERSION } from "../../lib/search/indexing/index-mapping.ts"
import { indexMessages } from "../../lib/search/indexing/index-records.ts"
import { indexName, parseIndexName, readTargets, writesAlias } from "../../lib/search/indexing/targets.ts"
import { type ReindexOptions, reindex, searchedIndex } from "../../lib/search/rebuilding/reindex.ts"
import { ReindexRunning } from "../../lib/search/rebuilding/reindex-lock.ts"
import type { SearchStores } from "../../lib/stores.ts"
import { chatApi, directTransport, expectStatus } from "../steps/chat-api.ts"
import { whileConsuming } from "../steps/consumers.ts"
import { documentsOf, rowsAsDocuments } from "../steps/documents.ts"
import { drainQueue, drainQueues, refreshIndex, sqsRecord, takeRecords } from "../steps/drain.ts"
import { useTestStores } from "../steps/stores.ts"

/** Enough for several pages of a copy. */
const MANY = 1_300
/** Time to write, index and rebuild a whole chat while other tests use the same two cores. */
const LONG_TEST_MS = 120_000

const stores = useTestStores()
const api = chatApi(directTransport())

const alias = () => stores().config.ELASTICSEARCH_INDEX
const targets = () => readTargets(stores().mysql, alias())
const indexes = async () =>
  Object.keys(await stores().elasticsearch.indices.get({ index: `${alias()}-v*` })).filter((name) =>
    parseIndexName(alias(), name),
  )

/** Each test begins with a complete index, and no other. */
beforeEach(() => reindex(stores()))

async function givenMessages(count: number) {
  const token = await api.givenApplication()
  const chat = await api.givenChat(token)
  await Promise.all(Array.from({ length: count }, (_, i) => api.givenMessage(token, chat, `body ${i}`)))
  await drainQueues(stores())
  return { token, chat }
}

async function expectWhole(): Promise<void> {
  await refreshIndex(stores())
  expect(await documentsOf(stores())).toEqual(await rowsAsDocuments(stores()))
}

/** Returns stores that hold back the first answer that `matches` until `release`. */
function heldBack(matches: (rows: Record<string, unknown>[]) => boolean) {
  const gate = Promise.withResolvers<void>()
  const reached = Promise.withResolvers<void>()
  let isHeld = false
  const plugin: KyselyPlugin = {
    transformQuery: ({ node }) => node,
    async transformResult({ result }) {
      if (!isHeld && matches(result.rows)) {
        isHeld = true
        reached.resolve()
        await gate.promise
      }
      return result
    },
  }
  const own: SearchStores = { ...stores(), mysql: stores().mysql.withPlugin(plugin) }
  return { stores: own, reached: reached.promise, release: () => gate.resolve() }
}

describe("a reindex", () => {
  test(
    "while messages are written, changed and deleted, and chats and an application with them: has every document, once",
    async () => {
      const { token } = await givenMessages(MANY)
      const doomed = await givenMessages(30)
      let isOver = false
      const change = async (worker: number) => {
        for (let i = 0; !isOver; i++) {
          const number = 1 + ((i * 7 + worker * 211) % MANY)
          const chat = await api.givenChat(token)
          await api.givenMessage(token, chat, `other ${worker} ${i}`)
          await api.givenMessage(token, 1, `new ${worker} ${i}`)
          await api.updateMessage(token, 1, number, { body: `changed ${worker} ${i}` })
          await api.deleteMessage(token, 1, 1 + ((number + 5) % MANY))
          if (i % 2 === 0) await api.deleteChat(token, chat)
          if (i === 3 && worker === 0) await api.deleteApplication(doomed.token)
        }
      }
      await whileConsuming(stores(), async () => {
        const workers = [0, 1, 2].map(change)
        try {
          await sleep(300)
          const { index } = await reindex(stores())
          expect((await reindex(stores())).previous).toBe(index)
        } finally {
          isOver = true
          await Promise.all(workers)
        }
      })
      await stores().mysql.updateTable("pending_index").set({ due_at: new Date() }).execute()
      await relay(stores(), 20_000)
      await drainQueues(stores())
      await expectWhole()
      expect(await stores().mysql.selectFrom("pending_index").selectAll().execute()).toEqual([])
    },
    LONG_TEST_MS,
  )

  test("a consumer that knew of no build, and a builder that had read the row before: the change is not lost", async () => {
    const { token, chat } = await givenMessages(1)
    const consumer = heldBack((rows) => rows.some((row) => "building" in row))
    const builder = heldBack((rows) => rows.some(({ body }) => body === "body 0"))
    const key = { application: token, chat, message: 1 }
    const consuming = consume(async () => indexMessages(consumer.stores), [sqsRecord([{ revision: "1", ...key }])])
    await consumer.reached
    const building = reindex(builder.stores)
    await builder.reached
    expectStatus(await api.updateMessage(token, chat, 1, { body: "changed" }), 200)
    await drainQueue(stores(), "persist")
    await takeRecords(stores(), "index")
    consumer.release()
    await consuming
    builder.release()
    await building
    await expectWhole()
  })

  test("that is stopped: leaves search as it was, and nothing behind", async () => {
    await givenMessages(3)
    const [before, generation] = [await indexes(), (await targets()).generation]
    const stop = new AbortController()
    const stopped = reindex(stores(), { signal: stop.signal, onProgress: () => stop.abort(new Error("stopped")) })
    await expect(stopped).rejects.toThrow("stopped")
    expect(await indexes()).toEqual(before)
    expect(await targets()).toEqual({ generation: generation + 2, live: before[0], building: null })
    await expectWhole()
  })

  test("two at once: one builds, the other is refused; afterwards it may", async () => {
    await givenMessages(3)
    const held = heldBack((rows) => rows.some((row) => "body" in row))
    const first = reindex(held.stores)
    await held.reached
    await expect(reindex(stores())).rejects.toThrow(ReindexRunning)
    held.release()
    const { index } = await first
    expect((await reindex(stores())).previous).toBe(index)
  })

  test("asked to keep the old index: leaves it, and writes to it no more", async () => {
    const { token, chat } = await givenMessages(3)
    const { previous, index } = await reindex(stores(), { keep: true })
    await api.givenMessage(token, chat, "afterwards")
    await drainQueues(stores())
    await stores().elasticsearch.indices.refresh({ index: previous as string })
    const { elasticsearch } = stores()
    const query = { term: { application: token } }
    expect((await elasticsearch.count({ index: previous as string, query })).count).toBe(3)
    expect(await searchedIndex(elasticsearch, alias())).toBe(index)
    await expectWhole()
    // The kept index does not count as one that a killed rebuild has left, so the next rebuild keeps it too.
    await reindex(stores())
    expect(await indexes()).toContain(previous)
    await elasticsearch.indices.delete({ index: previous as string })
  })
})

describe("preparing the stores", () => {
  const prepare = (onProgress?: ReindexOptions["onProgress"]) =>
    prepareStores(stores(), onProgress ? { onProgress } : {})

  test("with a whole index: changes nothing", async () => {
    const [before, known] = [await indexes(), await targets()]
    await prepare()
    expect(await indexes()).toEqual(before)
    expect(await targets()).toEqual(known)
  })

  test("with the index lost: builds it from MySQL; until then search is 503 and changes wait", async () => {
    const { token, chat } = await givenMessages(5)
    const { elasticsearch } = stores()
    await elasticsearch.indices.delete({ index: await indexes() })
    await api.givenMessage(token, chat, "meanwhile")
    await drainQueues(stores())
    expectStatus(await api.searchMessages(token, chat, { query: "body" }), 503)
    await prepare()
    await expectWhole()
    expect(expectStatus(await api.searchMessages(token, chat, { query: "meanwhile" }), 200).total).toBe(1)
  })

  test("with an index of an older mapping: builds one of this, while search answers from the old one", async () => {
    const { token, chat } = await givenMessages(5)
    const old = await givenOtherVersion(MAPPING_VERSION - 1, token, chat)
    const answers: string[][] = []
    const searches: Promise<unknown>[] = []
    const search = async () => {
      const { hits } = await stores().elasticsearch.search<{ body: string }>({ index: alias(), routing: token })
      answers.push(hits.hits.map(({ _source }) => _source?.body ?? ""))
    }
    await search()
    await prepare(() => searches.push(search()))
    await Promise.all(searches)
    expect(answers[0]).toEqual(["of an older mapping"])
    expect(await indexes()).toEqual([expect.stringMatching(`-v${MAPPING_VERSION}-`)])
    expect(await indexes()).not.toContain(old)
    await expectWhole()
  })

  test("with an index of a newer mapping: leaves it alone, and the consumers leave its entries", async () => {
    const { token, chat } = await givenMessages(1)
    const newer = await givenOtherVersion(MAPPING_VERSION + 1, token, chat)
    await prepare()
    expect(await indexes()).toEqual([newer])
    await api.updateMessage(token, chat, 1, { body: "changed" })
    await drainQueues(stores())
    expect(await documentsOf(stores())).toMatchObject([{ body: "of an older mapping" }])
    const pending = stores().mysql.selectFrom("pending_index").select("message").where("application", "=", token)
    expect(await pending.execute()).toEqual([{ message: 1 }])
    await reindex(stores())
    await expectWhole()
  })

  test("after a builder that died before the alias moved: takes its index away with the next build", async () => {
    await givenMessages(3)
    const known = await targets()
    const leftover = indexName(alias(), 900_000)
    const { elasticsearch, mysql } = stores()
    await elasticsearch.indices.create({
      index: leftover,
      ...indexDefinition(),
      aliases: { [writesAlias(leftover)]: {} },
    })
    await mysql
      .updateTable("search_indexes")
      .set({ building: leftover, generation: 90 + known.generation })
      .where("alias", "=", alias())
      .execute()
    await reindex(stores())
    expect(await indexes()).toHaveLength(1)
    expect(await indexes()).not.toContain(leftover)
    expect(await targets()).toMatchObject({ building: null })
    await expectWhole()
  })

  test("after a builder that died when the alias had moved: goes on with the new index", async () => {
    const { token, chat } = await givenMessages(3)
    const known = await targets()
    const { index } = await reindex(stores(), { keep: true })
    const { mysql } = stores()
    const row = { live: known.live, building: index, generation: 90 + known.generation }
    await mysql.updateTable("search_indexes").set(row).where("alias", "=", alias()).execute()
    await prepare()
    expect(await targets()).toMatchObject({ live: index, building: null })
    await api.givenMessage(token, chat, "afterwards")
    await drainQueues(stores())
    await expectWhole()
    await stores().elasticsearch.indices.delete({ index: known.live as string })
  })
})

/** Puts an index of another mapping version behind the alias, with a document that no rebuild would make. */
async function givenOtherVersion(version: number, token: string, chat: number): Promise<string> {
  const { elasticsearch, mysql } = stores()
  const index = `${alias()}-v${version}-000001`
  const { mappings } = indexDefinition()
  await elasticsearch.indices.create({
    index,
    settings: { ...indexDefinition().settings },
    mappings: { ...mappings, _meta: { mapping_version: version } },
    aliases: { [writesAlias(index)]: {} },
  })
  const document = { application: token, chat_number: chat, number: 1, chat_key: "x", body: "of an older mapping" }
  await elasticsearch.index({ index, id: "old", routing: token, document, refresh: true })
  const live = (await searchedIndex(elasticsearch, alias())) as string
  const actions = [{ remove_index: { index: live } }, { add: { index, alias: alias(), is_write_index: true } }]
  await elasticsearch.indices.updateAliases({ actions })
  const { generation } = await targets()
  await mysql
    .updateTable("search_indexes")
    .set({ live: index, building: null, generation: generation + 1 })
    .where("alias", "=", alias())
    .execute()
  return index
}
