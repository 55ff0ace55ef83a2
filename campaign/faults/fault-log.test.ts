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

describe("the log of faults of nodes", () => {
  const WIPE: Fault = { name: "wipe node", harms: "redis", losesData: true, atNode: true, run: async () => {} }

  test("excuses old reads and losses in the shards that were harmed, once known, and where the shard is not", () => {
    const faults = createFaultLog()
    const record = faults.begin(WIPE)
    const now = record.startedAt
    const excused = (shard?: string) => [faults.excusesOldReads(now, now, shard), faults.lostData(now, now, shard)]
    expect(excused("B")).toEqual([true, true])
    record.shards = new Set(["A"])
    expect(excused("A")).toEqual([true, true])
    expect(excused()).toEqual([true, true])
    expect(excused("B")).toEqual([false, false])
  })
})
