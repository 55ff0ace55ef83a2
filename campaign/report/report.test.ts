import { expect, test } from "@jest/globals"
import { refusalsByKind } from "./report.ts"

const refusal = (name: string, othersMs: number, ownMs: number | null) => ({
  ...{ name, othersMs, ownMs },
  ...{ at: 0, shards: 1, others: 9, leftOut: 0 },
})

test("the refusals by kind of fault: are the longest of each, and no return where none is known", () => {
  const all = [
    refusal("wipe node", 100, 3_300),
    refusal("add node", 0, null),
    refusal("wipe node", 1_200, null),
    refusal("wipe node", 0, 2_000),
  ]
  expect(refusalsByKind(all)).toEqual(["| add node | 1 | 0.0 | – |", "| wipe node | 3 | 1.2 | 3.3 |"])
})
