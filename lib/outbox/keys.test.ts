import { expect, test } from "@jest/globals"
import { slotOf } from "../clients/redis-topology.ts"
import { formerName, lifeKey, pendingKey, SHARDS, shardOfName, TAGS } from "./keys.ts"

const SLOTS = 16_384

test("a tag begins with its shard, is longer, and lies in the middle of an equal part of the slots", () => {
  expect(TAGS.map((tag) => tag.charAt(0))).toEqual([...SHARDS])
  expect(TAGS.filter((tag) => !/^[\w-]{2,5}$/.test(tag))).toEqual([])
  const part = SLOTS / SHARDS.length
  expect(SHARDS.map((shard) => slotOf(lifeKey(shard)))).toEqual(SHARDS.map((_, index) => part * index + part / 2))
})

test.each(Array.from({ length: SHARDS.length }, (_, index) => index + 1))(
  "%i masters with equal ranges of slots: have equally many shards, give or take one",
  (masters) => {
    const counts = Array<number>(masters).fill(0)
    for (const shard of SHARDS) {
      const master = Math.floor((slotOf(lifeKey(shard)) * masters) / SLOTS)
      counts[master] = (counts[master] ?? 0) + 1
    }
    expect(Math.max(...counts)).toBeLessThanOrEqual(Math.ceil(SHARDS.length / masters))
    expect(Math.min(...counts)).toBeGreaterThanOrEqual(Math.floor(SHARDS.length / masters))
  },
)

test("a key's former name has its shard alone as the tag", () => {
  for (const shard of SHARDS) {
    expect(shardOfName(lifeKey(shard))).toBe(shard)
    expect(formerName(pendingKey(shard, "a}b{c"))).toBe(`{${shard}}:pending:a}b{c`)
  }
})
