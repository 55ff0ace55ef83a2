// A Redis cluster whose shards have the tags of an earlier release: carried to other masters under load, and evenly spread.
import { expect, jest, test } from "@jest/globals"
import { slotOf } from "../../lib/clients/redis-topology.ts"
import { spreadShards } from "../../lib/operate/spread-shards.ts"
import { formerName, lifeKey, SHARDS, shardOf } from "../../lib/outbox/keys.ts"
import { connectStores } from "../../lib/runtime.ts"
import { chatApi, directTransport } from "../steps/chat-api.ts"
import { consecutive, keepCreating, onCluster, storedNumbers } from "../steps/cluster-writes.ts"
import { eventually } from "../steps/eventually.ts"
import { lifeOfFormer } from "../steps/former-tags.ts"
import { useCluster } from "../steps/own-cluster.ts"
import { useTestStores } from "../steps/stores.ts"

const MASTERS = 3
const CHATS = 6
const WITHIN_MS = 30_000
/** The longest time without a creation in a chat, of which the carrying of its shard is one part on a busy machine. */
const PAUSE_MAX_MS = 5_000
/** Longer than a stall of a busy disk, which would else be taken for the loss of a master. */
const NODE_TIMEOUT_MS = 4_000
const TEST_LIMIT_MS = 180_000

useTestStores()
jest.setTimeout(TEST_LIMIT_MS)
const cluster = useCluster({ masters: MASTERS, nodeTimeoutMs: NODE_TIMEOUT_MS })
const api = chatApi(directTransport())

const ownerOf = async (key: string): Promise<string> => (await cluster().ownerOf(slotOf(key))).name
const ask = async (key: string, command: string, ...args: string[]) =>
  cluster().ask(await cluster().ownerOf(slotOf(key)), command, key, ...args)

/** Leaves a former tag as a promoted replica has it that the closing had not reached. */
async function rollBack(token: string): Promise<string> {
  const [key, ...fields] = lifeOfFormer(shardOf(token))
  await ask(key, "DEL")
  await ask(key, "HSET", ...fields, "life", "one-that-has-ended")
  return key
}

test("shards carried to other masters under load: go on in their generations, and each number is given once", async () => {
  for (const shard of SHARDS) {
    const [key, ...fields] = lifeOfFormer(shard)
    await ask(key, "HSET", ...fields)
  }
  await onCluster(cluster(), async (own) => {
    const chats = await Promise.all(
      Array.from({ length: CHATS }, async () => {
        const token = await api.givenApplication()
        return { token, chat: await api.givenChat(token) }
      }),
    )
    const changing = await Promise.all(
      chats.map(async ({ token }) => {
        const life = lifeKey(shardOf(token))
        return (await ownerOf(life)) !== (await ownerOf(formerName(life)))
      }),
    )
    expect(changing).toContain(true)
    const generations = () =>
      Promise.all(chats.map(async ({ token }) => (await own.outbox.open(shardOf(token), false)).generation))
    const before = await generations()
    for (const { token } of chats) expect(await ask(formerName(lifeKey(shardOf(token))), "TYPE")).toBe("hash")
    const creating = chats.map((one) => keepCreating(one))
    for (const { numbers } of creating) await eventually(() => expect(numbers.length).toBeGreaterThan(5), WITHIN_MS)
    const [other, late] = [connectStores(own.config), connectStores(own.config)]
    try {
      for (const { token } of chats) await late.stores.outbox.open(shardOf(token), false)
      const { carried } = await spreadShards(other.stores)
      expect(carried.map(({ shard }) => shard)).toEqual([...SHARDS])
      await rollBack(chats[0]?.token ?? "")
      const settled = await late.stores.outbox.open(shardOf(chats[0]?.token ?? ""), false)
      expect(settled).toMatchObject({ generation: before[0], settled: true })
    } finally {
      await Promise.all([other.close(), late.close()])
    }
    const sizes = creating.map(({ numbers }) => numbers.length)
    for (const [index, { numbers }] of creating.entries())
      await eventually(() => expect(numbers.length).toBeGreaterThan((sizes[index] ?? 0) + 5), WITHIN_MS)
    expect(await generations()).toEqual(before)
    for (const [index, one] of creating.entries()) {
      const { numbers, longestMs } = await one.stop()
      expect(numbers).toEqual(numbers.map((_, at) => at + 1))
      expect(numbers).toEqual(consecutive(numbers))
      expect(longestMs).toBeLessThan(PAUSE_MAX_MS)
      const { token } = chats[index] as (typeof chats)[number]
      await eventually(async () => expect(await storedNumbers(own, token)).toEqual(numbers), WITHIN_MS)
    }
    const owners = await Promise.all(SHARDS.map((shard) => ownerOf(lifeKey(shard))))
    const shares = [...Map.groupBy(owners, (name) => name).values()].map(({ length }) => length)
    expect(shares.sort()).toEqual([21, 21, 22])
    for (const shard of SHARDS)
      if (shard !== shardOf(chats[0]?.token ?? "")) expect(await ask(formerName(lifeKey(shard)), "TYPE")).toBe("string")
  })
})

test("a former master that is rolled back to before the move: no shard goes on at its former tag", async () => {
  await onCluster(cluster(), async (own) => {
    const token = await api.givenApplication()
    const chat = await api.givenChat(token)
    expect(await api.givenMessage(token, chat)).toBe(1)
    const shard = shardOf(token)
    const key = await rollBack(token)
    const other = connectStores(own.config)
    try {
      expect(await other.stores.outbox.open(shard, false)).toMatchObject({ settled: true })
      expect(await api.givenMessage(token, chat)).toBe(2)
    } finally {
      await other.close()
    }
    expect(await ask(key, "HGET", "life")).toBe("one-that-has-ended")
  })
})
