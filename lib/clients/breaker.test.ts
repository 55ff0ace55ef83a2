import { expect, test } from "@jest/globals"
import { eventually } from "../../test/steps/eventually.ts"
import { createBreaker } from "./breaker.ts"

/** The second before a probe is let through, with room for a busy machine. */
const PROBE_LIMIT_MS = 4_000

function givenBreaker() {
  const told: string[] = []
  const breaker = createBreaker("mysql", (state) => told.push(state))
  const call = (answer: () => Promise<unknown>, isFailure = true) =>
    breaker.run(answer, () => isFailure).catch((error: unknown) => error)
  const fail = () => call(() => Promise.reject(new Error("no answer")))
  return { breaker, told, call, fail }
}

test("a breaker: two failures, an answer, two failures: stays closed", async () => {
  const { told, call, fail } = givenBreaker()
  for (let round = 0; round < 2; round++) {
    await fail()
    await fail()
    await call(async () => "answer")
  }
  expect(told).toEqual([])
})

test("a breaker: failures of calls that began before the last answer: do not count", async () => {
  const { breaker, told, call, fail } = givenBreaker()
  const slow = [breaker.begin(), breaker.begin(), breaker.begin()]
  await new Promise((resolve) => setImmediate(resolve))
  await call(async () => "answer")
  for (const one of slow) one.failed(new Error("no answer"))
  expect(told).toEqual([])
  await new Promise((resolve) => setImmediate(resolve))
  for (let count = 0; count < 3; count++) await fail()
  expect(told).toEqual(["opened"])
})

test("a breaker: errors that were answered: are no failures", async () => {
  const { told, call } = givenBreaker()
  for (let count = 0; count < 9; count++) await call(() => Promise.reject(new Error("refused")), false)
  expect(told).toEqual([])
})

test("an open breaker: calls: fail unasked, but for one after a second, whose answer closes it", async () => {
  const { breaker, told, fail } = givenBreaker()
  for (let count = 0; count < 3; count++) await fail()
  let asked = 0
  const ask = async () => {
    asked++
    await new Promise((resolve) => setImmediate(resolve))
  }
  const isFailure = () => true
  await expect(breaker.run(ask, isFailure)).rejects.toMatchObject({ name: "DependencyAway", dependency: "mysql" })
  expect(asked).toBe(0)
  await eventually(async () => {
    const outcomes = await Promise.allSettled(Array.from({ length: 100 }, () => breaker.run(ask, isFailure)))
    expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(1)
  }, PROBE_LIMIT_MS)
  expect(asked).toBe(1)
  expect(told).toEqual(["opened", "closed"])
})
