import { describe, expect, test } from "@jest/globals"
import * as fc from "fast-check"
import { BATCH_BYTES_MAX, BATCH_MESSAGES_MAX, cutBatches } from "./batches.ts"

const bytesOf = (text: string): number => Buffer.byteLength(text)

describe("batches", () => {
  test("of any messages: hold all of them in their order, in as few requests as the limits allow", () => {
    // A quarter of the limit in bytes, so that both limits are met.
    const large = fc.nat(BATCH_BYTES_MAX / 4).map((length) => ({ body: "é".repeat(length / 2) }))
    const message = fc.oneof(
      { weight: 9, arbitrary: fc.record({ body: fc.string() }) },
      { weight: 1, arbitrary: large },
    )
    void fc.assert(
      fc.property(fc.array(message, { maxLength: 350, size: "max" }), (messages) => {
        const batches = [...cutBatches(messages)]
        const read = batches.map(({ text }) => JSON.parse(text).messages)
        expect(read.flat()).toEqual(messages)
        expect(batches.map(({ count }) => count)).toEqual(read.map(({ length }) => length))
        batches.forEach(({ text, count }, index) => {
          expect(count).toBeLessThanOrEqual(BATCH_MESSAGES_MAX)
          expect(bytesOf(text)).toBeLessThanOrEqual(BATCH_BYTES_MAX)
          const next = read[index + 1]?.[0]
          const isFull = count === BATCH_MESSAGES_MAX || bytesOf(`${text},${JSON.stringify(next)}`) > BATCH_BYTES_MAX
          expect(next === undefined || isFull).toBe(true)
        })
      }),
      { numRuns: 30 },
    )
  })

  test("of no messages: are none", () => {
    expect([...cutBatches([])]).toEqual([])
  })

  test("with a message that is larger than a request: give it one of its own", () => {
    const messages = [{ body: "a" }, { body: "b".repeat(BATCH_BYTES_MAX) }, { body: "c" }]
    expect([...cutBatches(messages)].map(({ count }) => count)).toEqual([1, 1, 1])
  })
})
