// Two updates at once against a server that is made up here: what the ledger expects of it, and which flaws are found.
import { describe, expect, test } from "@jest/globals"
import { createFaultLog } from "../faults/fault-log.ts"
import type { Answer, Call } from "./client.ts"
import type { Load } from "./exchange.ts"
import { createLedger, type Resource, type Write } from "./ledger.ts"
import { givenBy, possibleStates, type Shown, shownAfter, shows } from "./members.ts"
import { changeAtOnce } from "./rivals.ts"

const time = (second: number): string => new Date(Date.UTC(2026, 10, 1, 0, 0, second)).toISOString()

/** A message that was acknowledged, and its members. */
function givenMessage() {
  const ledger = createLedger("run")
  const chat = ledger.beginCreation("chat", undefined, "test")
  const message = ledger.beginCreation("message", chat, "test")
  const item: Shown = { ...shownAfter(message.creation), number: 1, created_at: time(0), updated_at: time(0) }
  ledger.acknowledge(message.creation, { status: 201, body: item, etag: '"0"' } as Answer)
  return { ledger, message, item }
}

const acknowledge = (ledger: ReturnType<typeof createLedger>, write: Write, second: number, sawRival: boolean) => {
  const body = { updated_at: time(second) }
  ledger.acknowledge(write, { status: 200, body, etag: `"${second}"` } as unknown as Answer, sawRival)
}

/** Returns which of the two the message may have: "text", "metadata", "both", "neither". */
const possible = (message: Resource, item: Shown, [text, metadata]: [Write, Write]) => {
  const shown = {
    neither: item,
    text: { ...item, ...givenBy(text) },
    metadata: { ...item, ...givenBy(metadata) },
    both: { ...item, ...givenBy(text), ...givenBy(metadata) },
  }
  return Object.entries(shown).flatMap(([name, one]) =>
    possibleStates(message).some((state) => shows(state, one)) ? [name] : [],
  )
}

describe("a message that was given text and metadata at once", () => {
  test("of which neither was answered: may have either, both or neither", () => {
    const { ledger, message, item } = givenMessage()
    const rivals = ledger.beginRivals(message)
    expect(possible(message, item, rivals)).toEqual(["neither", "text", "metadata", "both"])
  })

  test("of which one was answered: has that one, and maybe the other", () => {
    const { ledger, message, item } = givenMessage()
    const rivals = ledger.beginRivals(message)
    acknowledge(ledger, rivals[1], 1, false)
    expect(possible(message, item, rivals)).toEqual(["metadata", "both"])
  })

  test.each([
    [0, 1],
    [1, 0],
  ] as const)(
    "both answered, number %i first: has both, and the ETag of the later one, whichever was answered last",
    (earlier, later) => {
      for (const answeredLast of [later, earlier]) {
        const { ledger, message, item } = givenMessage()
        const rivals = ledger.beginRivals(message)
        for (const which of answeredLast === later ? [earlier, later] : [later, earlier]) {
          acknowledge(ledger, rivals[which], which === later ? 2 : 1, which === later)
        }
        expect(possible(message, item, rivals)).toEqual(["both"])
        expect(message).toMatchObject({ etag: '"2"', settled: true })
        const next = ledger.begin("update", message, "text")
        expect(next.metadata).toBe(rivals[1])
      }
    },
  )

  test("of which one was refused for its condition: has the other alone, and may be changed again", () => {
    const { ledger, message, item } = givenMessage()
    const rivals = ledger.beginRivals(message)
    ledger.attempt(rivals[1], { status: 412 } as Answer)
    rivals[1].outcome = "refused"
    acknowledge(ledger, rivals[0], 1, false)
    expect(possible(message, item, rivals)).toEqual(["text"])
    expect(message.settled).toBe(true)
  })
})

type Flaw = "none" | "loses the other" | "ignores If-Match" | "changes and refuses"

/** A server of one message, which takes one PATCH after the other. */
function givenServer(item: Shown, flaw: Flaw) {
  const first = { ...item }
  const server = { item: { ...item }, changes: 0 }
  const answerTo = ({ method, json, ifMatch }: Call): { status: number; etag?: string } => {
    if (method === "GET") return { status: 200 }
    const isRefused = ifMatch !== undefined && ifMatch !== `"${server.changes}"` && flaw !== "ignores If-Match"
    if (isRefused && flaw !== "changes and refuses") return { status: 412 }
    server.changes++
    const before = flaw === "loses the other" ? first : server.item
    server.item = { ...before, ...(json as Shown), updated_at: time(server.changes) }
    return { status: isRefused ? 412 : 200 }
  }
  const call = async (request: Call) => {
    const { status } = answerTo(request)
    return { status, body: { ...server.item }, etag: `"${server.changes}"`, sentAt: 0, tookMs: 1, reason: "" } as Answer
  }
  return { server, client: { call, close: () => {} } }
}

/** Changes a message at once, with or without a condition, the dependent one sent first or last. */
async function changed(flaw: Flaw, random: number[]) {
  const { ledger, message, item } = givenMessage()
  const { server, client } = givenServer(item, flaw)
  const { signal } = new AbortController()
  const drawn = [...random]
  const load = { client, ledger, faults: createFaultLog(), random: () => drawn.shift() ?? 0.5, giveUp: signal }
  await changeAtOnce(load as unknown as Load, message)
  const isRight = possibleStates(message).some((state) => shows(state, server.item))
  const wrong = [...ledger.wrongAnswers, ...ledger.wrongReads].map(({ what }) => what)
  return { isRight, wrong, refused: ledger.writes.filter(({ outcome }) => outcome === "refused").length }
}

/** Drawn numbers: whether on condition (below a half), which depends, and which is sent first. */
const FREE = [0.9, 0, 0]
const DEPENDENT_FIRST = [0, 0, 0]
const DEPENDENT_LAST = [0, 0, 0.9]

describe("two updates at once", () => {
  test.each([
    ["without a condition", FREE, 0],
    ["the dependent one first", DEPENDENT_FIRST, 0],
    ["the dependent one last", DEPENDENT_LAST, 1],
  ])("of a right server, %s: are found right", async (_, random, refused) => {
    expect(await changed("none", random)).toEqual({ isRight: true, wrong: [], refused })
  })

  test("of a server that loses the other's member: are found wrong, in the answers and in the end", async () => {
    const { isRight, wrong } = await changed("loses the other", FREE)
    expect(isRight).toBe(false)
    expect(wrong).toEqual([expect.stringContaining("neither answer shows what the other gave")])
  })

  test("of a server that ignores If-Match: are found wrong", async () => {
    const { wrong } = await changed("ignores If-Match", DEPENDENT_LAST)
    expect(wrong).toEqual([expect.stringContaining("though the other came between")])
  })

  test("of a server that changes what it refuses: are found wrong in the end", async () => {
    expect(await changed("changes and refuses", DEPENDENT_LAST)).toMatchObject({ isRight: false, refused: 1 })
  })
})
