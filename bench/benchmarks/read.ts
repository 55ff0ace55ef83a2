// Measures how many reads the API answers, each kind compared with a no-op function in the same process.
import { sql } from "kysely"
import { awaitQuiet } from "../../campaign/verdict/settle.ts"
import type { Bench, BenchRun, Bound, Figure } from "../report/bench-run.ts"
import { plotMedians } from "../report/plots.ts"
import { type Asked, ask, chatOf, createChats, createMessages, percentile } from "../stack/load.ts"
import { NO_OP_PATH } from "../stack/no-op.ts"

const CONNECTIONS = 64
const SECONDS = 10
const CHATS = 16
const MESSAGES = 4_000
/** Messages of one chat that wait in the outbox and are merged into its list. */
const WAITING = 5_000
const UP_TO_DATE = "GET changes, up to date"
const QUIET_LIMIT_MS = 180_000

type Kinds = Record<string, Asked[]>

async function measure({ stack, scale, say }: BenchRun, kinds: Kinds): Promise<Figure[]> {
  const figures: Figure[] = []
  const extent = { connections: CONNECTIONS, seconds: Math.max(2, SECONDS * scale) }
  for (const [name, asked] of Object.entries(kinds)) {
    const floor = await ask(stack.apiUrl, [{ path: NO_OP_PATH }], extent)
    const { perSecond, latencies, failed } = await ask(stack.apiUrl, asked, extent)
    const [p50, p99] = [percentile(latencies, 50), percentile(latencies, 99)]
    const ofNoOp = perSecond / floor.perSecond
    say(`${name}: ${Math.round(perSecond)}/s, ${ofNoOp.toFixed(2)} of the no-op's`)
    figures.push({ name, perSecond, noOp: floor.perSecond, ofNoOp, p50, p99, failed })
  }
  return figures
}

/** Returns the request of a reader who has all changes of an application. */
async function changesFromNow(apiUrl: string, application: string): Promise<Asked> {
  const path = `/applications/${application}/changes`
  const { next_cursor: cursor } = (await (await fetch(`${apiUrl}${path}?cursor=latest`)).json()) as {
    next_cursor: string
  }
  return { path: `${path}?cursor=${encodeURIComponent(cursor)}` }
}

/** Runs `act` while no write is stored, by holding the locks that every batch needs. */
async function whileNothingIsStored({ stack }: BenchRun, act: () => Promise<void>): Promise<void> {
  await stack.direct.stores.mysql.transaction().execute(async (tx) => {
    await sql`select * from persist_locks for update`.execute(tx)
    await act()
  })
}

export const read: Bench = {
  name: "read",
  about: `GET on ${CONNECTIONS} connections for ${SECONDS} s: of a message, of a chat, of a list's newest 20 of ${MESSAGES / CHATS}, of the changes that a reader who has all asks for, and of the newest 20 of a chat of which ${WAITING} wait in the outbox; each after a turn of the no-op`,
  async run(run) {
    const { apiUrl, direct } = run.stack
    const chats = await createChats(apiUrl, CHATS)
    await createMessages({ apiUrl, chats, connections: CONNECTIONS, amount: MESSAGES })
    await awaitQuiet(direct, QUIET_LIMIT_MS)
    const stored: Kinds = {
      "GET message": chats.map((chat) => ({ path: `${chat}/messages/7` })),
      "GET chat": chats.map((path) => ({ path })),
      "GET list of 20": chats.map((chat) => ({ path: `${chat}/messages?order=desc` })),
      [UP_TO_DATE]: await Promise.all(chats.map((chat) => changesFromNow(apiUrl, chatOf(chat).application))),
    }
    const figures: Figure[] = []
    for (let round = 0; round < run.rounds; round++) {
      figures.push(...(await measure(run, stored)))
      const [chat = ""] = await createChats(apiUrl, 1)
      await awaitQuiet(direct, QUIET_LIMIT_MS)
      await whileNothingIsStored(run, async () => {
        await createMessages({ apiUrl, chats: [chat], connections: CONNECTIONS, amount: WAITING })
        const merged = { "GET list of 20, merged": [{ path: `${chat}/messages?order=desc` }] }
        figures.push(...(await measure(run, merged)))
      })
      await awaitQuiet(direct, QUIET_LIMIT_MS)
    }
    const names = [...new Set(figures.map(({ name }) => name))]
    const bounds = names.map((name): Bound => ({ of: "failed", name, max: 0 }))
    const plot = plotMedians(figures, {
      file: "read",
      title: `Reads on ${CONNECTIONS} connections, everything on one machine`,
      unit: "requests per second",
      series: { perSecond: "read", noOp: "no-op function" },
    })
    return { figures, bounds, plots: [plot] }
  },
}
