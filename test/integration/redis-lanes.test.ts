// Many scripts at once are spread over several connections to Redis, and few use the first alone.
import { randomBytes } from "node:crypto"
import { afterEach, beforeEach, expect, test } from "@jest/globals"
import { Redis } from "ioredis"
import { connectLanes } from "../../lib/clients/redis-lanes.ts"
import type { RedisNode } from "../../lib/clients/redis-node.ts"
import { eventually } from "../steps/eventually.ts"
import { useTestStores } from "../steps/stores.ts"

const stores = useTestStores()

const INCREMENT = "return redis.call('INCR', KEYS[1])"
/** With what Redis needs around it, 24 fill what it reads of a connection in one turn. */
const FILL = "x".repeat(640)
const AT_ONCE = 400
const LANES_MAX = 4
const OPENED_WITHIN_MS = 5_000

let observer: Redis
let node: RedisNode
let key: string
let others: Set<string>

const clients = async (): Promise<string[]> =>
  [...`${await observer.client("LIST")}`.matchAll(/^id=(\d+) /gm)].map(([, id]) => id as string)
const opened = async () => (await clients()).filter((id) => !others.has(id)).length

beforeEach(async () => {
  const url = stores().config.REDIS_URL
  observer = new Redis(url)
  others = new Set(await clients())
  node = connectLanes(url, () => undefined)
  await node.firstConnection()
  key = `lanes-${randomBytes(6).toString("hex")}`
})
afterEach(async () => {
  await node.close()
  await observer.del(key)
  await observer.quit()
})

const increment = () => node.evaluate(INCREMENT, [key], [FILL])

test("scripts one after the other: use one connection", async () => {
  for (let time = 0; time < AT_ONCE; time++) await increment()
  expect(await opened()).toBe(1)
})

test("many scripts at once: each runs once, on a few connections", async () => {
  await eventually(async () => {
    await Promise.all(Array.from({ length: AT_ONCE }, increment))
    expect(await opened()).toBe(LANES_MAX)
  }, OPENED_WITHIN_MS)
  const before = Number(await observer.get(key))
  const replies = await Promise.all(Array.from({ length: AT_ONCE }, increment))
  const numbers = replies.map(([number]) => Number(number))
  expect(numbers.toSorted((a, b) => a - b)).toEqual(Array.from({ length: AT_ONCE }, (_, index) => before + 1 + index))
  expect(await opened()).toBe(LANES_MAX)
})

test("a connection beside the first that is lost: fails what was on it, and the others go on", async () => {
  await eventually(async () => {
    await Promise.all(Array.from({ length: AT_ONCE }, increment))
    expect(await opened()).toBe(LANES_MAX)
  }, OPENED_WITHIN_MS)
  const [, second = ""] = (await clients()).filter((id) => !others.has(id))
  await observer.client("KILL", "ID", second)
  const outcomes = await Promise.allSettled(Array.from({ length: AT_ONCE }, increment))
  expect(outcomes.filter(({ status }) => status === "fulfilled").length).toBeGreaterThan(AT_ONCE / 2)
  expect(node.isReady()).toBe(true)
  await eventually(async () => expect(await opened()).toBe(LANES_MAX), OPENED_WITHIN_MS)
})
