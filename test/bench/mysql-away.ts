// What piles up while MySQL hangs, and how fast it is stored once MySQL is back.
import { setTimeout as sleep } from "node:timers/promises"
import { awaitQuiet } from "../campaign/settle.ts"
import type { Bench, Figure } from "./bench-run.ts"
import { createChats, createMessages } from "./load.ts"

const MESSAGES = 30_000
const CONNECTIONS = 64
/** One chat in each of so many applications: an envelope holds events of one application only. */
const APPLICATIONS = [1, 64, 500]
const ROWS_PER_SECOND_MIN = 3_000
const POLL_MS = 50
const QUIET_LIMIT_MS = 300_000
const BACK_LIMIT_MS = 180_000

const nameOf = (applications: number) => (applications === 1 ? "1 application" : `${applications} applications`)

/** Rows per second from the first to the last row that is stored after MySQL is back. */
export const mysqlAway: Bench = {
  name: "mysql-away",
  about: `${MESSAGES} messages accepted while MySQL is frozen (SIGSTOP); from its thaw on`,
  async run({ stack, rounds, say }) {
    const { apiUrl, direct } = stack
    const figures: Figure[] = []
    for (let round = 0; round < rounds; round++) {
      for (const applications of APPLICATIONS) {
        const chats = await createChats(apiUrl, applications)
        await awaitQuiet(direct, QUIET_LIMIT_MS)
        const server = stack.server("mysql")
        await server.freeze()
        let failed = 0
        try {
          const answered = await createMessages({ apiUrl, chats, connections: CONNECTIONS, amount: MESSAGES })
          failed = answered.failed
        } finally {
          await server.thaw()
        }
        const name = nameOf(applications)
        const { firstSeconds, rowsPerSecond } = await drained(direct.outboxEvents)
        say(`${name}: first row after ${firstSeconds.toFixed(1)} s, then ${Math.round(rowsPerSecond)} rows/s`)
        figures.push({ name, firstSeconds, rowsPerSecond, failed })
        await awaitQuiet(direct, QUIET_LIMIT_MS)
      }
    }
    const bounds = APPLICATIONS.map((applications) => ({
      of: "rowsPerSecond",
      name: nameOf(applications),
      min: ROWS_PER_SECOND_MIN,
    }))
    return { figures, bounds }
  },
}

/** Waits until the outbox is empty. */
async function drained(outboxEvents: () => Promise<number>) {
  const started = performance.now()
  const total = await outboxEvents()
  let first: number | undefined
  for (;;) {
    const left = await outboxEvents()
    const now = performance.now()
    if (first === undefined && left < total) first = now
    if (left === 0 && first !== undefined) {
      return { firstSeconds: (first - started) / 1000, rowsPerSecond: (total / (now - first)) * 1000 }
    }
    if (now - started > BACK_LIMIT_MS) throw new Error(`${left} of ${total} events were not stored`)
    await sleep(POLL_MS)
  }
}
