import { describe, expect, test } from "@jest/globals"
import { eventually } from "../../test/steps/eventually.ts"
import type { Fault } from "../faults/fault.ts"
import { createFaultLog } from "../faults/fault-log.ts"
import type { Answer } from "../load/client.ts"
import { createLedger } from "../load/ledger.ts"
import { seededRandom } from "../load/random.ts"
import { entrancesOf } from "../targets/target.ts"
import { createFollowers } from "./followers.ts"

const APPLICATIONS = 6
const HASTE_LIMIT_MS = 4_000

/** Followers of six applications that read from these entrances, none of which answers; and who asked where. */
async function follow(entrances: { name: string; isProxied: boolean }[]) {
  const ledger = createLedger("run")
  const playground = Array.from({ length: APPLICATIONS }, () => {
    const application = ledger.beginCreation("application", undefined, "test")
    return { application, chat: ledger.beginCreation("chat", application, "test") }
  })
  const asked: string[] = []
  const sources = entrances.map((entrance) => {
    const call = async ({ requestId = "" }) => {
      asked.push(`${entrance.name} ${requestId}`)
      return { status: 0, reason: "refused", sentAt: 0, tookMs: 1 } as Answer
    }
    return { ...entrance, client: { call, close: () => {} } }
  })
  const followers = createFollowers({ ledger, faults: createFaultLog(), random: seededRandom(1) }, playground, sources)
  const stop = new AbortController()
  const following = followers.run(60_000, stop.signal)
  stop.abort()
  await following
  return { all: followers.all, asked }
}

describe("followers that have everything", () => {
  const freeze: Fault = { name: "freeze api", harms: "api", freezes: true, run: async () => {} }

  test("before a server is frozen, read without a pause", async () => {
    const ledger = createLedger("run")
    const application = ledger.beginCreation("application", undefined, "test")
    const playground = [{ application, chat: ledger.beginCreation("chat", application, "test") }]
    const body = { data: [], next_cursor: "cursor", has_more: false }
    const call = async () => ({ status: 200, body, sentAt: 0, tookMs: 1 }) as unknown as Answer
    const faults = createFaultLog()
    const sources = [{ name: "copy 1", isProxied: false, client: { call, close: () => {} } }]
    const followers = createFollowers({ ledger, faults, random: seededRandom(1) }, playground, sources)
    const stop = new AbortController()
    faults.expect(freeze)
    const following = followers.run(60_000, stop.signal)
    // With pauses this would take a minute.
    await eventually(() => {
      for (const { pages } of followers.all) expect(pages).toBeGreaterThan(75)
    }, HASTE_LIMIT_MS).finally(() => stop.abort())
    await following
  })
})

describe("the followers of three copies behind a proxy", () => {
  test("when they begin, follow applications and chats through the proxy and through each copy", async () => {
    const copyUrls = ["http://a", "http://b", "http://c"]
    const { all, asked } = await follow(entrancesOf({ name: "compose", apiUrl: "http://proxy", copyUrls }))
    const scopes = Map.groupBy(all, ({ reads }) => reads)
    expect([...scopes.keys()]).toEqual(["proxy", "copy 1", "copy 2", "copy 3"])
    for (const [reads, those] of scopes) {
      const ofChats = those.filter(({ chat }) => chat !== undefined).length
      expect([reads, ofChats > 0, ofChats < those.length]).toEqual([reads, true, true])
    }
    expect(asked).toHaveLength(all.length)
    for (const { reads, name, refused } of all) {
      expect(
        asked.filter((one) => one.startsWith(`${reads} `) && one.includes(name.replaceAll(" ", "-"))),
      ).toHaveLength(1)
      expect(refused).toBe(1)
    }
  })

  test("of one copy without a proxy, when they begin, all read from it", async () => {
    const { all } = await follow(entrancesOf({ name: "native", apiUrl: "http://a", copyUrls: ["http://a"] }))
    expect(new Set(all.map(({ reads }) => reads))).toEqual(new Set(["copy 1"]))
    expect(all).toHaveLength(2 * APPLICATIONS)
  })
})
