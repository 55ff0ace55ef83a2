// Measures how long after it was due a creation is answered, and how long after its answer a reader of changes has it,
// and it is stored and found.
import { setTimeout as sleep } from "node:timers/promises"
import { awaitQuiet } from "../../campaign/verdict/settle.ts"
import type { Bench, BenchRun, Figure } from "../report/bench-run.ts"
import { plotMedians } from "../report/plots.ts"
import { ask, askSteadily, chatOf, createChats, createSteadily, creationIn, percentile } from "../stack/load.ts"
import { NO_OP } from "../stack/no-op.ts"

const SECONDS = 40
const NO_OP_SECONDS = 10
/** Even a short run must have time for some probes. */
const SECONDS_MIN = 10
const CHATS = 16
/** About twenty searches a second beside the load; each lag is exact to a tenth of a second. */
const PROBE_EVERY_MS = 400
const SEARCH_POLL_MS = 100
const FEED_POLL_MS = 5
const ROW_POLL_MS = 20
/** Events that have not arrived by then count as this late. */
const ARRIVAL_MAX_MS = 60_000

type ChangesPage = { data: { number: number | null }[]; next_cursor: string }

/** Returns the page of changes at a cursor. */
const readChanges = async (feed: string, cursor: string): Promise<ChangesPage> =>
  (await (await fetch(`${feed}?limit=100&cursor=${encodeURIComponent(cursor)}`)).json()) as ChangesPage

/**
 * Measures, while messages come at a steady rate, the time from when one was due to its answer, and from there to the
 * page of changes that has it, to its row and to the first search that finds it.
 */
async function measureLag({ stack, say }: BenchRun, { at, rate }: Load, seconds: number): Promise<Figure[]> {
  const { apiUrl, direct } = stack
  const chats = await createChats(apiUrl, CHATS)
  const [probed = ""] = chats
  const { application, chat } = chatOf(probed)
  const loading = createSteadily({ apiUrl, chats, rate, seconds })
  const until = async (isThere: () => Promise<boolean>, accepted: number, pollMs: number) => {
    while (!(await isThere()) && performance.now() - accepted < ARRIVAL_MAX_MS) await sleep(pollMs)
    return performance.now() - accepted
  }
  const feed = `${apiUrl}/applications/${application}/changes`
  const probe = async (word: string): Promise<number[]> => {
    let cursor = (await readChanges(feed, "latest")).next_cursor
    const headers = { "content-type": "application/json" }
    const body = JSON.stringify({ body: word })
    const { number } = (await (
      await fetch(`${apiUrl}${probed}/messages`, { method: "POST", headers, body })
    ).json()) as {
      number: number
    }
    const accepted = performance.now()
    const row = direct.stores.mysql
      .selectFrom("messages")
      .select("number")
      .where("application", "=", application)
      .where("chat", "=", chat)
      .where("number", "=", number)
    const isStored = async () => (await row.executeTakeFirst()) !== undefined
    const isFound = async () => {
      const answer = await fetch(`${apiUrl}${probed}/messages/search?query=${word}&limit=1`)
      return ((await answer.json()) as { total?: number }).total === 1
    }
    const isInFeed = async () => {
      const page = await readChanges(feed, cursor)
      cursor = page.next_cursor
      return page.data.some((change) => change.number === number)
    }
    return Promise.all([
      until(isInFeed, accepted, FEED_POLL_MS),
      until(isStored, accepted, ROW_POLL_MS),
      until(isFound, accepted, SEARCH_POLL_MS),
    ])
  }
  const probes: Promise<number[]>[] = []
  const end = performance.now() + (seconds - 5) * 1000
  for (let count = 0; performance.now() < end; count++) {
    // What is not answered has not arrived.
    probes.push(
      probe(`probe-${count}-${crypto.randomUUID()}`).catch(() => [ARRIVAL_MAX_MS, ARRIVAL_MAX_MS, ARRIVAL_MAX_MS]),
    )
    await sleep(PROBE_EVERY_MS)
  }
  const lags = await Promise.all(probes)
  const { failed, perSecond, latencies } = await loading
  const lagsOf = (index: number) => lags.map((lag) => lag[index] ?? Number.NaN).toSorted((a, b) => a - b)
  const ways = {
    "due → accepted": latencies,
    "accepted → in the changes": lagsOf(0),
    "accepted → stored": lagsOf(1),
    "accepted → searchable": lagsOf(2),
  }
  return Object.entries(ways).map(([way, sorted]) => {
    const [p50, p99] = [percentile(sorted, 50), percentile(sorted, 99)]
    const name = `${way} at ${at}`
    say(`${name} (in fact ${Math.round(perSecond)}): p50 ${Math.round(p50)} ms, p99 ${Math.round(p99)} ms`)
    return { name, p50, p99, max: percentile(sorted, 100), perSecond, failed }
  })
}

