// The cluster of masters that tests and campaigns start: it comes up as asked, and does to its nodes what it says.
import { expect, jest, test } from "@jest/globals"
import { processIdentity } from "../../local/processes.ts"
import type { ClusterNode } from "../../local/services/cluster-node.ts"
import { eventually } from "../steps/eventually.ts"
import { startCluster, useCluster } from "../steps/own-cluster.ts"

const TEST_LIMIT_MS = 60_000
const SOON_MS = 5_000
const KEYS = 25
const PER_BATCH = 10
/** Take more than a second to load, during which Redis answers INFO several times, once in 1,024 of them. */
const LOADED_KEYS = 6_000
const LOADING_EACH_US = 200

jest.setTimeout(TEST_LIMIT_MS)
const ended: string[] = []
const cluster = useCluster({ masters: 3, onEnd: ({ name, why }) => ended.push(`${name}: ${why}`) })
const nodes = () => cluster().nodes as readonly [ClusterNode, ClusterNode, ClusterNode]
const slotOf = async (key: string) => Number(await cluster().ask(nodes()[0], "CLUSTER", "KEYSLOT", key))
const countKeys = (node: ClusterNode, slot: number) => cluster().ask(node, "CLUSTER", "COUNTKEYSINSLOT", slot)

/** Returns a slot of a node with keys of it, which hold their numbers. */
async function givenKeys(node: ClusterNode, tag: string, count: number) {
  for (let index = 0; ; index++) {
    const slot = await slotOf(`{${tag}${index}}`)
    if ((await cluster().ownerOf(slot)).id !== node.id) continue
    const keys = Array.from({ length: count }, (_, key) => `{${tag}${index}}:${key}`)
    await cluster().ask(node, "MSET", ...keys.flatMap((key, value) => [key, value]))
    return { slot, keys }
  }
}

test("a new cluster of three: each master has its third, every node tells the same, with the settings of our Redis", async () => {
  const [first, second, third] = nodes()
  for (const node of nodes()) {
    const told = (await cluster().ask(node, "CLUSTER", "SLOTS")) as [number, number, [string, number, string]][]
    expect(told.map(([from, to, [host, port, id]]) => [from, to, host, port, id])).toEqual([
      [0, 5460, "127.0.0.1", first.port, first.id],
      [5461, 10921, "127.0.0.1", second.port, second.id],
      [10922, 16383, "127.0.0.1", third.port, third.id],
    ])
    for (const [name, value] of [
      ["appendonly", "yes"],
      ["appendfsync", "always"],
      ["maxmemory-policy", "volatile-ttl"],
      ["cluster-node-timeout", "1000"],
      ["cluster-require-full-coverage", "no"],
    ])
      expect(await cluster().ask(node, "CONFIG", "GET", `${name}`)).toEqual([name, value])
  }
  expect(cluster().urls).toEqual(nodes().map(({ port }) => `redis://127.0.0.1:${port}`))
  expect(nodes().map(({ role }) => role)).toEqual(["master", "master", "master"])
})

test("a slot that is moved: is seen half moved, keeps its owner until the end, and carries its keys", async () => {
  const [from, to, other] = nodes()
  const { slot, keys } = await givenKeys(from, "moved", KEYS)
  const seen: unknown[] = []
  await cluster().moveSlot(slot, to, {
    keysPerBatch: PER_BATCH,
    pauseBetween: async (moved) => {
      const owner = (await cluster().ownerOf(slot)).name
      seen.push([moved, await countKeys(from, slot), await countKeys(to, slot), owner])
    },
  })
  expect(seen).toEqual([
    [0, KEYS, 0, from.name],
    [10, 15, 10, from.name],
    [20, 5, 20, from.name],
    [KEYS, 0, KEYS, from.name],
  ])
  expect((await cluster().ownerOf(slot)).name).toBe(to.name)
  expect(await cluster().ask(to, "MGET", ...keys)).toEqual(keys.map((_, value) => `${value}`))
  for (const node of [from, other])
    await expect(cluster().ask(node, "GET", keys[0] as string)).rejects.toThrow(`MOVED ${slot} 127.0.0.1:${to.port}`)
  await cluster().waitUntilHealthy()
})

