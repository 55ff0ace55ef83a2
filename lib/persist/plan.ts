/** Decides what a batch of events means for the rows; pure, so that every order of events can be tested. */
import { keyText, type ResourceKey, type WriteEvent } from "../events.ts"

/** Returns each resource's latest event, except that a tombstone is final. */
export function latestOfEach(events: WriteEvent[]): WriteEvent[] {
  const latest = new Map<string, WriteEvent>()
  for (const event of events) {
    const key = keyText(event)
    const other = latest.get(key)
    const wins = !other || (!other.deleted && (event.deleted || Number(event.revision) > Number(other.revision)))
    if (wins) latest.set(key, event)
  }
  return [...latest.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, event]) => event)
}

/** What MySQL has at and above the events: the keys of tombstones, and rows' revisions by key. */
export type Known = { tombstones: Set<string>; revisions: Map<string, number> }

export const ancestors = ({ application, chat, message }: ResourceKey): ResourceKey[] => [
  { application, chat: 0, message: 0 },
  ...(chat > 0 ? [{ application, chat, message: 0 }] : []),
  ...(message > 0 ? [{ application, chat, message }] : []),
]

const depthOf = ({ chat, message }: ResourceKey): number => Number(chat > 0) + Number(message > 0)

export type CounterChange = {
  application: string
  chat: number
  highest: number
  live: number
  revision: number
  dirty: 0 | 1
}
export type Plan = {
  upserts: WriteEvent[]
  tombstones: WriteEvent[]
  /** The events of `tombstones` that have a row. */
  removals: WriteEvent[]
  counters: Map<string, CounterChange>
  index: WriteEvent[]
}

/** Returns what to write, given what is known, which must not change meanwhile. */
export function decide(events: WriteEvent[], { tombstones, revisions }: Known): Plan {
  const plan: Plan = { upserts: [], tombstones: [], removals: [], counters: new Map(), index: [] }
  const dead = new Set(tombstones)
  // Parents first, so that a delete covers everything below it in this batch.
  for (const event of events.toSorted((a, b) => depthOf(a) - depthOf(b))) {
    const key = keyText(event)
    const row = revisions.get(key)
    if (dead.size === 0 || !ancestors(event).some((ancestor) => dead.has(keyText(ancestor)))) {
      if (event.deleted) {
        dead.add(key)
        plan.tombstones.push(event)
        if (row !== undefined) plan.removals.push(event)
        noteCounter(plan, event, row === undefined ? 0 : -1)
        if (event.message > 0) plan.index.push(event)
      } else if (row === undefined || Number(event.revision) > row) {
        plan.upserts.push(event)
        noteCounter(plan, event, row === undefined ? 1 : 0)
        if (event.message > 0) plan.index.push(event)
      }
    }
  }
  return plan
}

/** Notes in the parent's counter that a row came (1), changed (0) or went (-1). */
function noteCounter({ counters }: Plan, event: WriteEvent, live: number): void {
  const { application, chat, message } = event
  const revision = Number(event.revision)
  if (message > 0) add(counters, { application, chat, highest: message, live, revision, dirty: live === 0 ? 0 : 1 })
  else if (chat > 0) add(counters, { application, chat: 0, highest: chat, live, revision, dirty: live === 0 ? 0 : 1 })
  // A new parent's count column starts at 0, though children may have come before it.
  if (message === 0 && live === 1) add(counters, { application, chat, highest: 0, live: 0, revision, dirty: 1 })
}

function add(counters: Map<string, CounterChange>, change: CounterChange): void {
  const key = `${change.application}/${change.chat}`
  const sum = counters.get(key)
  if (!sum) {
    counters.set(key, change)
    return
  }
  sum.highest = Math.max(sum.highest, change.highest)
  sum.live += change.live
  sum.revision = Math.max(sum.revision, change.revision)
  if (change.dirty === 1) sum.dirty = 1
}
