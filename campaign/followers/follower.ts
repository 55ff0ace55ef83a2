// Reads an application's changes page by page, as a client does, and checks each page and what it lacks. A request that
// fails is made again with the same cursor.
import type { Answer, Client } from "../load/client.ts"
import { type Load, noteAnswer } from "../load/exchange.ts"
import { mayBeDeleted, pathOf, type Resource, shardOfResource, type Write } from "../load/ledger.ts"
import type { CheckName } from "../verdict/checks.ts"
import { type Change, createReplica, type Replica } from "./replica.ts"
import { findUntold, type Overtaken } from "./untold.ts"

/** More empty pages in a row, each of which promises more, are a reader that never arrives. */
const EMPTY_PAGES_MAX = 50
/** What Redis lost was written at most this long before, since all that is older is stored (faults/schedule.ts). */
const LOST_WITHIN_MS = 10_000

export type Begin = "beginning" | "latest"
/** What a page was: there is more, nothing more, no answer, or 404 for good. */
export type PageOutcome = "more" | "current" | "refused" | "gone"
export type Finding = { check: CheckName; what: string }

/** Where a follower reads: through the proxy, or from one copy of the API. */
export type Source = { name: string; client: Client; isProxied: boolean }

export type Follower = {
  name: string
  /** The name of its source. */
  reads: string
  application: Resource
  chat: Resource | undefined
  from: Begin
  replica: Replica
  findings: Finding[]
  pages: number
  refused: number
  /** Acknowledged writes that it did not receive at once, since a later one of the same resource had begun. */
  overtaken: Overtaken[]
  /** The latest answer that was none of the above. */
  refusal: string
  /** When its first page was answered (ms since 1970). */
  beganAt: number | undefined
  /** When it learned that what it follows was deleted. */
  goneAt: number | undefined
  /** Reads the next page, of at most `limit` changes. */
  read(limit: number): Promise<PageOutcome>
  /** Returns whether Redis may have lost what was written at a time. */
  mayBeLost(at: string): boolean
}

type ChangesPage = { data: Change[]; next_cursor: string; has_more: boolean }
export type FollowerParts = {
  load: Pick<Load, "ledger" | "faults">
  source: Source
  application: Resource
  chat?: Resource | undefined
  from: Begin
  name: string
}

const overtakenOn = (write: Write, { sentAt, tookMs }: Answer): Overtaken => {
  return { write, askedAt: sentAt, answeredAt: sentAt + tookMs }
}

/** Judges a 404: what it follows must be gone, and a chat's delete must have been received before. */
function judgeGone(
  follower: Follower,
  cursor: string | undefined,
  answer: Answer,
  wrong: (check: CheckName, what: string) => void,
): PageOutcome {
  const { application, chat, replica } = follower
  const resource = chat ?? application
  if (!mayBeDeleted(resource)) wrong("follower differs", `404, but ${pathOf(resource)} lives`)
  const isTold = chat === undefined || replica.chats.get(Number(chat.id))?.isDeleted
  if (!isTold && cursor !== undefined && cursor !== "latest" && !mayBeDeleted(application)) {
    wrong("change missing", `404, but was not told of the delete of ${pathOf(resource)}`)
  }
  follower.goneAt = answer.sentAt + answer.tookMs
  return "gone"
}

/** Returns a follower that has read nothing yet. */
export function createFollower({ load, source, application, chat, from, name }: FollowerParts): Follower {
  const { ledger, faults } = load
  const findings: Finding[] = []
  let cursor = from === "latest" ? "latest" : undefined
  let checked = 0
  let emptyPages = 0
  const wrong = (check: CheckName, what: string) => {
    findings.push({ check, what: `${name}, page ${follower.pages}: ${what}` })
  }
  const mayBeLost = (at: string) =>
    faults.lostData(Date.parse(at), Date.parse(at) + LOST_WITHIN_MS, shardOfResource(application))

  function takePage(answer: Answer, limit: number, mark: number): PageOutcome {
    const { data, next_cursor: next, has_more: more } = answer.body as ChangesPage
    if (typeof next !== "string" || next === "") wrong("follower differs", `next_cursor is ${next}`)
    if (data.length > limit) wrong("follower differs", `${data.length} changes, of at most ${limit}`)
    if (cursor === "latest" && (data.length > 0 || more)) wrong("follower differs", "the present has changes")
    for (const change of data) follower.replica.take(change)
    emptyPages = more && data.length === 0 ? emptyPages + 1 : 0
    if (more && (next === cursor || emptyPages > EMPTY_PAGES_MAX)) {
      wrong("follower differs", `has_more is true, and the cursor gets nowhere: ${next}`)
      return "current"
    }
    cursor = next
    if (more) return "more"
    const { untold, overtaken } = findUntold(follower, ledger.acknowledged, checked, mark)
    for (const line of untold) wrong("change missing", line)
    follower.overtaken.push(...overtaken.map((write) => overtakenOn(write, answer)))
    checked = mark
    return "current"
  }

  const follower: Follower = {
    name,
    reads: source.name,
    application,
    chat,
    from,
    replica: createReplica({ chat: Number(chat?.id ?? 0), wrong, mayBeLost }),
    findings,
    pages: 0,
    refused: 0,
    overtaken: [],
    refusal: "",
    beganAt: undefined,
    goneAt: undefined,
    mayBeLost,
    async read(limit) {
      const given = { ...(chat && { chat: `${chat.id}` }), ...(cursor !== undefined && { cursor }) }
      const query = new URLSearchParams({ limit: `${limit}`, ...given })
      const requestId = `${ledger.run}-${name.replaceAll(" ", "-")}-${follower.pages}.${follower.refused}`
      // Once there is no more, all that was acknowledged up to here must have been received.
      const mark = ledger.acknowledged.length
      const path = `${pathOf(application)}/changes?${query}`
      const answer = await source.client.call({ method: "GET", path, requestId })
      noteAnswer({ ledger, isProxied: source.isProxied }, `GET ${path}`, requestId, answer)
      if (answer.status === 404) return judgeGone(follower, cursor, answer, wrong)
      if (answer.status !== 200) {
        follower.refused++
        follower.refusal = `${answer.status} ${answer.reason}`
        return "refused"
      }
      follower.pages++
      follower.beganAt ??= Date.now()
      return takePage(answer, limit, mark)
    },
  }
  return follower
}
