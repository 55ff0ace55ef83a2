import { expect, test } from "@jest/globals"
import { withDeadline } from "./deadline.ts"

const FAR_MS = 60_000
const late = () => new Error("late")

test("work that ends in time: gives its value or its error, and leaves no timer", async () => {
  const timers = () => process.getActiveResourcesInfo().filter((name) => name === "Timeout").length
  const before = timers()
  await expect(withDeadline(FAR_MS, Promise.resolve("done"), late)).resolves.toBe("done")
  await expect(withDeadline(FAR_MS, Promise.reject(new Error("failed")), late)).rejects.toThrow("failed")
  expect(timers()).toBe(before)
})

test("work that takes longer: is late, and its failure afterwards is handled", async () => {
  let fail = (_: Error): void => undefined
  const work = new Promise<never>((_, reject) => {
    fail = reject
  })
  await expect(withDeadline(1, work, late)).rejects.toThrow("late")
  // Jest fails a test whose rejection nobody handles.
  fail(new Error("failed"))
  await new Promise((resolve) => setImmediate(resolve))
})
