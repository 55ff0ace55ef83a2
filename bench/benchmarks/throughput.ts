// Measures how many creations the API takes, each kind compared with a no-op function in the same process, in turns.
import { setTimeout as sleep } from "node:timers/promises"
import { awaitQuiet } from "../../campaign/verdict/settle.ts"
import type { Bench, BenchRun, Bound, Figure } from "../report/bench-run.ts"
import { plotMedians } from "../report/plots.ts"
import { type Asked, ask, createChats, creationIn, percentile } from "../stack/load.ts"
import { NO_OP } from "../stack/no-op.ts"
import { kept, missingNumbers } from "../stack/rows.ts"

/** The number of connections of the targets. */
const CONNECTIONS = 64
const SECONDS = 15
/** A rate that holds for this long is not a burst. */
const SUSTAINED_SECONDS = 60
const NO_OP_SECONDS = 10
const APPLICATIONS = 32
const STORED_LIMIT_MS = 60_000
const STORED_POLL_MS = 20
const QUIET_LIMIT_MS = 300_000

type Turn = { connections: number; seconds: number }

const round = (value: number): string => value.toFixed(value < 10 ? 2 : 0)

/** Returns the seconds until the outbox is empty and so all is stored. */
export async function storedAfter({ stack }: BenchRun): Promise<number> {
  const started = performance.now()
  while ((await stack.direct.outboxEvents()) > 0) {
    if (performance.now() - started > STORED_LIMIT_MS) break
    await sleep(STORED_POLL_MS)
  }
  return (performance.now() - started) / 1000
}

/** Measures a turn of creations and one of the no-op. `name` says what is created. */
export async function measure(run: BenchRun, name: string, asked: readonly Asked[], { connections, seconds }: Turn) {
  const { stack, say } = run
  const floor = await ask(stack.apiUrl, [NO_OP], { connections, seconds: Math.min(NO_OP_SECONDS, seconds) })
  const { created, failed, failures, perSecond, latencies } = await ask(stack.apiUrl, asked, { connections, seconds })
  const stored = await storedAfter(run)
  await awaitQuiet(stack.direct, QUIET_LIMIT_MS)
  const [p50, p99] = [percentile(latencies, 50), percentile(latencies, 99)]
  const ofNoOp = perSecond / floor.perSecond
  if (failed > 0) say(`not created: ${JSON.stringify(failures)}`)
  say(
    `${name}: ${round(perSecond)}/s, ${round(ofNoOp)} of the no-op's, p50 ${round(p50)} ms, p99 ${round(p99)} ms, stored after ${round(stored)} s`,
  )
  const figure: Figure = { name, perSecond, noOp: floor.perSecond, ofNoOp, p50, p99, storedAfter: stored, failed }
  return { figure, created }
}

const SIZES: Turn[] = [1, 16, 64, 256].map((connections) => ({
  connections,
  seconds: connections === CONNECTIONS ? SUSTAINED_SECONDS : SECONDS,
}))
const nameOf = (connections: number) => (connections === 1 ? "1 connection" : `${connections} connections`)

/** Scales the duration of a turn, which determines how much data it creates. */
export const shortened = (turn: Turn, scale: number): Turn => ({ ...turn, seconds: Math.max(2, turn.seconds * scale) })

export const create: Bench = {
  name: "create",
  about: `POST message into ${APPLICATIONS} chats, all consumers running, Redis syncing every write; each turn after one of a no-op function in the same process; ${SUSTAINED_SECONDS} s at ${CONNECTIONS} connections, else ${SECONDS} s`,
  async run(run) {
    const { apiUrl } = run.stack
    const chats = await createChats(apiUrl, APPLICATIONS)
    const asked = chats.map(creationIn)
    let created = 0
    const figures: Figure[] = []
    for (let turn = 0; turn < run.rounds; turn++) {
      for (const size of turn % 2 === 0 ? SIZES : SIZES.toReversed()) {
        const one = await measure(run, nameOf(size.connections), asked, shortened(size, run.scale))
        created += one.created
        figures.push(one.figure)
      }
    }
    const { rows, documents } = await kept(run.stack.direct, chats)
    // Requests that were cut off at the end of a turn may have been accepted: there may be more rows than answers.
    figures.push({
      name: "all rounds",
      created,
      missingRows: Math.max(0, created - rows),
      missingDocuments: rows - documents,
    })
    const name = nameOf(CONNECTIONS)
    const bounds: Bound[] = [
      { of: "perSecond", name, min: 2_500 },
      { of: "p99", name, max: 100 },
      { of: "storedAfter", name, max: 1 },
      { of: "failed", name, max: 0 },
      { of: "missingRows", name: "all rounds", max: 0 },
      { of: "missingDocuments", name: "all rounds", max: 0 },
    ]
    const plot = againstNoOp(figures, "create", "POST message by number of connections", "POST message")
    return { figures, bounds, plots: [plot] }
  },
}

const againstNoOp = (figures: Figure[], file: string, title: string, what: string) =>
  plotMedians(figures, {
    file,
    title: `${title}, everything on one machine`,
    unit: "requests per second",
    series: { perSecond: what, noOp: "no-op function" },
  })

export const createParents: Bench = {
  name: "create-parents",
  about: `POST chat into ${APPLICATIONS} applications, and POST application, on ${CONNECTIONS} connections for ${SECONDS} s, each after a turn of the no-op`,
  async run(run) {
    const chats = await createChats(run.stack.apiUrl, APPLICATIONS)
    const body = JSON.stringify({ name: "bench" })
    const kinds: Record<string, Asked[]> = {
      "create chat": chats.map((chat) => ({ path: chat.replace(/\/\d+$/, ""), method: "POST", body })),
      "create application": [{ path: "/applications", method: "POST", body }],
    }
    const figures: Figure[] = []
    for (let turn = 0; turn < run.rounds; turn++) {
      for (const [name, asked] of Object.entries(kinds)) {
        const size = shortened({ connections: CONNECTIONS, seconds: SECONDS }, run.scale)
        figures.push((await measure(run, name, asked, size)).figure)
      }
    }
    const bounds = Object.keys(kinds).map((name): Bound => ({ of: "failed", name, max: 0 }))
    const plot = againstNoOp(
      figures,
      "create-parents",
      `POST chat and POST application on ${CONNECTIONS} connections`,
      "creation",
    )
    return { figures, bounds, plots: [plot] }
  },
}

export const oneChat: Bench = {
  name: "one-chat",
  about: `POST message on ${CONNECTIONS} connections for ${SECONDS} s: into ${APPLICATIONS} chats, and into a single one`,
  async run(run) {
    const many = (await createChats(run.stack.apiUrl, APPLICATIONS)).map(creationIn)
    const figures: Figure[] = []
    for (let turn = 0; turn < run.rounds; turn++) {
      const [chat = ""] = await createChats(run.stack.apiUrl, 1)
      const kinds: [string, Asked[]][] = [
        ["many chats", many],
        ["one chat", [creationIn(chat)]],
      ]
      for (const [name, asked] of turn % 2 === 0 ? kinds : kinds.toReversed()) {
        const size = shortened({ connections: CONNECTIONS, seconds: SECONDS }, run.scale)
        figures.push((await measure(run, name, asked, size)).figure)
      }
      figures.push({ name: "numbers of the one chat", missing: await missingNumbers(run.stack.direct, chat) })
    }
    const bounds: Bound[] = [
      { of: "perSecond", name: "one chat", to: "many chats", min: 0.9 },
      { of: "missing", name: "numbers of the one chat", max: 0 },
    ]
    return { figures, bounds }
  },
}
