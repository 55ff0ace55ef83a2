import { describe, expect, test } from "@jest/globals"
import type { RedisClient } from "../../clients/redis.ts"
import * as changes from "./changes.ts"
import * as creationOrder from "./creation-order.ts"
import { defineScript } from "./define-script.ts"
import * as delivery from "./delivery.ts"
import * as rates from "./rates.ts"
import * as reads from "./reads.ts"
import * as recovery from "./recovery.ts"
import * as survey from "./survey.ts"
import * as tags from "./tags.ts"
import * as writes from "./writes.ts"

const EXAMPLE = defineScript("example", {
  keys: ["life", "...buckets"],
  args: ["seen", "eventsMax", "...fields"],
  returns: ([count]) => Number(count),
  lua: "return 1",
})

describe("a script", () => {
  test("with names, has a local for each in its first lines", () => {
    expect(EXAMPLE.lua.split("\n")).toEqual([
      "#!lua flags=allow-oom",
      "-- example",
      "local life_key = KEYS[1]",
      "local buckets = {} for i = 2, #KEYS do buckets[i - 1] = KEYS[i] end",
      "local seen = ARGV[1]",
      "local events_max = ARGV[2]",
      "local fields = {} for i = 3, #ARGV do fields[i - 2] = ARGV[i] end",
      "return 1",
    ])
  })

  test("with lists only, has the arrays of Redis under their names", () => {
    const { lua } = defineScript("lists", {
      keys: ["...all"],
      args: ["...one"],
      flags: "",
      returns: () => 0,
      lua: "",
    })
    expect(lua).toBe("-- lists\nlocal all = KEYS\nlocal one = ARGV\n")
  })

  test("given its values in any order and more of them, takes its own in the order of its names", () => {
    const shard = { buckets: ["b1", "b2"], other: "o", life: "l" }
    expect(EXAMPLE.keysOf(shard)).toEqual(["l", "b1", "b2"])
    expect(EXAMPLE.argsOf({ fields: [], eventsMax: 9, seen: 0 })).toEqual([0, 9])
    expect(EXAMPLE.argsOf({ fields: ["f", "g"], eventsMax: 9, seen: "" })).toEqual(["", 9, "f", "g"])
  })

  test("given too few names or a misspelt one, does not compile", () => {
    const keys = { life: "l", buckets: [] }
    const args = { seen: 0, eventsMax: 9, fields: [] }
    const calls = [
      (redis: RedisClient): Promise<number> => redis.run(EXAMPLE, keys, args),
      // @ts-expect-error: an argument is missing
      (redis: RedisClient) => redis.run(EXAMPLE, keys, { seen: 0, fields: [] }),
      // @ts-expect-error: a name is misspelt
      (redis: RedisClient) => redis.run(EXAMPLE, keys, { ...args, eventMax: 9 }),
      // @ts-expect-error: a key is missing
      (redis: RedisClient) => redis.run(EXAMPLE, { life: "l" }, args),
      // @ts-expect-error: a list is a single value
      (redis: RedisClient) => redis.run(EXAMPLE, { life: "l", buckets: "b" }, args),
    ]
    expect(calls).toHaveLength(5)
  })
})

const modules = [changes, creationOrder, delivery, rates, reads, recovery, survey, tags, writes]
const scripts = modules
  .flatMap((module) => Object.entries<object | number | string>(module))
  .flatMap(([name, value]) => (typeof value === "object" && "lua" in value ? [{ name, lua: String(value.lua) }] : []))

test("all scripts are looked at below", () => expect(scripts).toHaveLength(38))

describe.each(scripts)("the script $name", ({ lua }) => {
  const isHead = (line: string) => /\b(KEYS|ARGV)\b/.test(line)
  const lines = lua.split("\n").filter((line) => !line.trim().startsWith("--"))
  const head = lines.filter(isHead)
  const body = lines.filter((line) => !isHead(line)).join("\n")
  const names = head.flatMap((line) => line.replace(/^local | = .*$/g, "").split(", "))

  test("has no key or argument by number but in its first lines", () => {
    expect(head.length).toBeGreaterThan(0)
    expect(lines.filter((line) => !line.startsWith("#!")).slice(0, head.length)).toEqual(head)
  })

  test("uses each name that it has", () => {
    expect(names.filter((name) => !new RegExp(`\\b${name}\\b`).test(body))).toEqual([])
  })

  test("gives no function or local the name of a key or an argument", () => {
    const declared = [...body.matchAll(/\blocal (?:function )?([\w, ]+)/g)].flatMap(([, list = ""]) => list.split(", "))
    const inLoops = [...body.matchAll(/\bfor ([\w, ]+) (?:=|in)/g)].flatMap(([, list = ""]) => list.split(", "))
    const taken = [...declared, ...inLoops].map((name) => name.trim())
    expect(names.filter((name) => taken.includes(name))).toEqual([])
  })
})
