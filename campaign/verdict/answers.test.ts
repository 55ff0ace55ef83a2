import { describe, expect, test } from "@jest/globals"
import type { Fault } from "../faults/fault.ts"
import { createFaultLog } from "../faults/fault-log.ts"
import { createLedger } from "../load/ledger.ts"
import { judgeAnswers } from "./answers.ts"
import { createVerdict } from "./checks.ts"

const FREEZE_API: Fault = { name: "freeze api", harms: "api", freezes: true, run: async () => {} }
const KILL_API: Fault = { name: "kill api", harms: "api", run: async () => {} }
const CUT_CLIENT: Fault = { name: "cut client", harms: "client", run: async () => {} }

describe("a request of eleven seconds", () => {
  test.each([
    ["to a copy, while one was frozen", FREEZE_API, false, 0],
    ["through the proxy, while a copy was frozen", FREEZE_API, true, 1],
    ["to a copy, while one was killed", KILL_API, false, 1],
    ["through the proxy, while its link was cut", CUT_CLIENT, true, 0],
  ])("%s: is a finding, or is not", (_, fault, isProxied, findings) => {
    const [ledger, faults, verdict] = [createLedger("run"), createFaultLog(), createVerdict()]
    faults.end(faults.begin(fault))
    ledger.slow.push({ call: "GET", sentAt: Date.now() - 10_000, tookMs: 11_000, requestId: "1", isProxied })
    judgeAnswers(ledger, faults, verdict)
    expect(verdict.checks.find(({ name }) => name === "request over 10 s")?.count).toBe(findings)
  })
})
