/** A change as clients see it. */
import { createHash } from "node:crypto"
import * as applications from "../applications.ts"
import * as chats from "../chats.ts"
import type { Change } from "../contract.ts"
import { keyText, kindOf, revisionTime } from "../events.ts"
import * as messages from "../messages.ts"
import type { Write } from "./merge-changes.ts"

/** 128 bits never collide. */
const ID_BYTES = 16

/** Returns the id of a write: always the same for this one, and different for every other write of any resource. */
function idOf({ key, revision }: Write): string {
  const digest = createHash("sha256")
    .update(`${keyText(key)} ${revision}`)
    .digest()
  return digest.toString("base64url", 0, ID_BYTES)
}

type Told = { data: object; isNew: boolean }
type Times = { createdAt: Date; updatedAt: Date }

const isUnchanged = ({ createdAt, updatedAt }: Times): boolean => createdAt.getTime() === updatedAt.getTime()

/** Returns the resource after a write that did not delete it. */
function tell(write: Write): Told {
  const told = { application: tellApplication, chat: tellChat, message: tellMessage }[kindOf(write.key)](write)
  if (told === undefined) throw new Error("a write has neither event nor row")
  return told
}

function tellApplication({ key, event, row }: Write): Told | undefined {
  const stored = row && applications.toItem({ ...row, token: key.application, chats_count: row.counted }).value
  const state = event ? applications.fromEvent(event, stored) : stored
  return state && { data: applications.present(state), isNew: isUnchanged(state) }
}

function tellChat({ event, row }: Write): Told | undefined {
  const stored = row && chats.toItem({ ...row, number: row.chat, messages_count: row.counted })[0]?.value
  const state = event ? chats.fromEvent(event, stored) : stored
  return state && { data: chats.present(state), isNew: isUnchanged(state) }
}

function tellMessage({ event, row }: Write): Told | undefined {
  const stored = row && messages.toItem({ ...row, number: row.message })[0]?.value
  const state = event ? messages.fromEvent(event, stored) : stored
  return state && { data: messages.present(state), isNew: isUnchanged(state) }
}

/** Returns the change that a write is. */
export function changeOf(write: Write): Change {
  const { key, revision, deleted } = write
  const kind = kindOf(key)
  const told = deleted ? undefined : tell(write)
  const action = told === undefined ? "deleted" : told.isNew ? "created" : "updated"
  return {
    id: idOf(write),
    type: `${kind}.${action}` as Change["type"],
    at: revisionTime(revision).toISOString(),
    chat_number: key.chat || null,
    number: key.message || null,
    data: told === undefined ? null : (told.data as NonNullable<Change["data"]>),
  }
}
