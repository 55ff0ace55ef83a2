// What most tests begin with: an application with a chat with a message, on its way to MySQL or already there.
import { randomBytes } from "node:crypto"
import type { SearchStores } from "../../lib/stores.ts"
import type { ApiCall, ChatApi } from "./chat-api.ts"
import { drainQueues, refreshIndex } from "./drain.ts"

export type World = { token: string; chat: number; message: number }

/** `pending`: in the outbox only; `stored`: in MySQL and Elasticsearch, and no longer in the outbox. */
export type Stage = "pending" | "stored"
export const STAGES: Stage[] = ["pending", "stored"]

export async function givenWorld(api: ChatApi, stores: SearchStores, stage: Stage): Promise<World> {
  const token = await api.givenApplication("first name")
  const chat = await api.givenChat(token, "first name")
  const message = await api.givenMessage(token, chat, "first body")
  await reach(stage, stores)
  return { token, chat, message }
}

/** Brings what was written since to `stage`. */
export async function reach(stage: Stage, stores: SearchStores): Promise<void> {
  if (stage === "pending") return
  await drainQueues(stores)
  await refreshIndex(stores)
}

/** A token that no application has. */
export const unknownToken = (): string => randomBytes(18).toString("base64url")

/** One endpoint: what is called, and what it answers when all is well. */
export type Target = {
  method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE"
  template: string
  success: number
  json?: unknown
  query?: Record<string, string | number>
}

/** The path of a template's resource. The last number is a message's where the template names its chat before. */
export const pathOf = (template: string, { token, chat, message }: World): string =>
  template
    .replace("{token}", token)
    .replace("{chat_number}", String(chat))
    .replace("{number}", String(template.includes("{chat_number}") ? message : chat))

export const callOf = (target: Target, path: string): ApiCall => ({
  method: target.method,
  path,
  ...(target.json !== undefined && { json: target.json }),
  ...(target.query && { query: target.query }),
})

/** The calls by their function's names, with bodies that fit. */
const APPLICATION = "/applications/{token}"
const CHATS = `${APPLICATION}/chats`
const CHAT = `${CHATS}/{number}`
const MESSAGES = `${CHATS}/{chat_number}/messages`
const MESSAGE = `${MESSAGES}/{number}`

export const TARGETS = {
  createApplication: { method: "POST", template: "/applications", success: 201, json: { name: "a name" } },
  listApplications: { method: "GET", template: "/applications", success: 200 },
  getApplication: { method: "GET", template: APPLICATION, success: 200 },
  updateApplication: { method: "PUT", template: APPLICATION, success: 200, json: { name: "another name" } },
  deleteApplication: { method: "DELETE", template: APPLICATION, success: 204 },
  createChat: { method: "POST", template: CHATS, success: 201, json: { name: "a name" } },
  listChats: { method: "GET", template: CHATS, success: 200 },
  getChat: { method: "GET", template: CHAT, success: 200 },
  updateChat: { method: "PUT", template: CHAT, success: 200, json: { name: "another name" } },
  deleteChat: { method: "DELETE", template: CHAT, success: 204 },
  createMessage: { method: "POST", template: MESSAGES, success: 201, json: { body: "a body" } },
  listMessages: { method: "GET", template: MESSAGES, success: 200 },
  searchMessages: { method: "GET", template: `${MESSAGES}/search`, success: 200, query: { query: "body" } },
  searchMessagesByPost: { method: "POST", template: `${MESSAGES}/search`, success: 200, json: { query: "body" } },
  searchApplication: {
    method: "GET",
    template: `${APPLICATION}/messages/search`,
    success: 200,
    query: { query: "body" },
  },
  searchApplicationByPost: {
    method: "POST",
    template: `${APPLICATION}/messages/search`,
    success: 200,
    json: { query: "body" },
  },
  getMessage: { method: "GET", template: MESSAGE, success: 200 },
  updateMessage: { method: "PUT", template: MESSAGE, success: 200, json: { body: "another body" } },
  deleteMessage: { method: "DELETE", template: MESSAGE, success: 204 },
} as const satisfies Record<string, Target>
