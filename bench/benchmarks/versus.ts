// Compares this working tree with a commit: both stacks run side by side, and each measurement takes them in turns.
import { rm } from "node:fs/promises"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { silentProgress } from "../../local/progress.ts"
import { ROOT } from "../../local/services/settings.ts"
import type { Bench, Bound, Figure, LoneRun } from "../report/bench-run.ts"
import { plotMedians } from "../report/plots.ts"
import { type Build, startBuild, untilAtRest } from "../stack/build.ts"
import { eventsFor, firstCall, manyCalls } from "../stack/bundles.ts"
import { type Asked, ask, createChats, createMessages, creationIn, percentile } from "../stack/load.ts"
import { fillChats, measureSearch } from "./versus-search.ts"
import { measureBytes, measureDrain } from "./versus-stored.ts"

/** A slice is short, since the machine's own speed changes within a minute; each round has several of each build. */
const SLICE_SECONDS = 2
const SLICES = 4
const SLICE_SECONDS_MIN = 1
/** The servers compile their code for that long. */
const WARM_UP_SECONDS = 60
const WARM_UP_SECONDS_MIN = 5
const CHATS = 32
const MESSAGES = 4_000
const CONNECTIONS = 64
const DIRECT_CALLS: Record<number, number> = { 1: 1_500, 64: 8_000 }
/** By then both have done what follows a start. */
const REST_SECONDS = 30
const MEGABYTE = 1024 * 1024
/** What counts as no slower: less cannot be told from this machine's noise. */
const RATE_MIN = 0.98
const COST_MAX = 1.02

/** Both builds, this one first. */
type Pair = readonly [Build, Build]
/** Neither build is always the first. */
const IN_TURNS = [0, 1, 1, 0] as const
type Load = { name: string; connections: number; writes: boolean; asked: (chats: string[]) => Asked[] }

const CREATIONS = [1, 16, 64, 256].map((connections): Load => {
  const name = `POST message, ${connections} connection${connections === 1 ? "" : "s"}`
  return { name, connections, writes: true, asked: (chats) => chats.map(creationIn) }
})
const READS = Object.entries({
  "GET message": "/messages/7",
  "GET chat": "",
  "GET list of 20": "/messages?order=desc",
  "GET search": "/messages/search?query=fox",
}).map(([name, suffix]): Load => {
  const asked: Load["asked"] = (chats) => chats.map((chat) => ({ path: `${chat}${suffix}` }))
  return { name, connections: CONNECTIONS, writes: false, asked }
})

type Slice = { answered: number; seconds: number; processorMs: number; latencies: number[]; failed: number }

/** One slice of a load on one build. The processor time ends when all is stored. */
async function slice(builds: Pair, build: Build, load: Load, chats: string[], seconds: number): Promise<Slice> {
  const { connections, writes, asked } = load
  build.throwIfStopped()
  const before = build.processorMs()
  const { created, failed, perSecond, latencies } = await ask(build.apiUrl, asked(chats), { connections, seconds })
  if (writes) await untilAtRest(builds)
  const processorMs = build.processorMs() - before
  return { answered: created, seconds: created / perSecond, processorMs, latencies, failed }
}

function summed(slices: Slice[]) {
  const total = (of: (one: Slice) => number) => slices.reduce((sum, one) => sum + of(one), 0)
  const latencies = slices.flatMap((one) => one.latencies).toSorted((a, b) => a - b)
  return {
    perSecond: total((one) => one.answered) / total((one) => one.seconds),
    p99: percentile(latencies, 99),
    microseconds: (total((one) => one.processorMs) * 1000) / total((one) => one.answered),
    failed: total((one) => one.failed),
  }
}

/** Measures one load on both builds in turns. Ratios are of this build to the commit. */
async function measureLoad(builds: Pair, load: Load, chats: [string[], string[]], seconds: number): Promise<Figure> {
  const slices: [Slice[], Slice[]] = [[], []]
  for (let turn = 0; turn < SLICES; turn++)
    for (const index of turn % 2 === 0 ? ([0, 1] as const) : ([1, 0] as const))
      slices[index].push(await slice(builds, builds[index], load, chats[index], seconds))
  const [ours, theirs] = [summed(slices[0]), summed(slices[1])]
  return {
    name: load.name,
    rate: ours.perSecond / theirs.perSecond,
    p99: ours.p99 / theirs.p99,
    processor: ours.microseconds / theirs.microseconds,
    perSecond: ours.perSecond,
    perSecondThere: theirs.perSecond,
    microseconds: ours.microseconds,
    microsecondsThere: theirs.microseconds,
    failed: ours.failed + theirs.failed,
  }
}

