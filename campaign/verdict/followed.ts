// Compares what followers have built with the rows, once each has read all that there is.
import { answered } from "../../lib/members.ts"
import type { Follower } from "../followers/follower.ts"
import { hashShown, type Told } from "../followers/replica.ts"
import { findNotOvertaken } from "../followers/untold.ts"
import type { Verdict } from "./checks.ts"
import type { ApplicationRow, ChatRow, MessageRow } from "./inventory.ts"

export type FollowedRows = { application: ApplicationRow | undefined; chats: ChatRow[]; messages: MessageRow[] }

/** A resource as its row has it, with which the latest change must agree. */
type Stored = { shown: string; updatedAt: string }

const stored = (row: { updated_at: string }): Stored => ({ shown: hashShown(row), updatedAt: row.updated_at })

const messageOf = ({ chat: _chat, revision: _revision, ...row }: MessageRow): Stored => stored(answered(row))

/** Compares one follower, and counts the differences that a loss of data in Redis explains. */
export function compareFollower(follower: Follower, rows: FollowedRows, verdict: Verdict): number {
  const { replica, name, from, chat, mayBeLost, goneAt } = follower
  const only = chat && Number(chat.id)
  const chats = rows.chats.filter(({ number }) => only === undefined || number === only)
  const differs = (what: string) => verdict.fail("follower differs", `${name}: ${what}`)
  if (goneAt !== undefined || rows.application === undefined) {
    const lives = rows.application !== undefined && (only === undefined || chats.length > 0)
    if (lives && !mayBeLost(new Date(goneAt ?? 0).toISOString())) differs("was told that it is gone, but has rows")
    if (goneAt === undefined) differs("follows an application without a row")
    return 0
  }
  let excused = 0
  const compare = (where: string, told: Told | undefined, row: Stored | undefined, isOptional = from === "latest") => {
    const isRight = row
      ? told === undefined
        ? isOptional
        : told.shown === row.shown
      : told === undefined || told.isDeleted
    if (isRight) return
    if (told && mayBeLost(told.at)) return excused++
    const had = told ? `${told.isDeleted ? "deleted" : "told"} ${told.at} (${told.id})` : "never told"
    differs(`${where}: ${had}, its row is ${row ? `of ${row.updatedAt}` : "not there"}`)
  }
  const { application } = rows
  // Only an updated application is a change, and only for readers of the whole application.
  const isUntold = application.updated_at === application.created_at || only !== undefined || from === "latest"
  compare("application", replica.application, stored(application), isUntold)
  compareAll("chat", replica.chats, new Map(chats.map((row) => [row.number, stored(answered(row))])), compare)
  const below = Map.groupBy(rows.messages, (row) => row.chat)
  for (const number of new Set([...replica.messages.keys(), ...chats.map((row) => row.number)])) {
    const messages = new Map((below.get(number) ?? []).map((row) => [row.number, messageOf(row)]))
    compareAll(`message ${number}/`, replica.messages.get(number) ?? new Map(), messages, compare)
  }
  return excused
}

function compareAll(
  where: string,
  told: Map<number, Told>,
  rows: Map<number, Stored>,
  compare: (where: string, told: Told | undefined, row: Stored | undefined) => unknown,
): void {
  for (const number of new Set([...told.keys(), ...rows.keys()])) {
    compare(`${where} ${number}`, told.get(number), rows.get(number))
  }
}

/** Reports what followers noticed as they read. */
export function judgeFollowed(followers: Follower[], verdict: Verdict): void {
  for (const { name, findings, overtaken } of followers) {
    for (const { check, what } of findings) verdict.fail(check, what)
    for (const line of findNotOvertaken(overtaken)) verdict.fail("change missing", `${name}, ${line}`)
  }
  const [told, pages] = [sum(followers, ({ replica }) => replica.told), sum(followers, (one) => one.pages)]
  const overtaken = sum(followers, (one) => one.overtaken.length)
  const counted = `${followers.length} followers were told ${told} changes on ${pages} pages`
  verdict.note("follower differs", `${counted}; ${overtaken} writes were overtaken by later ones`)
}

const sum = (followers: Follower[], of: (follower: Follower) => number): number =>
  followers.reduce((total, follower) => total + of(follower), 0)
