// What is sent for a chat: its messages, and where its source lacks a number, a placeholder that keeps it.
import { createHash } from "node:crypto"
import type { NewMessage } from "./fit.ts"
import type { JsonObject } from "./format.ts"
import type { Spool } from "./spool.ts"
import type { SurveyedChat } from "./survey.ts"

// The API's limits of a batch. A request's body has more around its messages, hence somewhat less than 1 MiB.
const BATCH_MESSAGES_MAX = 100
const BATCH_BYTES_MAX = 1_000_000

const MARK: JsonObject = { chat_import: "placeholder" }
/** Stands for a message that was deleted before the export, until all others are there. */
export const PLACEHOLDER: NewMessage = { body: "-", metadata: MARK }
const PLACEHOLDER_JSON = JSON.stringify(PLACEHOLDER)

export const isPlaceholder = (metadata: object): boolean => JSON.stringify(metadata) === JSON.stringify(MARK)

/** The API's greatest number. */
const NUMBER_MAX = 2 ** 32 - 1

/** A message to be sent. */
export type Step = {
  json: string
  /** The number that it should get, if the source tells. */
  number: number | undefined
  /** What this and all steps before it are. */
  hash: string
}

/** How many steps of a chat are done, and their hash. */
export type Done = { done: number; hash: string }

const chained = (hash: string, json: string): string =>
  createHash("sha256").update(hash).update(json).digest("base64url")

async function* allSteps(spool: Spool, { index, numbered }: SurveyedChat, keeps: boolean): AsyncGenerator<Step> {
  let next = 1
  let hash = ""
  for await (const { key, json } of spool.messagesOf(index)) {
    const number = numbered && keeps && key <= NUMBER_MAX ? key : undefined
    for (; number !== undefined && next < number; next++) {
      hash = chained(hash, PLACEHOLDER_JSON)
      yield { json: PLACEHOLDER_JSON, number: next, hash }
    }
    hash = chained(hash, json)
    yield { json, number, hash }
    next++
  }
}

export type Stepping = { spool: Spool; chat: SurveyedChat /** Whether numbers are kept. */; keeps: boolean }

/** A source that has not what an earlier run has sent of it, so that no run can go on. */
export class OtherSource extends Error {}

/** Yields the steps of a chat after those that are done. Throws OtherSource if these are others than they were. */
export async function* stepsAfter({ spool, chat, keeps }: Stepping, { done, hash }: Done): AsyncGenerator<Step> {
  let passed = 0
  let reached = ""
  for await (const step of allSteps(spool, chat, keeps)) {
    if (passed < done) {
      passed++
      reached = step.hash
    } else if (reached === hash) yield step
    else break
  }
  if (passed === done && reached === hash) return
  throw new OtherSource(
    `the source is not the one that was imported before: chat ${chat.id} does not begin any more with what was sent of it. ` +
      "Give the former source, or another --state to import this one anew",
  )
}

/** Yields the steps in groups, each of which fits a request. */
export async function* batched(steps: AsyncIterable<Step>): AsyncGenerator<[Step, ...Step[]]> {
  let batch: Step[] = []
  let bytes = 0
  for await (const step of steps) {
    const more = Buffer.byteLength(step.json) + 1
    if (isSome(batch) && (batch.length === BATCH_MESSAGES_MAX || bytes + more > BATCH_BYTES_MAX)) {
      yield batch
      batch = []
      bytes = 0
    }
    batch.push(step)
    bytes += more
  }
  if (isSome(batch)) yield batch
}

const isSome = (steps: Step[]): steps is [Step, ...Step[]] => steps.length > 0

/** Returns how many of the first `done` steps of a chat are messages of the source, not placeholders. */
export function messagesDone(stepping: Stepping, done: number): number {
  // Where numbers are kept, a step has the number that it counts to.
  return holesOf(stepping) === 0 ? done : stepping.spool.countUpTo(stepping.chat.index, done)
}

/** Returns how many placeholders keep the numbers of a chat. */
export function holesOf({ spool, chat, keeps }: Stepping): number {
  const last = spool.lastKeyOf(chat.index)
  return keeps && chat.numbered && last <= NUMBER_MAX ? last - chat.messages : 0
}
