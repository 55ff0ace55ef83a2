// Reads back the load's own writes and judges the answers. They must be exact, except while Redis is away: then the API
// may answer from MySQL, with an older state, but never deny a resource that it acknowledged.
import type { Answer } from "./client.ts"
import { type Load, noteAnswer } from "./exchange.ts"
import { isDeleted, mayBeDeleted, pathOf, type Resource, sentAt, shardOfResource } from "./ledger.ts"
import { possibleStates, shows, statesOf } from "./members.ts"

const PAGE_LIMIT = 20
const SEARCH_LIMIT = 10

type Item = Record<string, unknown> & {
  number?: number
  token?: string
  body?: string
  name?: string | null
  highlight?: string
}

const textIn = (item: Item): string => item.body ?? item.name ?? ""

async function get(load: Load, path: string): Promise<{ answer: Answer; wrong: (what: string) => void }> {
  const { client, ledger } = load
  const requestId = `${ledger.writes[0]?.id ?? ""}-read-${ledger.reads++}`
  const answer = await client.call({ method: "GET", path, requestId })
  noteAnswer(load, `GET ${path}`, requestId, answer)
  const wrong = (what: string) => {
    ledger.wrongReads.push({ at: answer.sentAt, what: `GET ${path}: ${what}`, requestId })
  }
  return { answer, wrong }
}

const wasAnswered = ({ status }: Answer): boolean => status === 200 || status === 404

/** Returns whether an answer may show a resource as it was, because Redis is or was just being harmed in its shard. */
const mayBeOld = ({ faults }: Load, { sentAt: at, tookMs }: Answer, resource: Resource): boolean =>
  faults.excusesOldReads(at, at + tookMs, shardOfResource(resource))

/** Returns why members are wrong for a resource; undefined if they are right. */
function wrongMembers(resource: Resource, item: Item, oldIsFine: boolean): string | undefined {
  if (possibleStates(resource).some((state) => shows(state, item))) return undefined
  const version = resource.versions.find((write) => statesOf(write).some((state) => shows(state, item)))
  if (version && oldIsFine) return undefined
  const had = version ? `an older state, of ${version.id}` : `another state: ${JSON.stringify(item).slice(0, 200)}`
  return `${resource.kind} ${resource.id} has ${had}, but was acknowledged as ${resource.state.id}`
}

/** Returns an ETag without the count, which moves without a write. */
export const ofState = (etag: string): string => etag.replace(/\.\d+"$/, '"')

/** Returns why an ETag is wrong for a resource; undefined if it is right, or if the right one is not known for certain. */
function wrongEtag({ settled, deleted, etag: known }: Resource, etag: string | undefined): string | undefined {
  if (!settled || deleted !== "no" || known === undefined || ofState(etag ?? "") === ofState(known)) return undefined
  return `has the ETag ${etag}, but its last write was answered with ${known}`
}

/** Returns why what was read is wrong for a resource; undefined if it is right. */
function wrongItem(resource: Resource, { body, etag }: Answer, oldIsFine: boolean): string | undefined {
  const item = body as Item
  if (isDeleted(resource) && !oldIsFine) return "200, but its delete was acknowledged"
  const id = resource.kind === "application" ? item.token : item.number
  if (id !== resource.id) return `answers ${id}`
  return wrongMembers(resource, item, oldIsFine) ?? (oldIsFine ? undefined : wrongEtag(resource, etag))
}

/** Gets a resource by its number or token and checks it. Returns its ETag if it was found. */
export async function readOne(load: Load, resource: Resource): Promise<string | undefined> {
  const { answer, wrong } = await get(load, pathOf(resource))
  if (!wasAnswered(answer)) return undefined
  const oldIsFine = mayBeOld(load, answer, resource)
  if (answer.status === 404) {
    if (!mayBeDeleted(resource)) wrong(`404, but it was acknowledged as ${resource.state.id}`)
    return undefined
  }
  const difference = wrongItem(resource, answer, oldIsFine)
  if (difference) wrong(difference)
  return answer.etag
}

/**
 * Gets the newest page of a list, which must hold every one of `own` that is not older than its last item, and no
 * deleted one.
 */
export async function readNewest(
  load: Load,
  parent: Resource,
  list: "chats" | "messages",
  own: Resource[],
): Promise<void> {
  const { answer, wrong } = await get(load, `${pathOf(parent)}/${list}?order=desc&limit=${PAGE_LIMIT}`)
  if (!wasAnswered(answer)) return
  if (answer.status === 404) return wrong(`404, but it was acknowledged as ${parent.state.id}`)
  if (mayBeOld(load, answer, parent)) return
  const { data } = answer.body as { data: Item[] }
  const listed = new Map(data.map((item) => [item.number, item]))
  const oldest = data.length < PAGE_LIMIT ? 0 : Math.min(...data.map(({ number }) => number ?? 0))
  for (const resource of own) {
    const item = listed.get(Number(resource.id))
    if (resource.deleted === "no" && Number(resource.id) >= oldest && !item) wrong(`does not list ${resource.id}`)
    if (resource.deleted === "yes" && item) wrong(`lists ${resource.id}, whose delete was acknowledged`)
    const difference = item && resource.deleted === "no" && wrongMembers(resource, item, false)
    if (difference) wrong(difference)
  }
}

/** Searches for `sought`: it may not be found yet, but what is found must be what was written under its number. */
export async function search(load: Load, chat: Resource, sought: Resource, own: Resource[]): Promise<void> {
  const text = sought.state.text.id
  const query = encodeURIComponent(text)
  const { answer, wrong } = await get(load, `${pathOf(chat)}/messages/search?limit=${SEARCH_LIMIT}&query=${query}`)
  if (!wasAnswered(answer)) return
  if (answer.status === 404) return wrong(`404, but it was acknowledged as ${chat.state.id}`)
  const { data } = answer.body as { data: Item[] }
  for (const item of data) {
    if (!textIn(item).includes(text)) wrong(`finds ${item.number}, which does not contain the query`)
    const resource = own.find(({ id }) => id === item.number)
    const difference = resource && wrongMembers(resource, item, true)
    // After Redis lost its keys, a message may be stored twice, the second time under a number that was never answered.
    if (difference && !load.faults.lostData(sentAt(resource.creation), Date.now(), shardOfResource(resource)))
      wrong(difference)
  }
}
