import { describe, expect, test } from "@jest/globals"
import type { ClusterNode } from "../../local/services/cluster-node.ts"
import { type Nodes, slotOfShard } from "../targets/cluster.ts"
import type { Target } from "../targets/target.ts"
import { nodeFaults } from "./node-faults.ts"

const half = () => 0.5
const MS = 1

/** Returns a cluster that only records what is done to it: of its masters 1 to 3, node 4 copies the first. */
const notingNodes = (failing?: string) => {
  const done: string[] = []
  const note = (text: string) => {
    done.push(text)
    if (text === failing) throw new Error("no")
  }
  const node = (name: string, role: ClusterNode["role"] = "master") => ({ name, id: name, role }) as ClusterNode
  const all = [node("1"), node("2"), node("3"), node("4", "replica")]
  const on =
    (what: string) =>
    async ({ name }: ClusterNode) =>
      note(`${what} ${name}`)
  const nodes = {
    movesAtOnce: true,
    nodes: all,
    kill: on("kill"),
    restart: on("restart"),
    freeze: on("freeze"),
    thaw: on("thaw"),
    wipe: on("wipe"),
    removeMaster: on("remove"),
    addMaster: async () => {
      const added = node("5")
      all.push(added)
      return added
    },
    waitUntilHealthy: async () => note("whole"),
    linkTo: ({ name }: ClusterNode) => ({
      cut: async () => note(`cut ${name}`),
      delay: (ms: number) => note(`delay ${name} ${ms}`),
      restore: async () => note(`restore ${name}`),
    }),
    isCopied: ({ name }: ClusterNode) => name === "1" || name === "4",
    shardsOf: async ({ name }: ClusterNode) => [`of ${name}`],
    ownerOf: async () => all[0],
    busyShards: async () => ["A", "B", "C"],
    moveSlot: async (slot: number, to: ClusterNode, { pauseBetween }: Parameters<Nodes["moveSlot"]>[2] = {}) => {
      for (const moved of [0, 1, 2]) await pauseBetween?.(moved)
      note(`move ${slot} to ${to.name}`)
    },
    moveSlotsAtOnce: async (slots: readonly number[], to: ClusterNode) => note(`at once ${slots} to ${to.name}`),
  } as unknown as Nodes
  return { target: { cluster: { nodes } } as Target, nodes, done }
}

const run = async (name: string, failing?: string) => {
  const { target, nodes, done } = notingNodes(failing)
  const found = nodeFaults(nodes, half).find((fault) => fault.name === name)
  const ran = found?.run(target, MS, (shards) => done.push(`hits ${shards}`))
  const error = await ran?.then(
    () => undefined,
    (reason: Error) => reason.message,
  )
  return { done, error }
}
const [a, c] = ["A", "C"].map(slotOfShard)

describe("a fault of a node", () => {
  test.each([
    ["fail over", ["whole", "hits of 1", "kill 1", "whole", "restart 1", "whole"]],
    ["kill master", ["whole", "hits of 3", "kill 3", "restart 3"]],
    ["freeze node", ["whole", "hits of 2", "freeze 2", "thaw 2"]],
    ["cut node", ["whole", "hits of 2", "cut 2", "restore 2"]],
    ["delay node", ["whole", "hits of 2", "delay 2 425", "restore 2"]],
    ["wipe node", ["whole", "hits of 2", "wipe 2"]],
    ["move slots", ["whole", "hits A,C", `move ${a} to 3`, `move ${c} to 3`]],
    ["half move slot", ["whole", "hits A", `move ${a} to 3`]],
    ["move at once", ["whole", "hits A,C", `at once ${a},${c} to 3`]],
    [
      "add node",
      ["whole", "hits A,C", `move ${a} to 5`, `move ${c} to 5`, `move ${a} to 2`, `move ${c} to 2`, "remove 5"],
    ],
  ])("%s: tells its shards before it harms them, and undoes it", async (name, expected) => {
    expect(await run(name)).toEqual({ done: expected, error: undefined })
  })

  test("that fails: is undone all the same, and a move is tried again", async () => {
    expect(await run("freeze node", "freeze 2")).toMatchObject({
      error: "no",
      done: expect.arrayContaining(["thaw 2"]),
    })
    const { done, error } = await run("half move slot", `move ${a} to 3`)
    expect(error).toBe("no")
    expect(done.filter((one) => one.startsWith("move"))).toHaveLength(3)
  })

  test("of a server that cannot move slots at once: is not among them", () => {
    const { nodes } = notingNodes()
    const named = (movesAtOnce: boolean) => nodeFaults({ ...nodes, movesAtOnce }, half).map(({ name }) => name)
    expect(named(true)).toContain("move at once")
    expect(named(false)).not.toContain("move at once")
  })
})
