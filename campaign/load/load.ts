// The load: workers that write and read with only a short think time between. Each worker owns what it creates, so the
// expected state is exact, but workers compete for numbers: those of an application for chat numbers, and those of a
// shared chat for message numbers.
import { setTimeout as sleep } from "node:timers/promises"
import { changeStale, create, createBatch, type Load, perform } from "./exchange.ts"
import { type Part, type Resource, sentAt, shardOfResource } from "./ledger.ts"
import { below, pick } from "./random.ts"
import { readNewest, readOne, search } from "./reads.ts"
import { changeAtOnce } from "./rivals.ts"

/** Enough to keep two cores busy, with one request per worker at a time. */
const WORKERS = 32
/** Average time between two steps of a worker: about 150 writes a second in all. */
const THINK_MS = 110
const PAUSE_POLL_MS = 50
/** How wide the load is: the applications that workers share, and the workers. */
export type Breadth = { applications: number; workers: number }
export const USUAL: Breadth = { applications: 6, workers: WORKERS }
/**
 * Of a cluster, many of whose shards must be written to all the time, although a worker whose shard is away waits. Half of
 * the applications have two workers, which compete for numbers; the rate in all is the usual one.
 */
export const BROAD: Breadth = { applications: 32, workers: 48 }
/** A worker's chats, and the messages in each that it remembers for later changes. */
const CHATS_MAX = 6
const REMEMBERED_MAX = 60
/** Share of its writes that a worker reads back at once. */
const READ_BACK = 0.35
/** Most batches are small, few are as large as they may be. */
const BATCH_SMALL_MAX = 20
const BATCH_MAX = 100
const BATCH_LARGE = 0.05
/** Share of its changes that a worker makes on condition that it knows the latest state. */
const CONDITIONAL = 0.4
/** Share of two updates at once that are of a chat; the others are of a message. */
const OF_CHAT = 0.2
const SET_UP_OWNER = "set-up"

/** What updates give: all of a resource, or a part; applications have no metadata. */
const PARTS: readonly Part[] = ["whole", "whole", "text", "metadata", "metadata"]

/** The steps of a worker with their weights. */
const STEPS = [
  ["create message", 52],
  ["create batch", 1.5],
  ["update message", 12],
  ["delete message", 6],
  ["create chat", 4],
  ["update chat", 3],
  ["two updates at once", 3],
  ["delete chat", 1],
  ["application", 0.6],
  ["replay", 3],
  ["stale change", 1],
  ["search", 4],
  ["list", 5],
  ["get", 6],
] as const

type Step = (typeof STEPS)[number][0]
type OwnChat = { chat: Resource; messages: Resource[] }
type Worker = { name: string; application: Resource; chats: OwnChat[]; shared: OwnChat; applications: Resource[] }

export type Playground = { application: Resource; chat: Resource }[]

/** Creates the applications and chats that the workers share. Throws if the API refuses one. */
export async function setUp(load: Load, { applications } = USUAL): Promise<Playground> {
  const made = Array.from({ length: applications }, async () => {
    const application = await create(load, "application", undefined, SET_UP_OWNER)
    const chat = application && (await create(load, "chat", application, SET_UP_OWNER))
    if (!application || !chat) throw new Error("the API did not accept the first application and chat")
    return { application, chat }
  })
  return Promise.all(made)
}

function drawStep(load: Load): Step {
  const total = STEPS.reduce((sum, [, weight]) => sum + weight, 0)
  let left = load.random() * total
  for (const [step, weight] of STEPS) {
    left -= weight
    if (left < 0) return step
  }
  return "create message"
}

const living = (own: Resource[]): Resource[] => own.filter(({ deleted }) => deleted === "no")

async function writeMessage(load: Load, worker: Worker, target: OwnChat): Promise<void> {
  const message = await create(load, "message", target.chat, worker.name)
  if (!message) return
  target.messages.push(message)
  if (target.messages.length > REMEMBERED_MAX) target.messages.shift()
  if (load.random() > READ_BACK) return
  if (load.random() < 0.7 || target === worker.shared) await readOne(load, message)
  else await readNewest(load, target.chat, "messages", target.messages)
}

async function writeBatch(load: Load, worker: Worker, target: OwnChat): Promise<void> {
  const count = load.random() < BATCH_LARGE ? BATCH_MAX : 1 + below(load.random, BATCH_SMALL_MAX)
  const messages = await createBatch(load, target.chat, worker.name, count)
  target.messages.push(...messages.slice(0, BATCH_SMALL_MAX))
  target.messages.splice(0, target.messages.length - REMEMBERED_MAX)
  const message = pick(load.random, messages)
  if (message && load.random() < READ_BACK) await readOne(load, message)
}

