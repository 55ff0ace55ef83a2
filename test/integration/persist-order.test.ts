// The queues may lose, duplicate, delay and reorder events: whatever the order and the batches, the rows are the same.
import { expect, test } from "@jest/globals"
import fc from "fast-check"
import { keyText, type ResourceKey, type WriteEvent } from "../../lib/events.ts"
import { drawToken } from "../../lib/outbox/keys.ts"
import { persistEvents } from "../../lib/persist/persist-events.ts"
import { useTestStores } from "../steps/stores.ts"

const RUNS = 60
const BOUND = 1_000
const stores = useTestStores()

const CHATS = [1, 2, 3]
const MESSAGES = [1, 2, 3]
const KEYS: [chat: number, message: number][] = [
  [0, 0],
  ...CHATS.map((chat): [number, number] => [chat, 0]),
  ...CHATS.flatMap((chat) => MESSAGES.map((message): [number, number] => [chat, message])),
]

/** What clients did, in order: each step writes to a key, and a delete is the last step of its key. */
const history = fc.array(
  fc.record({ key: fc.nat({ max: KEYS.length - 1 }), deleted: fc.boolean(), text: fc.string({ maxLength: 5 }) }),
  { minLength: 1, maxLength: 25 },
)

function eventsOf(token: string, steps: { key: number; deleted: boolean; text: string }[]): WriteEvent[] {
  const gone = new Set<string>()
  return steps.flatMap(({ key, deleted, text }, index): WriteEvent[] => {
    const [chat, message] = KEYS[key] as [number, number]
    const event: ResourceKey = { application: token, chat, message }
    if (gone.has(keyText(event))) return []
    if (deleted) gone.add(keyText(event))
    const revision = String(1_000_000 + index)
    const state = deleted ? { deleted: true as const } : message > 0 ? { body: text } : { name: text }
    return [{ revision, ...event, created_at: 1_000, ...state }]
  })
}

/** Returns what must be in MySQL in the end: the latest state of everything not deleted itself or by its parents. */
function expectedRows(events: WriteEvent[]): Map<string, string> {
  const deleted = new Set(events.filter((event) => event.deleted).map(keyText))
  const rows = new Map<string, string>()
  for (const event of events) {
    const { application, chat } = event
    const above = [application, `${application}/${chat}`, keyText(event)]
    if (!above.some((key) => deleted.has(key)))
      rows.set(keyText(event), `${event.revision} ${event.body ?? event.name}`)
  }
  return rows
}

async function rowsOf(token: string): Promise<Map<string, string>> {
  const { mysql } = stores()
  const rows = new Map<string, string>()
  const application = await mysql.selectFrom("applications").selectAll().where("token", "=", token).executeTakeFirst()
  if (application) rows.set(token, `${application.revision} ${application.name}`)
  const dead = new Set(
    (await mysql.selectFrom("tombstones").selectAll().where("application", "=", token).execute()).map(keyText),
  )
  // The purge is going to remove rows below a tombstone.
  if (dead.has(token)) return rows
  for (const chat of await mysql.selectFrom("chats").selectAll().where("application", "=", token).execute()) {
    rows.set(`${token}/${chat.number}`, `${chat.revision} ${chat.name}`)
  }
  for (const row of await mysql.selectFrom("messages").selectAll().where("application", "=", token).execute()) {
    const chat = `${token}/${row.chat}`
    if (!dead.has(chat)) rows.set(`${chat}/${row.number}`, `${row.revision} ${row.body}`)
  }
  return rows
}

test("a history of writes: its events shuffled, doubled and cut into batches: leave the same rows and exact counts", async () => {
  const shuffles = fc.infiniteStream(fc.nat())
  await fc.assert(
    fc.asyncProperty(history, shuffles, fc.integer({ min: 1, max: 8 }), async (steps, random, batchSize) => {
      const token = drawToken()
      const events = eventsOf(token, steps)
      const order = [...events, ...events.slice(0, 5)]
        .map((event) => ({ event, rank: random.next().value ?? 0 }))
        .sort((a, b) => a.rank - b.rank)
        .map(({ event }) => event)
      for (let i = 0; i < order.length; i += batchSize) {
        await persistEvents(stores().mysql, order.slice(i, i + batchSize), BOUND)
      }
      const rows = await rowsOf(token)
      expect(rows).toEqual(expectedRows(events))
      await expectCounters(token, events, rows)
    }),
    { numRuns: RUNS },
  )
})

async function expectCounters(token: string, events: WriteEvent[], rows: Map<string, string>): Promise<void> {
  const counters = await stores().mysql.selectFrom("counters").selectAll().where("application", "=", token).execute()
  const dead = new Set(events.filter((event) => event.deleted).map(keyText))
  if (dead.has(token)) return
  for (const { chat, live } of counters) {
    if (chat > 0 && dead.has(`${token}/${chat}`)) continue
    const depth = chat === 0 ? 2 : 3
    const prefix = chat === 0 ? `${token}/` : `${token}/${chat}/`
    const children = [...rows.keys()].filter((key) => key.startsWith(prefix) && key.split("/").length === depth)
    expect({ chat, live }).toEqual({ chat, live: children.length })
  }
}
