// Compares this API with another one, which runs already: creations, lists and searches of both in turns.
import { awaitQuiet } from "../../campaign/verdict/settle.ts"
import type { Bench, BenchRun, Bound, Figure } from "../report/bench-run.ts"
import { plotMedians } from "../report/plots.ts"
import { type Asked, ask, createChats, creationIn, percentile } from "../stack/load.ts"
import { askedOf, makeChat, type Peer } from "../stack/peer.ts"

/** A slice is short, since the machine's own speed changes within a minute. */
const SLICE_SECONDS = 3
const SLICES = 4
const WARM_UP_SECONDS = 15
const CHATS = 16
/** Enough for pages of twenty in each chat. */
const MESSAGES = 4_000
const CONNECTIONS = [1, 16, 64]
const READING_CONNECTIONS = 64
const QUIET_LIMIT_MS = 180_000

type Side = { url: string; create: Asked[]; list: Asked[]; search: Asked[] }
type Kind = "create" | "list" | "search"

async function ourSide({ stack }: BenchRun): Promise<Side> {
  const chats = await createChats(stack.apiUrl, CHATS)
  return {
    url: stack.apiUrl,
    create: chats.map(creationIn),
    list: chats.map((chat) => ({ path: `${chat}/messages?order=desc&limit=20` })),
    search: chats.map((chat) => ({ path: `${chat}/messages/search?query=fox` })),
  }
}

async function theirSide(peer: Peer): Promise<Side> {
  const chats: Awaited<ReturnType<typeof makeChat>>[] = []
  for (let made = 0; made < CHATS; made++) chats.push(await makeChat(peer))
  const askedFor = (kind: Kind) => chats.map((values) => askedOf(peer, peer[kind], values))
  return { url: peer.url, create: askedFor("create"), list: askedFor("list"), search: askedFor("search") }
}

/** Measures one kind of request on both in turns, this API first. */
async function measure(run: BenchRun, sides: readonly [Side, Side], kind: Kind, connections: number): Promise<Figure> {
  const found = sides.map(() => ({ answered: 0, seconds: 0, failed: 0, latencies: [] as number[] }))
  const seconds = Math.max(1, SLICE_SECONDS * run.scale)
  for (let turn = 0; turn < SLICES; turn++)
    for (const index of turn % 2 === 0 ? [0, 1] : [1, 0]) {
      const [side, sum] = [sides[index] as Side, found[index] as (typeof found)[number]]
      const { created, perSecond, failed, latencies } = await ask(side.url, side[kind], { connections, seconds })
      sum.answered += created
      sum.seconds += created / perSecond
      sum.failed += failed
      sum.latencies.push(...latencies)
      if (kind === "create") await awaitQuiet(run.stack.direct, QUIET_LIMIT_MS)
    }
  const [ours, theirs] = found.map(({ answered, seconds: took, failed, latencies }) => ({
    perSecond: answered / took,
    p99: percentile(
      latencies.toSorted((a, b) => a - b),
      99,
    ),
    failed,
  }))
  return {
    name: `${kind}, ${connections} connection${connections === 1 ? "" : "s"}`,
    times: (ours?.perSecond ?? Number.NaN) / (theirs?.perSecond ?? Number.NaN),
    perSecond: ours?.perSecond ?? Number.NaN,
    p99: ours?.p99 ?? Number.NaN,
    perSecondThere: theirs?.perSecond ?? Number.NaN,
    p99There: theirs?.p99 ?? Number.NaN,
    failed: ours?.failed ?? Number.NaN,
    failedThere: theirs?.failed ?? Number.NaN,
  }
}

/** A comparison with the API of a description (bench/stack/peer.ts). */
export const peer = (file: string, description: Peer): Bench => ({
  name: "peer",
  argument: file,
  about: `this API beside ${description.name}, which runs on this machine: creations, the newest 20 of a chat and a search in it, in turns; times is the ratio of the rates`,
  async run(run) {
    const sides = [await ourSide(run), await theirSide(description)] as const
    for (const side of sides) {
      await ask(side.url, side.create, { connections: 1, amount: CHATS })
      await ask(side.url, side.create, { connections: READING_CONNECTIONS, amount: MESSAGES })
      for (const kind of ["create", "list", "search"] as const)
        await ask(side.url, side[kind], { connections: READING_CONNECTIONS, seconds: WARM_UP_SECONDS * run.scale })
    }
    await awaitQuiet(run.stack.direct, QUIET_LIMIT_MS)
    const figures: Figure[] = []
    for (let round = 0; round < run.rounds; round++) {
      for (const kind of ["list", "search"] as const) figures.push(await measure(run, sides, kind, READING_CONNECTIONS))
      for (const connections of CONNECTIONS) figures.push(await measure(run, sides, "create", connections))
    }
    const bounds = figures.flatMap(({ name }): Bound[] => ["failed", "failedThere"].map((of) => ({ of, name, max: 0 })))
    const plot = plotMedians(figures, {
      file: "peer",
      title: "Both on one machine, in turns",
      unit: "requests per second",
      series: { perSecond: "this API", perSecondThere: description.name },
    })
    const once = [...new Map(bounds.map((bound) => [`${bound.of} ${bound.name}`, bound])).values()]
    return { figures, bounds: once, plots: [plot] }
  },
})
