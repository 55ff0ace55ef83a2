// In whatever order and batches events come, the plans lead to the same rows and counts.
import { expect, test } from "@jest/globals"
import fc from "fast-check"
import { keyText, type ResourceKey, type WriteEvent } from "../events.ts"
import { ancestors, decide, latestOfEach } from "./plan.ts"

const APPLICATION: ResourceKey = { application: "token", chat: 0, message: 0 }
const CHAT = { ...APPLICATION, chat: 1 }
const MESSAGE = { ...CHAT, message: 1 }
const KEYS = [APPLICATION, CHAT, MESSAGE]
const MORE_KEYS = [...KEYS, { ...CHAT, message: 2 }, { ...CHAT, chat: 2 }, { ...MESSAGE, chat: 2 }]

type Step = { key: ResourceKey; deleted: boolean }

/** Makes events whose revisions grow from one digit to two, which sort differently as text. */
const eventsOf = (steps: Step[]): WriteEvent[] =>
  steps.map(({ key, deleted }, index) => ({
    revision: String(8 + index),
    ...key,
    created_at: 1,
    ...(deleted && { deleted }),
  }))

/** Creates tables in memory, written as persist-events.ts writes those of MySQL. */
function createTables() {
  const tombstones = new Set<string>()
  const rows = new Map<string, number>()
  const counters = new Map<string, { live: number; highest: number; dirty: number }>()
  const index = new Map<string, number>()

  function persist(batch: WriteEvent[]): void {
    // Children come first, since the plan must process parents first by itself.
    const events = latestOfEach(batch).reverse()
    const related = new Set(events.flatMap(ancestors).map(keyText))
    const plan = decide(events, { tombstones: tombstones.intersection(related), revisions: rows })
    for (const key of plan.tombstones.map(keyText)) {
      if (tombstones.has(key)) throw new Error(`a second tombstone of ${key}`)
      tombstones.add(key)
    }
    // Nothing may be written at or below a tombstone, since the purge may already be over.
    const written = [
      ...plan.upserts.flatMap(ancestors),
      ...plan.tombstones.flatMap((event) => ancestors(event).slice(0, -1)),
    ]
    for (const key of written.map(keyText))
      if (tombstones.has(key)) throw new Error(`written at or below ${key}, a tombstone`)
    for (const key of plan.removals.map(keyText)) if (!rows.delete(key)) throw new Error(`no row of ${key}`)
    for (const event of plan.upserts) rows.set(keyText(event), Number(event.revision))
    for (const [key, { live, highest, dirty }] of plan.counters) {
      const counter = counters.get(key) ?? { live: 0, highest: 0, dirty: 0 }
      counters.set(key, {
        live: counter.live + live,
        highest: Math.max(counter.highest, highest),
        dirty: Math.max(counter.dirty, dirty),
      })
    }
    for (const event of plan.index) index.set(keyText(event), Number(event.revision))
  }

  /** Returns the state without rows below tombstones, which a purge removes. */
  function state() {
    const lives = (key: ResourceKey) => !ancestors(key).some((one) => tombstones.has(keyText(one)))
    const living = MORE_KEYS.filter((key) => lives(key) && rows.has(keyText(key)))
    const parents = living.filter(({ message }) => message === 0)
    return {
      rows: living.map((key) => [keyText(key), rows.get(keyText(key))]),
      counters: parents.map((key) => [keyText(key), counters.get(`${key.application}/${key.chat}`)]),
      indexed: living.flatMap((key) => (key.message > 0 ? [[keyText(key), index.get(keyText(key))]] : [])),
      removed: MORE_KEYS.flatMap((key) => {
        const [application, chat] = ancestors(key).map(keyText)
        const above = [application, chat].some((one) => tombstones.has(String(one)))
        return key.message > 0 && !above && tombstones.has(keyText(key))
          ? [[keyText(key), index.has(keyText(key))]]
          : []
      }),
    }
  }
  return { persist, state }
}

