// A cluster of Valkey 9, where Python's pip can download it: slots that are moved at once.
import { describe, expect, jest, test } from "@jest/globals"
import { succeeds } from "../../local/run.ts"
import type { ClusterNode } from "../../local/services/cluster-node.ts"
import { useCluster } from "../steps/own-cluster.ts"

const TEST_LIMIT_MS = 60_000
const PROBE_LIMIT_MS = 10_000
const hasPip = await succeeds("python3", ["-m", "pip", "--version"], PROBE_LIMIT_MS)

jest.setTimeout(TEST_LIMIT_MS)

if (!hasPip) process.stderr.write("NOT TESTED: a cluster of Valkey, since python3 has no pip to download it\n")
const describeValkey = hasPip ? describe : describe.skip
describeValkey("Valkey", () => {
  const cluster = useCluster({ masters: 3, server: "valkey" })

  test("a cluster of Valkey: is one of version 9", async () => {
    const [first] = cluster().nodes as [ClusterNode]
    expect(`${await cluster().ask(first, "INFO", "server")}`).toMatch(/^valkey_version:9\./m)
  })

  test("slots of two masters that are moved at once: are the third's, with their keys", async () => {
    const [first, second, third] = cluster().nodes as [ClusterNode, ClusterNode, ClusterNode]
    const slotOf = async (key: string) => Number(await cluster().ask(first, "CLUSTER", "KEYSLOT", key))
    // The slots of these keys are in the first and the second third.
    const slots = [await slotOf("bar"), await slotOf("hello"), await slotOf("c")]
    const owned: [ClusterNode, string][] = []
    for (const [index, key] of ["bar", "hello", "c"].entries()) {
      const owner = await cluster().ownerOf(slots[index] as number)
      owned.push([owner, key])
      await cluster().ask(owner, "SET", key, `value of ${key}`)
    }
    expect(new Set(owned.map(([{ name }]) => name))).toEqual(new Set([first.name, second.name]))
    await cluster().moveSlotsAtOnce(slots, third)
    await cluster().waitUntilHealthy()
    for (const slot of slots) expect((await cluster().ownerOf(slot)).name).toBe(third.name)
    for (const [, key] of owned) expect(await cluster().ask(third, "GET", key)).toBe(`value of ${key}`)
  })

  test("a slot that is moved key by key: carries its keys, as with Redis", async () => {
    const [first, , third] = cluster().nodes as [ClusterNode, ClusterNode, ClusterNode]
    const slot = Number(await cluster().ask(first, "CLUSTER", "KEYSLOT", "foo"))
    await cluster().ask(third, "SET", "foo", "kept")
    await cluster().moveSlot(slot, first)
    await cluster().waitUntilHealthy()
    expect(await cluster().ask(first, "GET", "foo")).toBe("kept")
  })
})
