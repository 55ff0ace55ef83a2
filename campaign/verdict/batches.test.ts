import { expect, test } from "@jest/globals"
import { createLedger, type Resource } from "../load/ledger.ts"
import { checkBatches } from "./batches.ts"
import { createVerdict } from "./checks.ts"

const ledger = createLedger("run")
const application = ledger.beginCreation("application", undefined, "test")
const messages = ledger.beginBatch(ledger.beginCreation("chat", application, "test"), "test", 3)

test.each([
  ["none of its messages stored: is whole", [], 0],
  [
    "all of them in one run: is whole",
    [
      [0, 5],
      [1, 6],
      [2, 7],
    ],
    0,
  ],
  [
    "all of them twice, each time in one run: is whole",
    [
      [0, 5],
      [1, 6],
      [2, 7],
      [0, 10],
      [1, 11],
      [2, 12],
    ],
    0,
  ],
  [
    "one of them missing: is not whole",
    [
      [0, 5],
      [1, 6],
    ],
    1,
  ],
  [
    "a number between them: is not whole",
    [
      [0, 5],
      [1, 6],
      [2, 8],
    ],
    1,
  ],
  [
    "in another order: is not whole",
    [
      [0, 6],
      [1, 5],
      [2, 7],
    ],
    1,
  ],
])("a batch without an answer, %s", (_, stored, count) => {
  const rows = stored.map(([index = 0, id = 0]) => ({ id, text: (messages[index] as Resource).creation.id }))
  const verdict = createVerdict()
  checkBatches(messages, rows, "a chat", verdict)
  expect(verdict.checks.filter((check) => check.count > 0).map((check) => [check.name, check.count])).toEqual(
    count > 0 ? [["batch not whole", count]] : [],
  )
})
