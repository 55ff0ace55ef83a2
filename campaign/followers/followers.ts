// The followers of a campaign: two in each application that the workers share from the start, and others that begin now
// and then, in any application, from the beginning or the present. All go on until the end. They take turns among the
// sources, the proxy and each copy of the API: through the proxy a cursor goes from copy to copy.
import { setTimeout as sleep } from "node:timers/promises"
import type { Load } from "../load/exchange.ts"
import { mayBeDeleted, type Resource } from "../load/ledger.ts"
import type { Playground } from "../load/load.ts"
import { below, pick } from "../load/random.ts"
import { type Begin, createFollower, type Follower, type Source } from "./follower.ts"

/** As many as a machine of two cores has room for beside the load. */
const FOLLOWERS_MAX = 24
const LIMIT_MAX = 100
/** The shared applications that are followed from the first, each by two. */
const FOLLOWED_MAX = 6
/** Average time to the next page where there was nothing more, or no answer. */
const THINK_MS = 800
/** At the end, a follower without an answer asks again for this long, all of them together, of a system at rest. */
const LAST_ANSWERS_MS = 30_000
const LAST_RETRY_MS = 500

type FollowedLoad = Pick<Load, "ledger" | "faults" | "random">

export type Followers = {
  all: Follower[]
  /** Follows until `stop`; `lastsMs` is how long the load lasts. */
  run(lastsMs: number, stop: AbortSignal): Promise<void>
  /** Reads all that is left, once the system is at rest, and closes the connections. */
  finish(onProgress?: (done: number, total: number) => void): Promise<void>
}

/**
 * Reads until `stop`, or until what it follows is gone: without a pause while there is more, or while a server is about
 * to be frozen, which a page must survive at any point.
 */
async function follow({ random, faults }: FollowedLoad, follower: Follower, stop: AbortSignal): Promise<void> {
  while (!stop.aborted) {
    const outcome = await follower.read(1 + below(random, LIMIT_MAX))
    if (outcome === "gone") return
    const isHasty = outcome === "more" || (outcome === "current" && faults.isFreezing())
    const waitMs = isHasty ? 0 : -Math.log(1 - random()) * THINK_MS
    await sleep(waitMs, undefined, { signal: stop }).catch(() => undefined)
  }
}

/** Reads to the end. Returns how long no answer came, at most `patienceMs`. */
async function finishOne(follower: Follower, patienceMs: number): Promise<number> {
  for (let waitedMs = 0; ; ) {
    const outcome = await follower.read(LIMIT_MAX)
    if (outcome === "gone" || outcome === "current") return waitedMs
    if (outcome === "more") continue
    if (waitedMs >= patienceMs) {
      const what = `${follower.name} got no answer at the end: ${follower.refusal}`
      follower.findings.push({ check: "follower differs", what })
      return waitedMs
    }
    await sleep(LAST_RETRY_MS)
    waitedMs += LAST_RETRY_MS
  }
}

/** Returns the followers of a load, none of which has begun. */
export function createFollowers(load: FollowedLoad, playground: Playground, sources: readonly Source[]): Followers {
  const all: Follower[] = []
  const { random, ledger } = load

  function begin(application: Resource, chat: Resource | undefined, from: Begin): Follower {
    const scope = chat ? ` chat ${chat.id}` : ""
    const source = sources[all.length % sources.length]
    if (!source) throw new Error("the followers have nothing to read from")
    const name = `follower ${all.length + 1} of ${application.id}${scope} from ${from} by ${source.name}`
    const follower = createFollower({ load, source, application, chat, from, name })
    all.push(follower)
    return follower
  }

  /** Begins another follower, half of them where the workers share, and a third in one chat. */
  function beginAny(): Follower | undefined {
    const living = ledger.resources.filter(
      (one) => one.kind === "application" && one.id !== undefined && !mayBeDeleted(one),
    )
    const application = random() < 0.5 ? pick(random, playground)?.application : pick(random, living)
    if (!application || mayBeDeleted(application)) return undefined
    const chats = ledger.resources.filter(
      (one) => one.parent === application && one.id !== undefined && !mayBeDeleted(one),
    )
    const chat = random() < 1 / 3 ? pick(random, chats) : undefined
    return begin(application, chat, random() < 0.5 ? "beginning" : "latest")
  }

  return {
    all,
    async run(lastsMs, stop) {
      // First those of whole applications, then those of single chats, so that both are spread over the sources.
      const shared = playground.slice(0, FOLLOWED_MAX)
      const first = [...shared.map(({ application }) => ({ application, chat: undefined })), ...shared]
      const following = first.map(({ application, chat }) => follow(load, begin(application, chat, "beginning"), stop))
      const everyMs = lastsMs / (FOLLOWERS_MAX - all.length + 1)
      while (!stop.aborted && all.length < FOLLOWERS_MAX) {
        await sleep(everyMs, undefined, { signal: stop }).catch(() => undefined)
        const follower = stop.aborted ? undefined : beginAny()
        if (follower) following.push(follow(load, follower, stop))
      }
      await Promise.all(following)
    },
    async finish(onProgress = () => {}) {
      let patienceMs = LAST_ANSWERS_MS
      for (const [index, follower] of all.entries()) {
        onProgress(index, all.length)
        if (follower.goneAt === undefined) patienceMs -= await finishOne(follower, patienceMs)
      }
      for (const { client } of sources) client.close()
    },
  }
}
