// A model of the feed, in which every order of steps is tried: writers, the outbox, the persist function, the tables and
// a reader, with the real rule by which a page is merged. Each rule left out must be found out by it.
import { describe, expect, test } from "@jest/globals"
import type { WriteEvent } from "../events.ts"
import { mergeChanges } from "./merge-changes.ts"
import type { ChangeRow } from "./select-changes.ts"

const APPLICATION = "a".repeat(24)

/** A write to the message `number`, as a writer wants it, and as a reader receives it. */
type Wish = { number: number; deleted: boolean }
type Told = Wish & { revision: number }
type Reading = {
  events: Told[]
  eventsEnd: number | undefined
  complete: number
  rows?: (Told & { stored: true })[]
}
type World = {
  /** What each writer still has to do, in order. */
  wishes: Wish[][]
  revision: number
  outbox: Record<number, Told>
  /** `committed`: in the tables, but not taken off yet. */
  queue: (Told & { committed: boolean })[]
  rows: Record<number, number>
  tombstones: Record<number, number>
  position: number
  start: number | undefined
  reading: Reading | undefined
  told: Told[]
}

/** What a reader or the persist function could do wrong. */
type Mistake = "above what is complete" | "tables first" | "taken off before the commit" | "an early end"

const CREATED: Wish = { number: 1, deleted: false }
const UPDATED: Wish = { number: 1, deleted: false }
const DELETED: Wish = { number: 1, deleted: true }
const OTHER: Wish = { number: 2, deleted: false }
const OTHER_DELETED: Wish = { number: 2, deleted: true }
const THIRD: Wish = { number: 3, deleted: false }

const begin = (wishes: Wish[][]): World => ({
  ...{ wishes, revision: 0, outbox: {}, queue: [], rows: {}, tombstones: {} },
  ...{ position: 0, start: undefined, reading: undefined, told: [] },
})

function accept(world: World, writer: number): World {
  const [wish, ...later] = world.wishes[writer] ?? []
  if (wish === undefined) return world
  const revision = world.revision + 1
  const write = { ...wish, revision }
  const wishes = world.wishes.with(writer, later)
  const queue = [...world.queue, { ...write, committed: false }]
  return { ...world, wishes, revision, outbox: { ...world.outbox, [wish.number]: write }, queue }
}

function commit(world: World, { number, revision, deleted }: Told): Pick<World, "rows" | "tombstones"> {
  const { rows, tombstones } = world
  if (tombstones[number] !== undefined) return { rows, tombstones }
  if (deleted) {
    const { [number]: _removed, ...left } = rows
    return { rows: left, tombstones: { ...tombstones, [number]: revision } }
  }
  return { rows: { ...rows, [number]: Math.max(rows[number] ?? 0, revision) }, tombstones }
}

function takeOff({ outbox }: World, { number, revision }: Told): World["outbox"] {
  if (outbox[number]?.revision !== revision) return outbox
  const { [number]: _taken, ...left } = outbox
  return left
}

/** A message of the queue has two steps; until the second it could come again, which changes nothing. */
function persist(world: World, index: number, mistake: Mistake | undefined): World {
  const write = world.queue[index]
  if (write === undefined) return world
  const steps = [() => commit(world, write), () => ({ outbox: takeOff(world, write) })]
  if (mistake === "taken off before the commit") steps.reverse()
  const queue = write.committed
    ? world.queue.toSpliced(index, 1)
    : world.queue.with(index, { ...write, committed: true })
  return { ...world, ...steps[write.committed ? 1 : 0]?.(), queue }
}

const byRevision = (a: Told, b: Told) => a.revision - b.revision

function pendingOf({ outbox, position, revision }: World, count: number): Reading {
  const events = Object.values(outbox)
    .filter((write) => write.revision > position)
    .sort(byRevision)
  const read = events.slice(0, count)
  return { events: read, eventsEnd: read.length === count ? read.at(-1)?.revision : undefined, complete: revision }
}

function storedOf({ rows, tombstones, position }: World, complete: number, count: number) {
  const range = (table: Record<number, number>, deleted: boolean) =>
    Object.entries(table)
      .map(([number, revision]) => ({ number: Number(number), revision, deleted, stored: true as const }))
      .filter(({ revision }) => revision > position && revision <= complete)
      .sort(byRevision)
      .slice(0, count)
  return [...range(rows, false), ...range(tombstones, true)]
}

const toEvent = ({ number, revision, deleted }: Told): WriteEvent => ({
  ...{ revision: String(revision), application: APPLICATION, chat: 1, message: number, created_at: 0, body: "" },
  ...(deleted && { deleted: true }),
})

const toRow = ({ number, revision, deleted }: Told) =>
  ({
    ...{ kind: deleted ? "tombstone" : "message", ranged: 1, chat: 1, message: number, counted: 0, revision },
    ...{ created_at: new Date(0), updated_at: new Date(0), below_deleted: 0 },
  }) as ChangeRow

