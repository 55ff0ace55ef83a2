// Measures the backlog while MySQL hangs, and how fast it is stored once MySQL is back.
import { setTimeout as sleep } from "node:timers/promises"
import { awaitQuiet } from "../../campaign/verdict/settle.ts"
import type { Bench, Figure } from "../report/bench-run.ts"
import { createChats, createMessages } from "../stack/load.ts"

const MESSAGES = 30_000
const CONNECTIONS = 64
/** Applications, with one chat each; their number matters because an envelope holds events of only one. */
const APPLICATIONS = [1, 64, 500]
const ROWS_PER_SECOND_MIN = 3_000
const POLL_MS = 50
const QUIET_LIMIT_MS = 300_000
const BACK_LIMIT_MS = 180_000

const nameOf = (applications: number) => (applications === 1 ? "1 application" : `${applications} applications`)

/** Measures rows per second between a tenth and nine tenths of the backlog, and when that begins and all is stored. */
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
        const drain = await drained(direct.outboxEvents)
        say(
          `${name}: ${Math.round(drain.rowsPerSecond)} rows/s, all stored after ${drain.endsAfterSeconds.toFixed(1)} s`,
        )
        figures.push({ name, ...drain, failed })
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

/** Waits until the outbox is empty, and returns how fast it drained. */
async function drained(outboxEvents: () => Promise<number>) {
  const started = performance.now()
  const total = await outboxEvents()
  // Leaves out both ends: queued events come at once, and the relay may begin up to a minute later.
  let [first, last]: (number | undefined)[] = []
  for (;;) {
    const left = await outboxEvents()
    const now = performance.now()
    if (left <= total * 0.9) first ??= now
    if (left <= total * 0.1) last ??= now
    if (left === 0 && first !== undefined && last !== undefined) {
      const rowsPerSecond = (0.8 * total * 1000) / Math.max(1, last - first)
      return { beginsAfterSeconds: (first - started) / 1000, endsAfterSeconds: (now - started) / 1000, rowsPerSecond }
    }
    if (now - started > BACK_LIMIT_MS) throw new Error(`${left} of ${total} events were not stored`)
    await sleep(POLL_MS)
  }
}
