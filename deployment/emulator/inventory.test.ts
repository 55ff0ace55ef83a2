import { expect, test } from "@jest/globals"
import { onlyIn } from "./inventory.ts"

test("what one inventory has and another has not: is told with its kind, also if the other lacks the kind", () => {
  const before = { queues: ["a"], roles: ["a"] }
  const after = { queues: ["a", "b"], roles: [], topics: ["t"] }
  expect(onlyIn(after, before)).toEqual(["queues: b", "topics: t"])
  expect(onlyIn(before, after)).toEqual(["roles: a"])
})
