import { describe, expect, test } from "@jest/globals"
import type { Harmed } from "../faults/fault.ts"
import { createFaultLog, type FaultRecord } from "../faults/fault-log.ts"
import type { Answer } from "../load/client.ts"
import { createLedger, type Resource } from "../load/ledger.ts"
import { createVerdict } from "./checks.ts"
import { judgeRefusals, measureRefusals, outagesOf, type Try, triesByShard } from "./refusals.ts"

const TOKEN_LENGTH = 24
/** When the fault at the node of the shards A and B lasts. */
const [FROM, TO] = [100_000, 104_000]

const atNode = (startedAt: number, endedAt: number, shards: string[]): FaultRecord => ({
  fault: { name: "kill master", harms: "redis", atNode: true, run: async () => {} },
  startedAt,
  endedAt,
  shards: new Set(shards),
})
const ofServer = (harms: Harmed, startedAt: number, endedAt: number): FaultRecord => ({
  fault: { name: `freeze ${harms}`, harms, run: async () => {} },
  startedAt,
  endedAt,
})
/** Returns a request that was answered `tookMs` later. */
const taken = (sentAt: number, tookMs = 10): Try => ({ sentAt, answeredAt: sentAt + tookMs, isTaken: true })
const refused = (sentAt: number, tookMs = 10): Try => ({ ...taken(sentAt, tookMs), isTaken: false })

/** Returns tries of the shards A (harmed), C and D: A is away throughout, C as given, D never. */
const triesWith = (ofC: Try[]) =>
  new Map([
    ["A", [taken(FROM - 50), refused(FROM + 100), refused(TO + 2_000), taken(TO + 2_500)]],
    ["C", ofC],
    ["D", [taken(FROM), taken(TO)]],
  ])
const measured = (ofC: Try[], ...others: FaultRecord[]) =>
  measureRefusals(triesWith(ofC), [atNode(FROM, TO, ["A", "B"]), ...others])[0]

describe("an outage of a shard", () => {
  test("lasts from the first refusal's request to the next success", () => {
    const tries = [taken(1_000), refused(2_000, 500), refused(2_600), taken(4_000), taken(5_000)]
    expect(outagesOf("C", tries)).toEqual([{ shard: "C", from: 2_000, to: 4_010 }])
  })

  test("does not begin before a success that came while the refused request waited", () => {
    const tries = [taken(2_500), refused(2_000, 1_800), taken(4_000)]
    expect(outagesOf("C", tries)).toEqual([{ shard: "C", from: 2_510, to: 4_010 }])
  })

  test("without an end lasts to the last answer, and without requests there is none", () => {
    expect(outagesOf("C", [refused(1_000), refused(9_000)])).toEqual([{ shard: "C", from: 1_000, to: 9_010 }])
    expect(outagesOf("C", [taken(1_000), taken(90_000)])).toEqual([])
  })
})

