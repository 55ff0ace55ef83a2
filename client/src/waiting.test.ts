import { getEventListeners } from "node:events"
import { describe, expect, test } from "@jest/globals"
import { sleep, within } from "./waiting.ts"

const REASON = new Error("enough")
const LONG_MS = 600_000

/** Never ends, whatever the signal says. */
const never = () => new Promise<never>(() => undefined)
const timedOut = () => new Error("timed out")

describe("what must end with a signal or in time", () => {
  test("and ends before: leaves nothing on the signal", async () => {
    const { signal } = new AbortController()
    expect(await within(async () => 1, LONG_MS, timedOut, signal)).toBe(1)
    await expect(within(() => Promise.reject(REASON), LONG_MS, timedOut, signal)).rejects.toBe(REASON)
    expect(getEventListeners(signal, "abort")).toEqual([])
  })

  test("and does not heed it: ends at once with the reason", async () => {
    const controller = new AbortController()
    const ended = within(never, LONG_MS, timedOut, controller.signal)
    controller.abort(REASON)
    await expect(ended).rejects.toBe(REASON)
    expect(getEventListeners(controller.signal, "abort")).toEqual([])
  })

  test("and takes too long: ends in time, and is told to end", async () => {
    let given: AbortSignal | undefined
    const ended = within(
      (signal) => {
        given = signal
        return never()
      },
      1,
      timedOut,
    )
    await expect(ended).rejects.toThrow("timed out")
    expect(given?.aborted).toBe(true)
  })

  test("with a signal that is aborted already: does not begin", async () => {
    let began = false
    const run = async () => {
      began = true
    }
    await expect(within(run, LONG_MS, timedOut, AbortSignal.abort(REASON))).rejects.toBe(REASON)
    expect(began).toBe(false)
  })
})

describe("a pause", () => {
  test("ends after its time, and leaves nothing on the signal", async () => {
    const { signal } = new AbortController()
    await sleep(1, signal)
    expect(getEventListeners(signal, "abort")).toEqual([])
  })

  test.each([
    ["before", true],
    ["during", false],
  ])("with a signal aborted %s: ends at once with the reason", async (_name, before) => {
    const controller = new AbortController()
    if (before) controller.abort(REASON)
    const ended = sleep(LONG_MS, controller.signal)
    controller.abort(REASON)
    await expect(ended).rejects.toBe(REASON)
  })
})
