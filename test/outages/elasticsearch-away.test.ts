// Elasticsearch is away: only searches fail, soon at once, and what was written meanwhile is found later.
import { expect, test } from "@jest/globals"
import { relay } from "../../lib/relay/relay.ts"
import { indexDefinition } from "../../lib/search/indexing/index-mapping.ts"
import { indexName, writesAlias } from "../../lib/search/indexing/targets.ts"
import { expectUnavailable } from "../steps/away-cases.ts"
import { chatApi, directTransport, expectStatus } from "../steps/chat-api.ts"
import { drainQueue, drainQueues, refreshIndex } from "../steps/drain.ts"
import { forgetDue, makeIndexDue } from "../steps/due.ts"
import { eventually } from "../steps/eventually.ts"
import { startForwarder } from "../steps/forwarder.ts"
import { useTestStores, withEnvironment } from "../steps/stores.ts"
import { givenWorld } from "../steps/world.ts"

const REQUEST_MAX_MS = 9_000
const AT_ONCE_MS = 500
const BACK_LIMIT_MS = 10_000
const SEARCHES = 100
const RELAY_BUDGET_MS = 10_000

const stores = useTestStores()
const api = chatApi(directTransport())

test.each(["hangs", "is gone"])(
  "an Elasticsearch that %s: searches are 503, all else is as ever, and it catches up by itself",
  async (how) => {
    const { token, chat } = await givenWorld(api, stores(), "stored")
    await drainQueues(stores())
    await forgetDue(stores())
    const line = await startForwarder(stores().config.ELASTICSEARCH_URL)
    const search = () => api.searchMessages(token, chat, { query: "meanwhile" })
    try {
      await withEnvironment({ ELASTICSEARCH_URL: line.url }, async (own) => {
        expect(expectStatus(await search(), 200).total).toBe(0)
        if (how === "hangs") line.hang(true)
        else await line.shut()
        const started = performance.now()
        for (const answer of await Promise.all(Array.from({ length: SEARCHES }, search))) expectUnavailable(answer)
        expect(performance.now() - started).toBeLessThan(REQUEST_MAX_MS)
        await eventually(async () => {
          const again = performance.now()
          expectUnavailable(await search())
          expect(performance.now() - again).toBeLessThan(AT_ONCE_MS)
        }, REQUEST_MAX_MS)

        const message = await api.givenMessage(token, chat, "written meanwhile")
        await drainQueues(own)
        expectStatus(await api.getMessage(token, chat, message), 200)
        expect(expectStatus(await api.listMessages(token, chat), 200).data).toHaveLength(2)
        expectUnavailable(await search())

        if (how === "hangs") line.hang(false)
        else await line.open()
        await eventually(async () => expect(expectStatus(await search(), 200).total).toBe(0), BACK_LIMIT_MS)
        await makeIndexDue(own, token)
        expect((await relay(own, RELAY_BUDGET_MS)).indexEvents).toBe(1)
        await drainQueues(own)
        await refreshIndex(own)
        expect(expectStatus(await search(), 200).total).toBe(1)
      })
    } finally {
      line.hang(false)
      await line.shut()
    }
  },
)

test("an index that is blocked for want of disk space: nothing is claimed, and all is sent once the block is lifted", async () => {
  const { token, chat } = await givenWorld(api, stores(), "stored")
  await drainQueues(stores())
  await forgetDue(stores())
  const { elasticsearch, config } = stores()
  const index = config.ELASTICSEARCH_INDEX
  const block = (on: boolean | null) =>
    elasticsearch.indices.putSettings({ index, settings: { "index.blocks.read_only_allow_delete": on } })
  await block(true)
  try {
    await api.givenMessage(token, chat, "written meanwhile")
    await drainQueues(stores())
    await makeIndexDue(stores(), token)
    expect((await relay(stores(), 1_000)).indexEvents).toBe(0)
  } finally {
    await block(null)
  }
  expect((await relay(stores(), RELAY_BUDGET_MS)).indexEvents).toBe(1)
  await drainQueues(stores())
  await refreshIndex(stores())
  expect(expectStatus(await api.searchMessages(token, chat, { query: "meanwhile" }), 200).total).toBe(1)
})

const SHARDS = 2

/** Creates an alias of an index with two shards, one of which is unassigned until `mend`. */
async function givenTwoShards() {
  const { elasticsearch, mysql, config } = stores()
  const name = `${config.ELASTICSEARCH_INDEX}-shards-${Date.now()}`
  const index = indexName(name, 1)
  const { settings, mappings } = indexDefinition()
  await elasticsearch.indices.create({
    index,
    settings: { ...settings, number_of_shards: SHARDS, "index.routing.allocation.total_shards_per_node": 1 },
    mappings,
    wait_for_active_shards: 0,
    aliases: { [name]: { is_write_index: true }, [writesAlias(index)]: {} },
  })
  await eventually(async () => {
    const { shards } = await elasticsearch.searchShards({ index })
    expect(shards.filter(([copy]) => copy?.state === "STARTED")).toHaveLength(1)
  }, BACK_LIMIT_MS)
  await mysql.insertInto("search_indexes").values({ alias: name, generation: 1, live: index, building: null }).execute()
  const limitShards = (count: number) =>
    elasticsearch.indices.putSettings({
      index,
      settings: { "index.routing.allocation.total_shards_per_node": count },
    })
  return {
    name,
    /** Returns whether this application's messages are in the unassigned shard. */
    async isAwayOf(application: string) {
      const { shards } = await elasticsearch.searchShards({ index, routing: application })
      return shards[0]?.[0]?.state !== "STARTED"
    },
    async mend() {
      await limitShards(SHARDS)
      await elasticsearch.cluster.health({ index, wait_for_status: "green" })
    },
    remove: () => elasticsearch.indices.delete({ index }),
  }
}

type World = { token: string; chat: number }

test("an index of which one shard is away: only what that shard refused comes again, once it is back", async () => {
  await drainQueues(stores())
  await forgetDue(stores())
  const index = await givenTwoShards()
  const pending = async (token: string) => {
    const entries = stores().mysql.selectFrom("pending_index").select("message").where("application", "=", token)
    return (await entries.execute()).length
  }
  try {
    await withEnvironment({ ELASTICSEARCH_INDEX: index.name }, async (own) => {
      const worlds = new Map<boolean, World>()
      while (worlds.size < SHARDS) {
        const world = await givenWorld(api, own, "pending")
        worlds.set(await index.isAwayOf(world.token), world)
      }
      const [away, there] = [worlds.get(true) as World, worlds.get(false) as World]
      await drainQueue(own, "persist")
      await drainQueue(own, "index")
      expect([await pending(away.token), await pending(there.token)]).toEqual([1, 0])
      await refreshIndex(own).catch(() => undefined)
      const search = ({ token, chat }: World) => api.searchMessages(token, chat, { query: "first" })
      expectUnavailable(await search(away))
      expect(expectStatus(await search(there), 200).total).toBe(1)

      await index.mend()
      await makeIndexDue(own, away.token)
      expect((await relay(own, RELAY_BUDGET_MS)).indexEvents).toBe(1)
      await drainQueue(own, "index")
      await refreshIndex(own)
      expect(expectStatus(await search(away), 200).total).toBe(1)
      expect(await pending(away.token)).toBe(0)
    })
  } finally {
    await index.remove()
  }
})
