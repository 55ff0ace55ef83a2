import { describe, expect, test } from "@jest/globals"
import type { WriteEvent } from "../events.ts"
import { type Bounds, type Halves, mergeChanges } from "./merge-changes.ts"
import type { ChangeRow } from "./select-changes.ts"

const application = "a".repeat(24)
const BOUNDS: Bounds = { after: 0, start: 0, complete: 100 }

const event = (revision: number, message: number, more: Partial<WriteEvent> = {}): WriteEvent => ({
  revision: String(revision),
  application,
  chat: 1,
  message,
  created_at: 0,
  body: `event ${revision}`,
  ...more,
})

const row = (revision: number, message: number, more: Partial<ChangeRow> = {}): ChangeRow => ({
  kind: "message",
  ranged: 1,
  chat: 1,
  message,
  counted: 0,
  revision,
  created_at: new Date(0),
  updated_at: new Date(0),
  below_deleted: 0,
  name: null as never,
  body: `row ${revision}`,
  sender: null,
  metadata: null,
  sent_at: null,
  ...more,
})

const tombstone = (revision: number, message: number, more: Partial<ChangeRow> = {}) =>
  row(revision, message, { kind: "tombstone", ...more })

/** Returns the page as texts, such as `3: 1/2 event`, and its end. */
function merged(halves: Partial<Halves>, bounds: Partial<Bounds> = {}) {
  const whole = { application, events: [], eventsEnd: undefined, rows: [], count: 10, ...halves }
  const { writes, end } = mergeChanges(whole, { ...BOUNDS, ...bounds })
  const texts = writes.map((write) => {
    const source = write.deleted ? "deleted" : write.event ? "event" : "row"
    return `${write.revision}: ${write.key.chat}/${write.key.message} ${source}`
  })
  return { texts, end }
}

describe("a page of changes", () => {
  test("of both halves: has both in the order of revisions, and ends where they are complete", () => {
    const page = merged({ events: [event(5, 3), event(2, 1)], rows: [row(4, 2), row(1, 4)] })
    expect(page).toEqual({ texts: ["1: 1/4 row", "2: 1/1 event", "4: 1/2 row", "5: 1/3 event"], end: 100 })
  })

  test("with a row above what is complete: leaves it out", () => {
    expect(merged({ rows: [row(4, 2), row(101, 3)] })).toEqual({ texts: ["4: 1/2 row"], end: 100 })
  })

  test("with an event that is stored too: has it once", () => {
    expect(merged({ events: [event(4, 1)], rows: [row(4, 1)] }).texts).toEqual(["4: 1/1 event"])
  })

  test("with an event later than its row: has the event only", () => {
    expect(merged({ events: [event(7, 1)], rows: [row(4, 1)] }).texts).toEqual(["7: 1/1 event"])
  })

  test("with a row later than the event: has the row only", () => {
    expect(merged({ events: [event(4, 1)], rows: [row(7, 1)] }).texts).toEqual(["7: 1/1 row"])
  })

  test("with a row later than what is complete: has the event that it replaced", () => {
    expect(merged({ events: [event(4, 1)], rows: [row(101, 1)] }).texts).toEqual(["4: 1/1 event"])
  })

  test("with a delete stored after the event was read: has what its writer wrote", () => {
    expect(merged({ events: [event(4, 1)], rows: [tombstone(101, 1)] }).texts).toEqual(["4: 1/1 event"])
  })

  test("with an event of what is deleted for good: has the delete only", () => {
    expect(merged({ events: [event(9, 1)], rows: [tombstone(7, 1)] }).texts).toEqual(["7: 1/1 deleted"])
  })

  test("with a pending delete: has it instead of the row", () => {
    expect(merged({ events: [event(9, 1, { deleted: true })], rows: [row(7, 1)] }).texts).toEqual(["9: 1/1 deleted"])
  })

  test("of a walk that began after a delete: does not have it", () => {
    const halves = { events: [event(9, 1, { deleted: true })], rows: [tombstone(7, 2), tombstone(11, 3), row(5, 4)] }
    expect(merged(halves, { start: 10 }).texts).toEqual(["5: 1/4 row", "11: 1/3 deleted"])
  })

  test("with rows and events below a deleted chat: leaves them out, and ends where it would with them", () => {
    const rows = [row(1, 1, { below_deleted: 1 }), row(3, 2, { below_deleted: 1 }), tombstone(50, 0, { ranged: 0 })]
    expect(merged({ events: [event(9, 3)], rows, count: 2 })).toEqual({ texts: [], end: 3 })
  })

  test("with a row that is only there for its event: does not end at it", () => {
    const rows = [row(1, 1, { ranged: 0 }), row(2, 2)]
    expect(merged({ events: [event(9, 1)], rows, count: 2 }).end).toBe(100)
  })

  test("with the application: has it if it was changed since its creation", () => {
    const own = { kind: "application", chat: 0, message: 0, ranged: 0 } as const
    expect(merged({ rows: [row(4, 0, own)] }).texts).toEqual([])
    expect(merged({ rows: [row(4, 0, { ...own, updated_at: new Date(1) })] }).texts).toEqual(["4: 0/0 row"])
    expect(merged({ events: [event(4, 0, { chat: 0 })] }).texts).toEqual([])
    expect(merged({ events: [event(5_000, 0, { chat: 0 })] }, { complete: 9_000 }).texts).toEqual(["5000: 0/0 event"])
  })

  test("with what was told before: leaves it out", () => {
    const halves = { events: [event(5, 1), event(6, 2)], rows: [row(4, 3, { ranged: 0 })] }
    expect(merged(halves, { after: 5 }).texts).toEqual(["6: 1/2 event"])
  })

  test.each([
    ["events", { events: [event(2, 1), event(8, 2)], eventsEnd: 8, rows: [row(3, 3), row(9, 4)] }, 8],
    ["messages", { events: [event(2, 1), event(8, 2)], rows: [row(1, 3), row(5, 4)], count: 2 }, 5],
    ["tombstones", { rows: [tombstone(1, 3), tombstone(4, 4), row(9, 5)], count: 2 }, 4],
  ])("whose %s may go on: ends where they do", (_which, halves, end) => {
    const page = merged(halves)
    expect(page.end).toBe(end)
    expect(page.texts.every((text) => Number(text.split(":")[0]) <= end)).toBe(true)
  })
})
