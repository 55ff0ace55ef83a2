// The cluster that tests and campaigns start: its replicas, links before its nodes, and nodes that a launcher has left.
import { expect, jest, test } from "@jest/globals"
import { processIdentity } from "../../local/processes.ts"
import type { ClusterNode } from "../../local/services/cluster-node.ts"
import { startRedisCluster } from "../../local/services/redis-cluster.ts"
import { type Forwarder, startForwarder } from "../steps/forwarder.ts"
import { startCluster, useCluster } from "../steps/own-cluster.ts"

const TEST_LIMIT_MS = 60_000
/** A key of a slot of the first master. */
const KEY = "bar"
const SLOT = 5061

jest.setTimeout(TEST_LIMIT_MS)
const cluster = useCluster({ masters: 3, replicas: 1 })
const pair = () => [cluster().nodes[0], cluster().nodes[3]] as [ClusterNode, ClusterNode]
const write = (node: ClusterNode, value: string) => cluster().ask(node, "SET", KEY, value)
const ownerOfKey = () => cluster().ownerOf(SLOT)

test("a new cluster with replicas: the masters come first, then a replica of each", async () => {
  expect(cluster().nodes.map(({ role }) => role)).toEqual([
    ...["master", "master", "master"],
    ...["replica", "replica", "replica"],
  ])
  for (const index of [0, 1, 2]) {
    const [master, replica] = [cluster().nodes[index], cluster().nodes[index + 3]] as [ClusterNode, ClusterNode]
    expect(await cluster().ask(replica, "ROLE")).toEqual(
      expect.arrayContaining(["slave", "127.0.0.1", master.port, "connected"]),
    )
  }
})

test("failovers and failbacks in a row: each makes the replica asked the master, with all that was written", async () => {
  const [first, second] = pair()
  for (const [index, node] of [second, first, second, first].entries()) {
    const master = await ownerOfKey()
    await write(master, `${index}`)
    await cluster().failover(node)
    expect([node.role, master.role, (await ownerOfKey()).name]).toEqual(["master", "replica", node.name])
    expect(await cluster().ask(node, "GET", KEY)).toBe(`${index}`)
  }
})

test("a master that is killed: its replica takes its slots and data over, and is copied by it on its return", async () => {
  const [killed, replica] = pair()
  await write(killed, "survives")
  await cluster().ask(killed, "WAIT", 1, 1_000)
  await cluster().kill(killed)
  await cluster().waitUntilHealthy()
  expect([replica.role, (await ownerOfKey()).name]).toEqual(["master", replica.name])
  expect(await cluster().ask(replica, "GET", KEY)).toBe("survives")
  await cluster().restart(killed)
  await cluster().waitUntilHealthy()
  expect(killed.role).toBe("replica")
})

test("a cluster behind links: clients are sent to the links, and the nodes agree even if one is cut", async () => {
  const links: Forwarder[] = []
  const link = async (port: number) => {
    const forwarder = await startForwarder(`redis://127.0.0.1:${port}`)
    links.push(forwarder)
    return Number(new URL(forwarder.url).port)
  }
  const linked = await startCluster({ masters: 2, link })
  try {
    const [first, second] = linked.nodes as [ClusterNode, ClusterNode]
    const { port } = new URL(first.url)
    expect(port).not.toBe(`${first.port}`)
    await expect(linked.ask(second, "GET", KEY)).rejects.toThrow(`MOVED ${SLOT} 127.0.0.1:${port}`)
    await links[0]?.shut()
    await linked.waitUntilHealthy(0)
    expect(await linked.ask(first, "GET", KEY)).toBeNull()
  } finally {
    await linked.remove()
    await Promise.all(links.map((forwarder) => forwarder.shut()))
  }
})

test("a cluster in the folder of one that was left: stops the nodes of that one first", async () => {
  const left = await startCluster({ masters: 1 })
  try {
    const [{ pid }] = left.nodes as [ClusterNode]
    const next = await startRedisCluster({ masters: 1, folder: left.folder })
    expect(processIdentity(pid as number)).toBeUndefined()
    await next.remove()
  } finally {
    await left.remove()
  }
})