/** Reads a page of one item in up to three steps: the outbox, the tables, and whether the outbox has later events. */
function read(world: World, mistake: Mistake | undefined): World {
  const count = 2
  const { reading, position } = world
  const complete = mistake === "above what is complete" ? Number.MAX_SAFE_INTEGER : (reading?.complete ?? 0)
  if (mistake === "tables first") {
    if (reading?.rows === undefined) {
      if (position >= world.revision) return world
      const rows = storedOf(world, Number.MAX_SAFE_INTEGER, count)
      return { ...world, reading: { events: [], eventsEnd: undefined, complete: 0, rows } }
    }
    const pending = pendingOf(world, count)
    return tell(world, { ...pending, rows: reading.rows }, pending.complete, mistake)
  }
  if (reading === undefined) {
    const pending = pendingOf(world, count)
    // A reader who is up to date asks no table.
    if (position >= pending.complete) return { ...world, start: world.start ?? pending.complete }
    return { ...world, reading: pending, start: world.start ?? pending.complete }
  }
  if (reading.rows === undefined) return { ...world, reading: { ...reading, rows: storedOf(world, complete, count) } }
  return tell(world, { ...reading, rows: reading.rows }, complete, mistake)
}

function tell(world: World, reading: Required<Reading>, complete: number, mistake: Mistake | undefined): World {
  const { events, eventsEnd, rows } = reading
  const start = world.start ?? reading.complete
  const halves = { application: APPLICATION, events: events.map(toEvent), eventsEnd, rows: rows.map(toRow), count: 2 }
  const { writes, end } = mergeChanges(halves, { after: world.position, start, complete })
  const [first, ...others] = writes
  const isCut = others.length > 0
  const isPassed =
    first !== undefined && !first.event && (world.outbox[first.key.message]?.revision ?? 0) > first.revision
  const told =
    first === undefined || isPassed
      ? world.told
      : [...world.told, { number: first.key.message, revision: first.revision, deleted: first.deleted }]
  const whole = mistake === "an early end" ? reading.complete : end
  const known = complete === Number.MAX_SAFE_INTEGER ? Math.max(reading.complete, first?.revision ?? 0) : whole
  const position = isCut && mistake !== "an early end" ? (first?.revision ?? known) : known
  return { ...world, start, reading: undefined, told, position }
}

/** Returns what is wrong with the changes received, if anything; `isOver` once nothing can happen any more. */
function faultOf({ told, rows, tombstones, start = 0 }: World, isOver: boolean): string | undefined {
  for (const [index, { revision }] of told.entries())
    if (index > 0 && revision <= (told[index - 1]?.revision ?? 0)) return `${revision} is told twice or too late`
  if (!isOver) return undefined
  const lastTold = new Map(told.map((one) => [one.number, one]))
  for (const [number, revision] of Object.entries(rows))
    if (lastTold.get(Number(number))?.revision !== revision) return `message ${number} at ${revision} is not told`
  for (const [number, revision] of Object.entries(tombstones)) {
    const last = lastTold.get(Number(number))
    const isDue = last !== undefined || revision > start
    if (isDue && !(last?.deleted && last.revision === revision)) return `the delete of ${number} is not told`
  }
  return undefined
}

/** Tries every order of steps. Returns how many different worlds there are, and the first fault. */
function explore(wishes: Wish[][], mistake?: Mistake): { worlds: number; fault: string | undefined } {
  const seen = new Set<string>()
  const open = [begin(wishes)]
  for (let world = open.pop(); world !== undefined; world = open.pop()) {
    const key = JSON.stringify(world)
    if (seen.has(key)) continue
    seen.add(key)
    const current = world
    const writes = current.wishes.flatMap((left, writer) => (left.length > 0 ? [accept(current, writer)] : []))
    const stored = current.queue.map((_, index) => persist(current, index, mistake))
    const next = read(current, mistake)
    const isOver = writes.length === 0 && stored.length === 0 && JSON.stringify(next) === key
    const fault = faultOf(current, isOver)
    if (fault !== undefined) return { worlds: seen.size, fault }
    open.push(...writes, ...stored, next)
  }
  return { worlds: seen.size, fault: undefined }
}

const SCENES: [string, Wish[][]][] = [
  ["one writer creates and changes a message, another one creates one", [[CREATED, UPDATED], [OTHER]]],
  ["one writer creates and deletes a message, another one creates one", [[CREATED, DELETED], [OTHER]]],
  [
    "two writers create and delete a message each",
    [
      [CREATED, DELETED],
      [OTHER, OTHER_DELETED],
    ],
  ],
  ["three writers create a message each", [[CREATED], [OTHER], [THIRD]]],
]

describe("a reader of changes, in every order of steps", () => {
  test.each(SCENES)("where %s: is told each latest state once, in order", (_scene, wishes) => {
    const { worlds, fault } = explore(wishes)
    expect(fault).toBeUndefined()
    expect(worlds).toBeGreaterThan(1_000)
  })

  test.each<Mistake>(["above what is complete", "tables first", "taken off before the commit", "an early end"])(
    "with %s: is found to miss something",
    (mistake) => {
      const faults = SCENES.map(([, wishes]) => explore(wishes, mistake).fault)
      expect(faults.some((fault) => fault !== undefined)).toBe(true)
    },
  )
})
