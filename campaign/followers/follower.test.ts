// A follower finds each way in which a server could break the promise, on pages that are made up here.
import { describe, expect, test } from "@jest/globals"
import { createFaultLog } from "../faults/fault-log.ts"
import type { Answer } from "../load/client.ts"
import { createLedger, type Resource } from "../load/ledger.ts"
import { shownAfter } from "../load/members.ts"
import { createVerdict } from "../verdict/checks.ts"
import { compareFollower } from "../verdict/followed.ts"
import type { ApplicationRow, ChatRow, MessageRow } from "../verdict/inventory.ts"
import { createFollower } from "./follower.ts"
import type { Change } from "./replica.ts"

const MESSAGES = 6
const PAGE = 2
const time = (second: number): string => new Date(Date.UTC(2026, 10, 1, 0, 0, second)).toISOString()

type Page = { status: number; body: unknown }

/** An application with a chat of some messages, all acknowledged, and their changes. */
function givenWorld() {
  const ledger = createLedger("run")
  const changes: Change[] = []
  const acknowledge = (resource: Resource, item: Record<string, unknown>) => {
    const at = time(changes.length)
    const body = { ...shownAfter(resource.creation), ...item, created_at: at, updated_at: at }
    ledger.acknowledge(resource.creation, { status: 201, body } as Answer)
    return body
  }
  const application = ledger.beginCreation("application", undefined, "test")
  const row = acknowledge(application, { token: "token" }) as unknown as ApplicationRow
  const chat = ledger.beginCreation("chat", application, "test")
  const tell = (resource: Resource, type: string, message: number | null) => {
    const data = acknowledge(resource, { number: message ?? 1 })
    changes.push({ id: `id-${changes.length}`, type, at: time(changes.length), chat_number: 1, number: message, data })
    return data
  }
  const chatRow = tell(chat, "chat.created", null)
  const messages = Array.from({ length: MESSAGES }, (_, index) => {
    const message = ledger.beginCreation("message", chat, "test")
    return { message, row: tell(message, "message.created", index + 1) }
  })
  return { ledger, application, chat, messages, changes, row, chatRow }
}
type World = ReturnType<typeof givenWorld>

const pagesOf = (changes: Change[]): Page[] => {
  const pages = Array.from({ length: Math.ceil(changes.length / PAGE) }, (_, index) => {
    return changes.slice(index * PAGE, (index + 1) * PAGE)
  })
  return pages.map((data, index) => {
    return { status: 200, body: { data, next_cursor: `cursor-${index}`, has_more: index < pages.length - 1 } }
  })
}

/** Follows these pages to their end. */
async function follow({ ledger, application }: World, pages: Page[]) {
  const left = [...pages]
  const client = { call: async () => ({ tookMs: 1, sentAt: Date.now(), reason: "", ...left.shift() }) as Answer }
  const source = { name: "copy 1", client: { ...client, close: () => {} }, isProxied: false }
  const load = { ledger, faults: createFaultLog() }
  const follower = createFollower({ load, source, application, from: "beginning", name: "follower" })
  while (left.length > 0) await follower.read(PAGE)
  return follower
}

const found = async (world: World, pages: Page[]) => {
  const { findings } = await follow(world, pages)
  return [...new Set(findings.map(({ check }) => check))]
}

describe("a follower", () => {
  test("told everything once, after a refusal too: finds nothing", async () => {
    const world = givenWorld()
    const [first, ...rest] = pagesOf(world.changes) as [Page, ...Page[]]
    const refused = { status: 503, body: undefined }
    expect(await found(world, [refused, first, refused, ...rest])).toEqual([])
  })

  test("that loses a page: misses changes", async () => {
    const world = givenWorld()
    expect(await found(world, pagesOf(world.changes).toSpliced(1, 1))).toEqual(["change missing"])
  })

  test("told a page again: is told twice", async () => {
    const world = givenWorld()
    const pages = pagesOf(world.changes)
    expect(await found(world, pages.toSpliced(2, 0, pages[0] as Page))).toEqual(["change told twice"])
  })

  test("told two changes in the other order: is told out of order", async () => {
    const world = givenWorld()
    const [one, two, ...rest] = world.changes as [Change, Change, ...Change[]]
    expect(await found(world, pagesOf([two, one, ...rest]))).toEqual(["change out of order"])
  })

  test("told of numbers in another order than they were given: is told out of order", async () => {
    const world = givenWorld()
    const { changes } = world
    const swapped = changes.map((change, index) => {
      const other = index === 2 ? changes[3] : index === 3 ? changes[2] : change
      return { ...(other as Change), at: change.at }
    })
    expect(await found(world, pagesOf(swapped))).toContain("change out of order")
  })

  test("told of a message after the delete of its chat: is told out of order", async () => {
    const world = givenWorld()
    const gone: Change = { id: "gone", type: "chat.deleted", at: time(50), chat_number: 1, number: null, data: null }
    const late = { ...(world.changes[1] as Change), id: "late", at: time(51), type: "message.updated" }
    world.chat.deleted = "yes"
    expect(await found(world, pagesOf([...world.changes, gone]))).toEqual([])
    expect(await found(world, pagesOf([...world.changes, gone, late]))).toEqual(["change out of order"])
  })

  test("answered 404 for what lives, or a cursor that gets nowhere: differs", async () => {
    const world = givenWorld()
    expect(await found(world, [{ status: 404, body: undefined }])).toEqual(["follower differs"])
    const stuck = { status: 200, body: { data: [], next_cursor: "cursor-0", has_more: true } }
    expect(await found(world, [stuck, stuck])).toEqual(["follower differs"])
  })
})

describe("what a follower has built, compared with the rows", () => {
  const compared = async (world: World, change: (rows: MessageRow[]) => unknown) => {
    const messages = world.messages.map(({ row }) => {
      const { metadata, ...rest } = row as unknown as { metadata: object }
      const text = Object.keys(metadata).length === 0 ? null : JSON.stringify(metadata)
      return { ...rest, metadata: text, chat: 1, revision: 1 } as unknown as MessageRow
    })
    change(messages)
    const { metadata, ...rest } = world.chatRow as unknown as { metadata: object }
    const text = Object.keys(metadata).length === 0 ? null : JSON.stringify(metadata)
    const chats = [{ ...rest, metadata: text } as unknown as ChatRow]
    const verdict = createVerdict()
    const follower = await follow(world, pagesOf(world.changes))
    compareFollower(follower, { application: world.row, chats, messages }, verdict)
    return verdict.checks.flatMap(({ name, count }) => (count > 0 ? [`${name} ${count}`] : []))
  }

  test.each([
    ["as they are: is the same", () => {}, []],
    ["one of them gone: differs", (rows: MessageRow[]) => rows.pop(), ["follower differs 1"]],
    [
      "one of them never told: differs",
      (rows: MessageRow[]) => rows.push({ ...(rows[0] as MessageRow), number: 99 }),
      ["follower differs 1"],
    ],
    [
      "another sender: differs",
      (rows: MessageRow[]) => Object.assign(rows[0] as MessageRow, { sender: "other" }),
      ["follower differs 1"],
    ],
  ])("%s", async (_, change, expected) => {
    expect(await compared(givenWorld(), change)).toEqual(expected)
  })
})