test("a move that fails in the middle: goes on where it stood when it is made again", async () => {
  const [, from, to] = nodes()
  const { slot, keys } = await givenKeys(from, "stopped", KEYS)
  const stop = async (moved: number) => {
    if (moved > 0) throw new Error("stopped")
  }
  const half = cluster().moveSlot(slot, to, { keysPerBatch: PER_BATCH, pauseBetween: stop })
  await expect(half).rejects.toThrow("stopped")
  expect([await countKeys(from, slot), await countKeys(to, slot)]).toEqual([KEYS - PER_BATCH, PER_BATCH])
  await cluster().moveSlot(slot, to)
  expect(await cluster().ask(to, "MGET", ...keys)).toEqual(keys.map((_, value) => `${value}`))
  await cluster().waitUntilHealthy()
})

test("a master without a replica, killed and started again: is the same node with its data", async () => {
  const [, killed, other] = nodes()
  const { keys } = await givenKeys(killed, "kept", 1)
  const { id, pid } = killed
  await cluster().kill(killed)
  expect([killed.pid, processIdentity(pid as number)]).toEqual([undefined, undefined])
  await expect(cluster().ask(killed, "PING")).rejects.toThrow()
  await expect(cluster().waitUntilHealthy(0)).rejects.toThrow("not healthy")
  expect(await cluster().ask(other, "PING")).toBe("PONG")
  await cluster().restart(killed)
  await cluster().waitUntilHealthy()
  expect([killed.id, killed.pid === pid]).toEqual([id, false])
  expect(await cluster().ask(killed, "GET", keys[0] as string)).toBe("0")
})

test("a node with much to load, started again: is up once it has all of its data", async () => {
  const slow = await startCluster({ masters: 1, settings: { "key-load-delay": `${LOADING_EACH_US}` } })
  try {
    const [node] = slow.nodes as [ClusterNode]
    // One command each, since that is what the delay is for.
    const fill = "for i = 1, ARGV[1] do redis.call('SET', '{slow}' .. i, i) end"
    await slow.ask(node, "EVAL", fill, 1, "{slow}", LOADED_KEYS)
    await slow.restart(node)
    expect(await slow.ask(node, "DBSIZE")).toBe(LOADED_KEYS)
  } finally {
    await slow.remove()
  }
})

test("a node that is frozen: does not answer, and is taken for failed, until it is thawed", async () => {
  const [first, , frozen] = nodes()
  const flags = async () => {
    const lines = `${await cluster().ask(first, "CLUSTER", "NODES")}`.split("\n")
    return lines.find((line) => line.startsWith(frozen.id))?.split(" ")[2]
  }
  cluster().freeze(frozen)
  try {
    expect(frozen.isFrozen).toBe(true)
    await eventually(async () => expect(await flags()).toBe("master,fail"), SOON_MS)
  } finally {
    cluster().thaw(frozen)
  }
  await cluster().waitUntilHealthy()
  expect([await flags(), frozen.isFrozen]).toEqual(["master", false])
})

test("a node that is wiped: has no keys, and the others keep theirs", async () => {
  const [wiped, other] = nodes()
  await givenKeys(wiped, "gone", 1)
  const { keys } = await givenKeys(other, "stays", 1)
  await cluster().wipe(wiped)
  expect(await cluster().ask(wiped, "DBSIZE")).toBe(0)
  expect(await cluster().ask(other, "GET", keys[0] as string)).toBe("0")
})

test("a master that is added: is known to all, has no slot, and takes one", async () => {
  const [first] = nodes()
  const added = await cluster().addMaster()
  expect(cluster().nodes).toHaveLength(4)
  expect(`${await cluster().ask(first, "CLUSTER", "NODES")}`).toMatch(new RegExp(`^${added.id} .* connected$`, "m"))
  const { slot, keys } = await givenKeys(first, "added", 1)
  await cluster().moveSlot(slot, added)
  await cluster().waitUntilHealthy()
  expect((await cluster().ownerOf(slot)).id).toBe(added.id)
  expect(await cluster().ask(added, "GET", keys[0] as string)).toBe("0")
})

test("a node that ends by itself: is told, and those that the cluster has killed are not", async () => {
  const [first] = nodes()
  expect(ended).toEqual([])
  process.kill(first.pid as number, "SIGKILL")
  await eventually(() => expect(ended).toEqual([`${first.name}: SIGKILL`]), SOON_MS)
  expect(first.pid).toBeUndefined()
})
