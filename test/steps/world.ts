// The start of most tests: an application with a chat with a message, pending or stored.
import { randomBytes } from "node:crypto"
import type { Method, Operation } from "../../lib/http/operation.ts"
import { LIMITS } from "../../lib/limits.ts"
import * as applications from "../../lib/operations/applications.ts"
import * as changes from "../../lib/operations/changes.ts"
import * as chats from "../../lib/operations/chats.ts"
import * as messages from "../../lib/operations/messages.ts"
import type { SearchStores } from "../../lib/stores.ts"
import type { ApiCall, ChatApi } from "./chat-api.ts"
import { drainQueues, refreshIndex } from "./drain.ts"

export type World = { token: string; chat: number; message: number }

/** `pending` is only in the outbox; `stored` is in MySQL and Elasticsearch, and no longer in the outbox. */
export type Stage = "pending" | "stored"
export const STAGES: Stage[] = ["pending", "stored"]

export async function givenWorld(api: ChatApi, stores: SearchStores, stage: Stage): Promise<World> {
  const token = await api.givenApplication("first name")
  const chat = await api.givenChat(token, "first name")
  const message = await api.givenMessage(token, chat, "first body")
  await reach(stage, stores)
  return { token, chat, message }
}

/** Brings all writes so far to `stage`. */
export async function reach(stage: Stage, stores: SearchStores): Promise<void> {
  if (stage === "pending") return
  await drainQueues(stores)
  await refreshIndex(stores)
}

/** Returns a token that no application has. */
export const unknownToken = (): string => randomBytes(18).toString("base64url")

/** An endpoint: how it is called, and the status of its success. */
export type Target = {
  method: Method
  template: string
  success: number
  json?: unknown
  query?: Record<string, string | number>
  /** Bytes of its body at most. */
  bodyBytesMax: number
}

/** An error that is explained, and a file of the docs page. */
export const ERROR_CODE = "not_found"
export const DOCS_ASSET = "page.js"

/** Returns the path of a template's resource. The last number is a message's if the template names its chat before. */
export const pathOf = (template: string, { token, chat, message }: World): string =>
  template
    .replace("{token}", token)
    .replace("{code}", ERROR_CODE)
    .replace("{asset}", DOCS_ASSET)
    .replace("{chat_number}", String(chat))
    .replace("{number}", String(template.includes("{chat_number}") ? message : chat))

export const callOf = (target: Target, path: string): ApiCall => ({
  method: target.method,
  path,
  ...(target.json !== undefined && { json: target.json }),
  ...(target.query && { query: target.query }),
})

/** A query that finds the world's message. */
const QUERY = { query: "body" }
/** One that erases nothing, since nobody sent that. */
const ERASURE = { sender: "nobody" }
const isSearch = (path: string): boolean => path.endsWith("/search")

function targetOf({ id, methods: [method], path, answer, body, example, bodyBytesMax }: Operation): Target {
  const target = {
    method,
    template: path,
    success: answer.status,
    bodyBytesMax: bodyBytesMax ?? LIMITS.requestBytesMax,
  }
  if (id === messages.deleteMessages.id) return { ...target, query: ERASURE }
  if (body === undefined) return isSearch(path) ? { ...target, query: QUERY } : target
  return { ...target, json: isSearch(path) ? QUERY : example }
}

const called = { ...applications, ...chats, ...messages, ...changes }

/** Every operation but those about the system, as a call that succeeds in the world above. */
export const TARGETS = Object.fromEntries(
  Object.entries<Operation>(called).map(([name, operation]) => [name, targetOf(operation)]),
) as Record<keyof typeof called, Target>