/** Measures the time from when a call was due to its answer, for a function that does nothing, at the same rate. */
async function measureNoOp({ stack, say }: BenchRun, { at, rate }: Load, seconds: number): Promise<Figure> {
  const { latencies, perSecond, failed } = await askSteadily(stack.apiUrl, [NO_OP], { rate, seconds })
  const [p50, p99] = [percentile(latencies, 50), percentile(latencies, 99)]
  const name = `no-op at ${at}`
  say(`${name}: p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms`)
  return { name, p50, p99, max: percentile(latencies, 100), perSecond, failed }
}

/** How it is called, and creations a second. */
type Load = { at: string; rate: number }

const FEW: Load = { at: "300/s", rate: 300 }
/** Of the greatest rate, at which nothing but waiting would be measured. */
const MANY_SHARE = 0.4
const MANY = `${100 * MANY_SHARE} % of the greatest rate`
const GREATEST_SECONDS = 10
const GREATEST_CONNECTIONS = 64
const QUIET_LIMIT_MS = 180_000

async function loadsFor({ stack, say }: BenchRun): Promise<Load[]> {
  const asked = (await createChats(stack.apiUrl, CHATS)).map(creationIn)
  const greatest = await ask(stack.apiUrl, asked, { connections: GREATEST_CONNECTIONS, seconds: GREATEST_SECONDS })
  await awaitQuiet(stack.direct, QUIET_LIMIT_MS)
  const rate = Math.round(greatest.perSecond * MANY_SHARE)
  say(`the greatest rate is ${Math.round(greatest.perSecond)}/s`)
  return [FEW, { at: MANY, rate }]
}

export const lag: Bench = {
  name: "lag",
  about: `POST message at ${FEW.at} and at ${MANY} for ${SECONDS} s, after a function that does nothing at the same rate; a creation every ${PROBE_EVERY_MS} ms is looked for among the changes, in MySQL and by searches`,
  async run(run) {
    const figures: Figure[] = []
    const loads = await loadsFor(run)
    for (let round = 0; round < run.rounds; round++) {
      for (const load of loads) {
        const noOp = await measureNoOp(run, load, NO_OP_SECONDS)
        const [accepted, ...later] = await measureLag(run, load, Math.max(SECONDS_MIN, SECONDS * run.scale))
        figures.push(noOp, { ...(accepted as Figure), p50OfNoOp: Number(accepted?.p50) / Number(noOp.p50) }, ...later)
      }
    }
    const bounds = loads.flatMap(({ at }) => [
      { of: "p99", name: `accepted → in the changes at ${at}`, max: 300 },
      { of: "p99", name: `accepted → stored at ${at}`, max: 1_000 },
      { of: "p99", name: `accepted → searchable at ${at}`, max: 3_000 },
      { of: "failed", name: `accepted → stored at ${at}`, max: 0 },
    ])
    const plot = plotMedians(figures, {
      file: "lag",
      title: "From due to accepted, and from there to the changes, to MySQL and to the first search that finds it",
      unit: "milliseconds",
      series: { p50: "p50", p99: "p99" },
    })
    return { figures, bounds, plots: [plot] }
  },
}
