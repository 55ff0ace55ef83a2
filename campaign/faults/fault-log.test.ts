import { describe, expect, test } from "@jest/globals"
import type { Fault } from "./fault.ts"
import { createFaultLog } from "./fault-log.ts"

const FREEZE: Fault = { name: "freeze api", harms: "api", freezes: true, run: async () => {} }
const KILL: Fault = { name: "kill api", harms: "api", run: async () => {} }

describe("the log of faults", () => {
  test("of a freeze, from when it is expected until just after it began: says that a server is freezing", () => {
    const faults = createFaultLog()
    expect(faults.isFreezing()).toBe(false)
    faults.expect(FREEZE)
    expect(faults.isFreezing()).toBe(true)
    const record = faults.begin(FREEZE)
    expect(faults.isFreezing()).toBe(true)
    record.startedAt -= 5_000
    expect(faults.isFreezing()).toBe(false)
  })

  test("of another fault, expected or begun: says that none is", () => {
    const faults = createFaultLog()
    faults.expect(KILL)
    faults.begin(KILL)
    expect(faults.isFreezing()).toBe(false)
  })
})