/** Measures the handler of a creation without HTTP, in a fresh process for each build. */
async function measureDirect(builds: Pair, scale: number): Promise<Figure[]> {
  const figures: Figure[] = []
  for (const [atATime, amount] of Object.entries(DIRECT_CALLS)) {
    const costs: [number, number] = [0, 0]
    for (const index of IN_TURNS) {
      const build = builds[index]
      const [chat = ""] = await createChats(build.apiUrl, 1)
      const bundle = build.bundles.find(({ name }) => name === "create-message")
      if (bundle === undefined) throw new Error(`${build.name} has no create-message`)
      const size = { calls: Math.ceil(amount * scale), atATime: Number(atATime) }
      const cost = await manyCalls(bundle, eventsFor(chat)(bundle.name), build.env, size)
      costs[index] += (2 * cost.cpuMicroseconds) / IN_TURNS.length
      await untilAtRest(builds)
    }
    const [ours, theirs] = costs
    const name = `handler of POST message, ${atATime} at a time`
    figures.push({ name, processor: ours / theirs, microseconds: ours, microsecondsThere: theirs })
  }
  return figures
}

/** Measures the first call of every function that both builds have, each in a fresh process. */
async function measureCold(builds: Pair): Promise<Figure[]> {
  const givenEvents = async ({ apiUrl }: Build) => {
    const chats = await createChats(apiUrl, 1)
    await createMessages({ apiUrl, chats, connections: 1, amount: 10 })
    return eventsFor(chats[0] ?? "")
  }
  const eventsOf = new Map<Build, (name: string) => object>()
  for (const build of builds) eventsOf.set(build, await givenEvents(build))
  await untilAtRest(builds)
  const sums = { "first call, creations": [0, 0], "first call, all functions": [0, 0] } as Record<string, number[]>
  for (const { name } of builds[0].bundles) {
    if (!builds[1].bundles.some((bundle) => bundle.name === name)) continue
    for (const index of IN_TURNS) {
      const build = builds[index]
      const bundle = build.bundles.find((one) => one.name === name)
      if (bundle === undefined) continue
      build.throwIfStopped()
      // What is deleted can be deleted once.
      const events = name.startsWith("delete-") ? await givenEvents(build) : eventsOf.get(build)
      const { importMs, callMs } = await firstCall(bundle, events?.(name) ?? {}, build.env)
      for (const [group, sum] of Object.entries(sums))
        if (!group.endsWith("creations") || name.startsWith("create-"))
          sum[index] = (sum[index] ?? 0) + (2 * (importMs + callMs)) / IN_TURNS.length
    }
  }
  return Object.entries(sums).map(([name, [ours = Number.NaN, theirs = Number.NaN]]) => ({
    name,
    time: ours / theirs,
    milliseconds: ours,
    millisecondsThere: theirs,
  }))
}

/** Starts both again with their data, one after the other, and measures the memory of both once they are at rest. */
async function measureRest(builds: Pair): Promise<Figure[]> {
  const seconds = [await builds[0].restart(), await builds[1].restart()] as const
  await sleep(REST_SECONDS * 1000)
  const [ours, theirs] = builds.map((build) => build.rssBytes() / MEGABYTE) as [number, number]
  const start = { time: seconds[0] / seconds[1], seconds: seconds[0], secondsThere: seconds[1] }
  return [
    { name: "start", ...start },
    { name: "memory at rest", bytes: ours / theirs, megabytes: ours, megabytesThere: theirs },
  ]
}

const KINDS = ["creations", "reads", "search", "drain", "bytes", "handler", "cold", "rest"] as const
type Kind = (typeof KINDS)[number]
export const isKind = (text: string): boolean => KINDS.some((kind) => kind === text)

