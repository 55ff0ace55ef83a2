// DESIGN. What a follower has built from the changes that it received, and the faults found on the way. Only a hash of
// each resource is kept, since a campaign's followers receive millions of changes.
import { hash } from "node:crypto"
import type { CheckName } from "../verdict/checks.ts"

export type Change = {
  id: string
  type: string
  at: string
  chat_number: number | null
  number: number | null
  data: Record<string, unknown> | null
}

/** The latest change that was received of a resource. */
export type Told = {
  id: string
  at: string
  isDeleted: boolean
  /** The hash of what it shows; "" if deleted. */
  shown: string
}

/** Numbers are 0 where a resource has none: an application has neither, a chat only that of its own. */
export type Place = { chat: number; message: number }

export type Replica = {
  application: Told | undefined
  chats: Map<number, Told>
  /** By chat; those of a deleted chat are dropped. */
  messages: Map<number, Map<number, Told>>
  told: number
  find(place: Place): Told | undefined
  take(change: Change): void
}

/** Counts move without a change. */
const COUNTS = new Set(["chats_count", "messages_count"])

/** Returns the hash of a resource as answers show it, without its count. */
export function hashShown(resource: object): string {
  const members = Object.entries(resource).filter(([name]) => !COUNTS.has(name))
  return hash("sha1", JSON.stringify(members.sort(([a], [b]) => (a < b ? -1 : 1))), "base64url")
}

export type ReplicaParts = {
  /** The only chat that is followed; 0 for all. */
  chat: number
  wrong(check: CheckName, what: string): void
  /** Returns whether Redis may have lost what was written at this time. */
  mayBeLost(at: string): boolean
}

/** Returns an empty replica. Calls `wrong` with each fault of a change that it is given. */
export function createReplica({ chat: only, wrong, mayBeLost }: ReplicaParts): Replica {
  const ids = new Set<string>()
  const chats = new Map<number, Told>()
  const messages = new Map<number, Map<number, Told>>()
  let latest: Change | undefined
  /** The greatest number that was received as created: of messages by their chat, and of chats under 0. */
  const created = new Map<number, number>()

  const find = ({ chat, message }: Place): Told | undefined => {
    if (chat === 0) return replica.application
    return message === 0 ? chats.get(chat) : messages.get(chat)?.get(message)
  }

  function checkOrder(change: Change, { chat, message }: Place): void {
    const shown = describe(change)
    if (latest && change.at < latest.at) wrong("change out of order", `${shown} after ${describe(latest)}`)
    latest = change
    const gone = [chats.get(chat), message > 0 ? find({ chat, message }) : undefined].find((told) => told?.isDeleted)
    if (gone && !mayBeLost(gone.at)) wrong("change out of order", `${shown} after its delete of ${gone.at}`)
    // What was never changed stands where it was created, and numbers are given in that order.
    if (!change.type.endsWith(".created")) return
    const [list, number] = message > 0 ? [chat, message] : [0, chat]
    const before = created.get(list) ?? 0
    if (number <= before) wrong("change out of order", `${shown} after the creation of ${before}`)
    created.set(list, Math.max(number, before))
  }

  const replica: Replica = {
    application: undefined,
    chats,
    messages,
    told: 0,
    find,
    take(change) {
      const { id, at, type, data, chat_number, number } = change
      const place = { chat: chat_number ?? 0, message: number ?? 0 }
      replica.told++
      if (ids.has(id)) return wrong("change told twice", describe(change))
      ids.add(id)
      checkOrder(change, place)
      const isDeleted = data === null
      if (isDeleted !== type.endsWith(".deleted"))
        wrong("follower differs", `${describe(change)} has data ${!isDeleted}`)
      if (only > 0 && place.chat !== only) wrong("follower differs", `${describe(change)} to a reader of chat ${only}`)
      const told = { id, at, isDeleted, shown: isDeleted ? "" : hashShown(data) }
      if (place.chat === 0) replica.application = told
      else if (place.message === 0) {
        chats.set(place.chat, told)
        if (isDeleted) messages.delete(place.chat)
      } else {
        const below = messages.get(place.chat) ?? new Map<number, Told>()
        messages.set(place.chat, below.set(place.message, told))
      }
    },
  }
  return replica
}

const describe = ({ type, chat_number, number, at, id }: Change): string =>
  `${type} ${[chat_number, number].filter((one) => one !== null).join("/")} of ${at} (${id})`