async function change(load: Load, kind: "update" | "delete", resource: Resource | undefined): Promise<void> {
  if (!resource || (kind === "update" && !resource.settled)) return
  const part = resource.kind === "application" ? "whole" : pick(load.random, PARTS)
  const write = load.ledger.begin(kind, resource, part)
  if (resource.settled && resource.etag !== undefined && load.random() < CONDITIONAL) write.ifMatch = resource.etag
  const done = await perform(load, write)
  if (done && load.random() < READ_BACK) await readOne(load, resource)
}

async function changeTwice(load: Load, worker: Worker, message: Resource | undefined): Promise<void> {
  const resource = load.random() < OF_CHAT ? pick(load.random, worker.chats)?.chat : message
  if (!resource) return
  await changeAtOnce(load, resource)
  if (load.random() < READ_BACK) await readOne(load, resource)
}

async function stepOfChats(load: Load, worker: Worker, step: Step): Promise<void> {
  const { application, chats, name } = worker
  const own = pick(load.random, chats)
  if (step === "update chat") return change(load, "update", own?.chat)
  if (step === "create chat" && chats.length < CHATS_MAX) {
    const chat = await create(load, "chat", application, name)
    if (chat) chats.push({ chat, messages: [] })
    const all = chats.map((one) => one.chat)
    if (chat && load.random() < READ_BACK) await readNewest(load, application, "chats", all)
    return
  }
  if (!own || chats.length < 2) return
  chats.splice(chats.indexOf(own), 1)
  await change(load, "delete", own.chat)
  const below404 = pick(load.random, own.messages)
  if (own.chat.deleted === "yes" && below404) await readOne(load, below404)
}

async function stepOfApplications(load: Load, worker: Worker): Promise<void> {
  const { applications, name } = worker
  const drawn = load.random()
  const own = pick(load.random, living(applications))
  if (drawn < 0.4 || !own) {
    const application = await create(load, "application", undefined, name)
    if (!application) return
    applications.push(application)
    await create(load, "chat", application, name)
  } else await change(load, drawn < 0.85 ? "update" : "delete", own)
}

/** Repeats a creation with its key, which must give the same answer unless Redis has lost its keys since. */
async function replay(load: Load, { messages }: OwnChat): Promise<void> {
  const message = pick(load.random, living(messages))
  if (!message || load.faults.lostData(sentAt(message.creation), Date.now(), shardOfResource(message))) return
  await perform(load, load.ledger.beginReplay(message))
}

async function takeStep(load: Load, worker: Worker): Promise<void> {
  const step = drawStep(load)
  const isShared = load.random() < 0.3
  const target = isShared ? worker.shared : (pick(load.random, worker.chats) ?? worker.shared)
  const message = pick(load.random, living(target.messages))
  if (step === "create message") return writeMessage(load, worker, target)
  if (step === "create batch") return writeBatch(load, worker, target)
  if (step === "stale change") return message && changeStale(load, message)
  if (step === "two updates at once") return changeTwice(load, worker, message)
  if (step === "update message") return change(load, "update", message)
  if (step === "delete message") return change(load, "delete", message)
  if (step === "application") return stepOfApplications(load, worker)
  if (step === "replay") return replay(load, target)
  if (step === "list") return readNewest(load, target.chat, "messages", target.messages)
  const read = pick(load.random, target.messages)
  if (step === "get") return void (read && (await readOne(load, read)))
  if (step === "search") return message && search(load, target.chat, message, target.messages)
  return stepOfChats(load, worker, step)
}

async function work(load: Load, worker: Worker, averageMs: number): Promise<void> {
  await stepOfChats(load, worker, "create chat")
  while (!load.stop.aborted) {
    while (load.isPaused() && !load.stop.aborted) await sleep(PAUSE_POLL_MS)
    await takeStep(load, worker)
    // Exponential, like the requests of many independent users.
    const thinkMs = -Math.log(1 - load.random()) * averageMs * load.slowdown()
    await sleep(thinkMs, undefined, { signal: load.stop }).catch(() => undefined)
  }
}

/** Runs the workers until the load is stopped and the last write is answered or abandoned. More think longer. */
export async function runLoad(load: Load, playground: Playground, workers = WORKERS): Promise<void> {
  const running = Array.from({ length: workers }, (_, index) => {
    const place = playground[index % playground.length]
    if (!place) throw new Error("the load has no application")
    const shared: OwnChat = { chat: place.chat, messages: [] }
    const worker = { name: `worker-${index}`, application: place.application, chats: [], shared, applications: [] }
    return work(load, worker, THINK_MS * Math.max(1, workers / WORKERS))
  })
  await Promise.all(running)
}