async function compare(
  builds: Pair,
  kinds: readonly string[],
  { rounds, scale, say, keep }: LoneRun,
): Promise<Figure[]> {
  const wants = (kind: Kind) => kinds.length === 0 || kinds.includes(kind)
  const chatsOf = (build: Build) => createChats(build.apiUrl, CHATS)
  const chats: [string[], string[]] = [await chatsOf(builds[0]), await chatsOf(builds[1])]
  for (const [index, build] of builds.entries()) {
    const load = { apiUrl: build.apiUrl, chats: chats[index] ?? [], connections: CONNECTIONS }
    await createMessages({ ...load, amount: MESSAGES })
    if (!wants("creations") && !wants("reads")) continue
    // In other chats: those that are read must be as large in both.
    await ask(load.apiUrl, (await chatsOf(build)).map(creationIn), {
      connections: CONNECTIONS,
      seconds: Math.max(WARM_UP_SECONDS_MIN, WARM_UP_SECONDS * scale),
    })
  }
  await untilAtRest(builds)
  const searches = wants("search") ? await fillChats(builds, scale, say) : undefined
  // Once, and first, since it merges all that there is.
  const figures = wants("bytes") ? await measureBytes(builds) : []
  keep(figures)
  for (let round = 0; round < rounds; round++) {
    // The chats that are written to grow, so what is read is written to by neither.
    const written: [string[], string[]] = [await chatsOf(builds[0]), await chatsOf(builds[1])]
    const seconds = Math.max(SLICE_SECONDS_MIN, SLICE_SECONDS * scale)
    const found: Figure[] = []
    if (wants("creations")) for (const load of CREATIONS) found.push(await measureLoad(builds, load, written, seconds))
    if (wants("reads")) for (const load of READS) found.push(await measureLoad(builds, load, chats, seconds))
    if (searches) found.push(...(await measureSearch(builds, searches, IN_TURNS, scale)))
    if (wants("drain")) found.push(...(await measureDrain(builds, IN_TURNS, scale)))
    if (wants("handler")) found.push(...(await measureDirect(builds, scale)))
    if (wants("cold")) found.push(...(await measureCold(builds)))
    for (const { name, rate, processor, time, bytes } of found) {
      const ratios = Object.entries({ rate, processor, time, bytes }).filter(([, value]) => value !== undefined)
      const shown = ratios.map(([what, value]) => `${what} ${Number(value).toFixed(2)}`).join(", ")
      say(`round ${round + 1} of ${rounds}, ${name}: ${shown}`)
    }
    figures.push(...found)
    keep(found)
  }
  // Last, since what starts again has to compile its code anew.
  for (let round = 0; round < rounds && wants("rest"); round++) figures.push(...(await measureRest(builds)))
  return figures
}

/** A comparison with a commit, which git must know, of these kinds of measurements or of all. */
export const versus = (commit: string, kinds: readonly string[]): Bench => ({
  name: "versus",
  argument: [commit, ...kinds].join(" "),
  about: `this working tree and commit ${commit}, each started by npm start with an empty database, side by side on this machine and measured in turns; rate, p99, processor, time and bytes are ratios of this one to that commit; processor time is that of all servers until everything is stored`,
  async runAlone(run) {
    const builds: Build[] = []
    try {
      for (const [place, build] of [{ name: "this" }, { name: "commit", commit }].entries()) {
        run.say(`starting ${build.name}`)
        builds.push(await startBuild({ ...build, place, progress: silentProgress, signal: run.signal }))
      }
      const [ours, theirs] = builds as [Build, Build]
      const figures = await compare([ours, theirs], kinds, run)
      const plot = plotMedians(figures, {
        file: "versus",
        title: "Creations and reads, both on one machine, in turns",
        unit: "requests per second",
        series: { perSecond: "this version", perSecondThere: commit },
      })
      return { figures, bounds: boundsOf(figures), plots: "rate" in (figures[0] ?? {}) ? [plot] : [] }
    } finally {
      await Promise.all(builds.map((build) => build.stop()))
      await rm(join(ROOT, ".data", "versus"), { recursive: true, force: true })
    }
  },
})

function boundsOf(figures: Figure[]): Bound[] {
  return [...new Map(figures.map((figure) => [figure.name, figure])).values()].map((figure): Bound => {
    const { name } = figure
    if ("rate" in figure) return { of: "rate", name, min: RATE_MIN }
    const of = (["processor", "time", "bytes"] as const).find((cost) => cost in figure) ?? "time"
    return { of, name, max: COST_MAX }
  })
}
