// Finds the acknowledged writes that a follower has not received, although a page said that there is no more.
import { describeWrite, mayBeDeleted, type Resource, sentAt, type Write } from "../load/ledger.ts"
import type { Begin } from "./follower.ts"
import type { Place, Replica } from "./replica.ts"

type Reader = {
  application: Resource
  chat: Resource | undefined
  from: Begin
  beganAt: number | undefined
  replica: Replica
}

const applicationOf = (resource: Resource): Resource => (resource.parent ? applicationOf(resource.parent) : resource)

const placeOf = ({ kind, id, parent }: Resource): Place => {
  if (kind === "application") return { chat: 0, message: 0 }
  return kind === "chat" ? { chat: Number(id), message: 0 } : { chat: Number(parent?.id), message: Number(id) }
}

function isFollowed({ application, chat }: Reader, resource: Resource): boolean {
  if (chat) return resource === chat || resource.parent === chat
  return applicationOf(resource) === application
}

/**
 * Returns whether another write of the same resource has begun that may be later. If it was accepted while a page was
 * read, the resource comes on a later page, at the place of that write.
 */
const isOvertaken = ({ resource, rival, ...write }: Write): boolean =>
  rival !== undefined || resource.versions.at(-1)?.id !== write.id

/** Returns the other writes of the same resource that may be later: those begun after it, and one sent at once with it. */
function laterThan(write: Write): Write[] {
  const { resource, rival, updatedAt = "" } = write
  const after = resource.versions.slice(resource.versions.indexOf(write) + 1)
  const others = after.filter((other) => other !== rival)
  if (!rival || rival.outcome === "refused") return others
  const isEarlier = rival.updatedAt !== undefined && rival.updatedAt < updatedAt
  return isEarlier ? others : [rival, ...others]
}

type Standing = "told" | "overtaken" | "untold"

/** Returns whether the reader has received a write, or a later one of its resource, or need not receive it. */
function standingOf({ from, beganAt = 0, replica }: Reader, write: Write): Standing {
  const { kind, resource, updatedAt = "" } = write
  const told = replica.find(placeOf(resource))
  // Nobody follows an application before it is created, or after it is deleted.
  if (resource.kind === "application" && kind !== "update") return "told"
  const isSince = sentAt(write) > beganAt
  if (kind === "delete") {
    const isGone = resource.parent !== undefined && mayBeDeleted(resource.parent)
    return isGone || (told ? told.isDeleted : !isSince) ? "told" : "untold"
  }
  if (mayBeDeleted(resource) || (from === "latest" && !isSince)) return "told"
  if (told !== undefined && !told.isDeleted && told.at >= updatedAt) return "told"
  return isOvertaken(write) ? "overtaken" : "untold"
}

/**
 * Returns a line for each acknowledged write from `start` to `end` that the reader has not received, and the writes that
 * a later one may have overtaken, which is known once that one is acknowledged.
 */
export function findUntold(reader: Reader, acknowledged: Write[], start: number, end: number) {
  const untold: string[] = []
  const overtaken: Write[] = []
  for (let index = start; index < end; index++) {
    const write = acknowledged[index] as Write
    if (!isFollowed(reader, write.resource)) continue
    const standing = standingOf(reader, write)
    if (standing === "overtaken") overtaken.push(write)
    if (standing !== "untold") continue
    const had = reader.replica.find(placeOf(write.resource))
    untold.push(`${write.resource.id} of ${write.updatedAt}, told ${had?.at ?? "nothing"}: ${describeWrite(write)}`)
  }
  return { untold, overtaken }
}

/** A write that a page lacked after a later one had begun, and when the page was asked for and answered. */
export type Overtaken = { write: Write; askedAt: number; answeredAt: number }

/** Redis' clock and this one are read to the millisecond. */
const CLOCKS_MS = 2

/** Returns a line for each that no later write of its resource has overtaken, being accepted while the page was read. */
export function findNotOvertaken(all: Overtaken[]): string[] {
  return all.flatMap(({ write, askedAt, answeredAt }) => {
    const later = laterThan(write).filter((other) => sentAt(other) <= answeredAt)
    const isExcused = later.some(({ updatedAt }) => {
      // What was never answered may have been accepted at any time.
      const at = updatedAt === undefined ? askedAt : Date.parse(updatedAt)
      return at >= askedAt - CLOCKS_MS && at <= answeredAt + CLOCKS_MS
    })
    if (isExcused) return []
    const page = [askedAt, answeredAt].map((time) => new Date(time).toISOString()).join(" to ")
    const next = later.map(({ updatedAt }) => updatedAt).join(", ")
    return [`page of ${page}, later writes of ${next}: ${describeWrite(write)}`]
  })
}