/** Returns the expected result: the latest states of all resources that are neither deleted nor below a deleted one. */
function expected(events: WriteEvent[]): ReturnType<ReturnType<typeof createTables>["state"]> {
  const deleted = new Set(events.filter((event) => event.deleted).map(keyText))
  const latest = new Map(events.map((event) => [keyText(event), Number(event.revision)]))
  const lives = (key: ResourceKey) => !ancestors(key).some((one) => deleted.has(keyText(one)))
  const living = MORE_KEYS.filter((key) => lives(key) && latest.has(keyText(key)))
  const childrenOf = (parent: ResourceKey, keys: ResourceKey[]) =>
    keys.filter(({ chat, message }) =>
      parent.chat === 0 ? chat > 0 && message === 0 : chat === parent.chat && message,
    )
  const messages = MORE_KEYS.filter(({ message }) => message > 0)
  const isRemoved = (key: ResourceKey) => deleted.has(keyText(key)) && lives({ ...key, message: 0 })
  return {
    rows: living.map((key) => [keyText(key), latest.get(keyText(key))]),
    counters: living
      .filter(({ message }) => message === 0)
      .map((parent) => {
        const numbers = childrenOf(parent, events).map(({ chat, message }) => message || chat)
        const live = childrenOf(parent, living).length
        return [keyText(parent), { live, highest: Math.max(0, ...numbers), dirty: 1 }]
      }),
    indexed: living.filter(({ message }) => message > 0).map((key) => [keyText(key), latest.get(keyText(key))]),
    removed: messages.filter(isRemoved).map((key) => [keyText(key), true]),
  }
}

/** Persists the batches, and then everything once more, which must change nothing. */
function expectSame(events: WriteEvent[], batches: WriteEvent[][]): void {
  const { persist, state } = createTables()
  for (const batch of batches) persist(batch)
  // Compared as text, which is a hundred times as fast.
  const result = JSON.stringify(expected(events))
  expect(JSON.stringify(state())).toBe(result)
  for (const event of events) persist([event])
  expect(JSON.stringify(state())).toBe(result)
}

const histories = (steps: number): Step[][] =>
  steps === 0
    ? [[]]
    : histories(steps - 1).flatMap((before) =>
        KEYS.flatMap((key) => [false, true].map((deleted) => [...before, { key, deleted }])),
      )

const permutations = <T>(list: T[]): T[][] =>
  list.length === 0
    ? [[]]
    : list.flatMap((first, index) => permutations(list.toSpliced(index, 1)).map((rest) => [first, ...rest]))

/** Cuts the list into batches, where each bit of `cut` ends one. */
function batchesOf<T>(list: T[], cut: number): T[][] {
  const batches: T[][] = [[]]
  for (const [index, one] of list.entries()) {
    batches.at(-1)?.push(one)
    if (cut & (1 << index)) batches.push([])
  }
  return batches
}

test.each([1, 2, 3])("all histories of %i steps: in all orders and batches: leave the same", (steps) => {
  for (const history of histories(steps)) {
    const events = eventsOf(history)
    for (const order of permutations(events))
      for (let cut = 0; cut < 1 << (steps - 1); cut++) expectSame(events, batchesOf(order, cut))
  }
})

test("longer histories: shuffled, doubled and cut anywhere: leave the same", () => {
  const step = fc.record({ key: fc.constantFrom(...MORE_KEYS), deleted: fc.nat(5).map((chance) => chance === 0) })
  const scene = fc.array(step, { maxLength: 12 }).chain((steps) => {
    const events = eventsOf(steps)
    const doubled = [...events, ...events.slice(0, 5)]
    const order = fc.shuffledSubarray(doubled, { minLength: doubled.length })
    return fc.record({ events: fc.constant(events), order, cut: fc.nat(2 ** doubled.length) })
  })
  fc.assert(fc.property(scene, ({ events, order, cut }) => expectSame(events, batchesOf(order, cut))))
})

test("an update: of a row that is there: leaves the counts alone", () => {
  const [event] = eventsOf([{ key: MESSAGE, deleted: false }]) as [WriteEvent]
  const { counters, upserts } = decide([event], { tombstones: new Set(), revisions: new Map([[keyText(event), 1]]) })
  expect(upserts).toEqual([event])
  expect([...counters.values()]).toMatchObject([{ live: 0, highest: 1, dirty: 0 }])
})
