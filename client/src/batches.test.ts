import { describe, expect, test } from "@jest/globals"
import * as fc from "fast-check"
import { BATCH_BYTES_MAX, BATCH_KEY_MAX, BATCH_MESSAGES_MAX, cutBatches, fromFirst } from "./batches.ts"
import { type ChatError, errorOf, ValidationFailedError } from "./errors.ts"

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
        expect(read.map((_, index) => read.slice(0, index).flat().length)).toEqual(batches.map(({ first }) => first))
        batches.forEach(({ text }, index) => {
          const count = read[index].length
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
    expect([...cutBatches(messages)].map(({ first }) => first)).toEqual([0, 1, 2])
  })

  test("with a key: have keys made of it, and a key that leaves no room is refused at once", () => {
    const messages = Array.from({ length: 201 }, () => ({ body: "a" }))
    expect([...cutBatches(messages, "k")].map(({ key }) => key)).toEqual(["k", "k.1", "k.2"])
    expect(() => [...cutBatches(messages, "k".repeat(BATCH_KEY_MAX + 1))]).toThrow(RangeError)
  })

  test("that are refused: name messages by their index among all", () => {
    const path = "messages.3.body"
    const details = { code: "invalid_request", status: 422, detail: `${path}: must not be blank`, requestId: "r" }
    const error = errorOf({ ...details, errors: [{ in: "body", path, message: "must not be blank" }] })
    expect(fromFirst(0, error)).toBe(error)
    const named = fromFirst(100, error)
    expect(named).toBeInstanceOf(ValidationFailedError)
    expect(named).toMatchObject({ detail: "messages.103.body: must not be blank", requestId: "r" })
    expect((named as ChatError).errors).toMatchObject([{ in: "body", path: "messages.103.body" }])
  })
})
