import { describe, expect, test } from "@jest/globals"
import type { LinkName, Server, ServerKind, Target } from "../targets/target.ts"
import { faultsFor } from "./catalogue.ts"

const KINDS: ServerKind[] = ["redis", "mysql", "elasticmq", "elasticsearch", "api", "api"]
const LINKS: LinkName[] = ["client", "redis", "mysql", "elasticmq", "elasticsearch"]
const DISKS = ["redis", "mysql", "elasticsearch"] as const
const half = () => 0.5

/** Returns a target that only records what is done to it. */
const notingTarget = () => {
  const done: string[] = []
  const note = (text: string) => async () => {
    done.push(text)
  }
  const target: Target = {
    name: "native",
    apiUrl: "",
    copyUrls: [""],
    env: {},
    servers: KINDS.map((kind, index): Server => {
      const name = `${kind}-${index}`
      const [kill, freeze, thaw] = [note(`kill ${name}`), note(`freeze ${name}`), note(`thaw ${name}`)]
      return { name, kind, kill, freeze, thaw, rssBytes: async () => 0 }
    }),
    links: Object.fromEntries(
      LINKS.map((name) => [
        name,
        {
          cut: note(`cut ${name}`),
          delay: (ms: number) => void done.push(`delay ${name} ${ms}`),
          restore: note(`restore ${name}`),
        },
      ]),
    ) as Target["links"],
    disks: DISKS.map((kind) => ({ kind, fill: note(`fill ${kind}`), free: note(`free ${kind}`) })),
    setClock: async (ms) => void done.push(`clock ${ms}`),
    rollRedisBack: note("roll back"),
    unexplainedEnds: async () => [],
    stop: note("stop"),
  }
  return { target, done }
}

describe("the catalogue of faults", () => {
  test("of a target without small disks, when listed, fills none", () => {
    const { target } = notingTarget()
    expect(faultsFor({ ...target, disks: [] }, half).filter(({ name }) => name.startsWith("fill"))).toEqual([])
  })

  test.each([
    ["kill redis", ["kill redis-0"]],
    ["freeze mysql", ["freeze mysql-1", "thaw mysql-1"]],
    ["kill api", ["kill api-5"]],
    ["cut client", ["cut client", "restore client"]],
    ["delay elasticmq", ["delay elasticmq 425", "restore elasticmq"]],
    ["fill redis", ["fill redis", "free redis"]],
    ["roll redis back", ["roll back"]],
    ["clock back", ["clock -45500", "clock 0"]],
    ["clock forward", ["clock 45500", "clock 0"]],
  ])("%s, when run, does that and undoes it", async (name, expected) => {
    const { target, done } = notingTarget()
    await faultsFor(target, half)
      .find((fault) => fault.name === name)
      ?.run(target, 1)
    expect(done).toEqual(expected)
  })

  test("a fault that fails, when run, is undone all the same", async () => {
    const { target, done } = notingTarget()
    const servers = target.servers.map((server) => ({ ...server, freeze: () => Promise.reject(new Error("no")) }))
    const found = faultsFor(target, half).find(({ name }) => name === "freeze redis")
    await expect(found?.run({ ...target, servers }, 1)).rejects.toThrow("no")
    expect(done).toEqual(["thaw redis-0"])
  })
})