describe("a fault at a node", () => {
  test("during which another shard is refused: is measured by its longest outage, and its own shards by their return", () => {
    const ofC = [refused(FROM + 500), taken(FROM + 900), refused(FROM + 1_000), taken(FROM + 3_990)]
    expect(measured(ofC)).toMatchObject({ longestMs: 3_000, measured: 2, leftOut: 0, ownMs: 2_510 })
  })

  test("with an outage that another fault explains: leaves it out, unless that is elsewhere or long over", () => {
    const ofC = [refused(FROM + 1_000), taken(FROM + 6_000)]
    const explained = { longestMs: 0, leftOut: 1 }
    expect(measured(ofC, ofServer("mysql", FROM - 5_000, FROM - 1_000))).toMatchObject(explained)
    expect(measured(ofC, atNode(FROM - 5_000, FROM - 1_000, ["C"]))).toMatchObject(explained)
    for (const other of [
      ofServer("mysql", FROM - 30_000, FROM - 20_000),
      ofServer("elasticsearch", FROM, TO),
      atNode(FROM - 5_000, FROM - 1_000, ["D"]),
    ]) {
      expect(measured(ofC, other)).toMatchObject({ longestMs: 5_010, leftOut: 0 })
    }
  })

  test("whose shards another fault harmed before: has their return all the same", () => {
    expect(measured([], ofServer("client", FROM - 2_000, FROM - 1_000))).toMatchObject({ ownMs: 2_510 })
  })

  test("of whose shards another fault keeps one away: does not have their return; without an outage it is at once", () => {
    expect(measured([], ofServer("client", TO + 500, TO + 1_500))).toMatchObject({ ownMs: null })
    expect(measureRefusals(triesWith([]), [atNode(FROM, TO, ["D"])])[0]).toMatchObject({ ownMs: 0 })
  })

  test("that is over at once: is measured by the writes of the next three seconds", () => {
    const wipe = (ofC: Try[]) => measureRefusals(triesWith(ofC), [atNode(FROM, FROM + 20, ["A", "B"])])[0]
    expect(wipe([taken(FROM + 2_900)])).toMatchObject({ measured: 2 })
    expect(wipe([taken(FROM + 3_100)])).toMatchObject({ measured: 1 })
  })

  test("long after which a shard is refused: has nothing to do with it", () => {
    expect(measured([taken(FROM), refused(TO + 20_000), taken(TO + 30_000)])).toMatchObject({ longestMs: 0 })
  })
})

type Attempts = { at: number; status: number }[]
const UNANSWERED: Attempts = [
  { at: FROM, status: 0 },
  { at: TO + 100, status: 201 },
]

/** Returns a ledger with a batch of messages in the shard A and one in C, and the attempts to create them. */
function ledgerOf(ofC: Attempts, ofA = UNANSWERED) {
  const ledger = createLedger("run")
  const answer = (sentAt: number, status: number, body = {}) => ({ sentAt, status, body, tookMs: 10 }) as Answer
  const write = (shard: string, tries: Attempts) => {
    const application = ledger.beginCreation("application", undefined, "owner")
    ledger.acknowledge(application.creation, answer(0, 201, { token: shard.padEnd(TOKEN_LENGTH, "x") }))
    const chat = ledger.beginCreation("chat", application, "owner")
    const [first] = ledger.beginBatch(chat, "owner", 2) as [Resource]
    for (const { at, status } of tries) ledger.attempt(first.creation, answer(at, status))
  }
  write("A", ofA)
  write("C", ofC)
  return ledger
}

function judge(ofC: Attempts, harmed = "A", ofA = UNANSWERED) {
  const verdict = createVerdict()
  const faults = createFaultLog()
  faults.all.push(atNode(FROM, TO, [harmed]))
  judgeRefusals(ledgerOf(ofC, ofA), faults, verdict)
  return verdict.checks.find(({ name }) => name === "shard refused over 3 s")
}

describe("the verdict on refusals", () => {
  test("of a shard on another node that took no write for over 3 s: is a finding, for 3 s is none", () => {
    const refusals = [0, 429, 503].map((status, index) => ({ at: FROM + 100 + index, status }))
    expect(judge([...refusals, { at: FROM + 3_090, status: 201 }])).toMatchObject({ count: 0 })
    expect(judge([...refusals, { at: FROM + 3_091, status: 201 }])).toMatchObject({ count: 1 })
  })

  test("of the harmed shards themselves, or of answers that are no refusals: is no finding", () => {
    const untilEnd = (status: number) => [
      { at: FROM + 100, status },
      { at: TO, status: 201 },
    ]
    expect(judge(untilEnd(503), "C", [{ at: FROM, status: 201 }])).toMatchObject({ count: 0 })
    expect(judge(untilEnd(412))).toMatchObject({ count: 0 })
  })

  test("of a fault during which no other shard was written to: is a finding, since it shows nothing", () => {
    expect(judge([{ at: TO + 60_000, status: 201 }])).toMatchObject({ count: 1 })
  })

  test("counts a batch's attempts once, and no creations of applications", () => {
    const tries = triesByShard(ledgerOf([{ at: FROM, status: 201 }]))
    expect([...tries].map(([shard, those]) => [shard, those.length])).toEqual([
      ["A", 2],
      ["C", 1],
    ])
  })
})
