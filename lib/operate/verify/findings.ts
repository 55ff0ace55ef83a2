export const FINDINGS = {
  missing_document: "messages that search does not find",
  stale_document: "messages that search shows as they were",
  surplus_document: "documents of messages that are gone",
  orphan: "rows below a chat or application that is deleted or missing",
  gap: "numbers without a message, chat or tombstone",
  beyond_highest: "numbers above the highest that is noted as given",
  wrong_counter: "counters that differ from the rows",
  wrong_count: "count columns that differ from their counter",
  overdue_event: "events that have waited in the outbox for too long",
  dead_event: "events in the outbox that were given up",
  overdue_index: "entries of pending_index that have waited for too long",
  dead_index: "entries of pending_index that were given up",
} as const

export type FindingKind = keyof typeof FINDINGS

/** Where something is wrong; `chat` and `message` are 0 as in an event's key. */
export type Example = { application: string; chat: number; message: number; detail?: string }

/** Examples listed of each kind; all are counted. */
const EXAMPLES_MAX = 10

export type Finding = { kind: FindingKind; count: number; examples: Example[] }

export type Findings = {
  add(kind: FindingKind, example: Example, count?: number): void
  /** Returns the findings, in the order of FINDINGS. */
  list(): Finding[]
}

/** Collects findings, with a bounded number of examples of each kind. */
export function createFindings(): Findings {
  const found = new Map<FindingKind, Finding>()
  return {
    add(kind, example, count = 1) {
      const finding = found.get(kind) ?? { kind, count: 0, examples: [] }
      finding.count += count
      if (finding.examples.length < EXAMPLES_MAX) finding.examples.push(example)
      found.set(kind, finding)
    },
    list: () => (Object.keys(FINDINGS) as FindingKind[]).flatMap((kind) => found.get(kind) ?? []),
  }
}
