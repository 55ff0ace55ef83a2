/** The steps through the whole API of which docs/chat.http and docs/chat.postman_collection.json are made. */
import type { Operation } from "../../lib/http/operation.ts"
import * as applications from "../../lib/operations/applications.ts"
import * as changes from "../../lib/operations/changes.ts"
import * as chats from "../../lib/operations/chats.ts"
import * as messages from "../../lib/operations/messages.ts"
import * as system from "../../lib/operations/system.ts"

/** A call. Texts may name variables, as {{token}}, which earlier steps save. */
export type Step = {
  operation: Operation
  /** The summary of the operation unless given; unique. */
  title?: string
  query?: Record<string, string>
  headers?: Record<string, string>
  /** The operation's example unless given. */
  body?: unknown
  /** The number in its path. */
  number?: string
  /** The status and the schema's name of its answer, if not those of success. */
  fails?: { status: number; schema: string }
  /** Variables with the member of the answer, or the header, that they get. */
  saves?: Record<string, { member: string } | { header: string }>
  /** Members of the answer, as `data.0.number`, with their values. */
  expects?: Record<string, unknown>
  /** The step is repeated until its answer is as expected. */
  lags?: true
}

export type Chapter = { name: string; steps: Step[] }

/** Variables that whoever runs the journey may set. */
export const SETTINGS = { baseUrl: "http://localhost:3000", adminKey: "none" }

const SENDER = "customer-4711"
const CHAT = "{{chat}}"
const NOT_FOUND = { status: 404, schema: "Problem" }
const onPage = { limit: "2" }

const begin: Step[] = [
  { operation: system.getHealth, expects: { status: "ok" } },
  { operation: system.getReadiness, expects: { status: "ready" } },
]

const inApplications: Step[] = [
  { operation: applications.createApplication, saves: { token: { member: "token" } }, expects: { chats_count: 0 } },
  { operation: applications.listApplications, query: { limit: "1", order: "desc" }, expects: { "data.length": 1 } },
  { operation: applications.getApplication, expects: { name: "Support" } },
  { operation: applications.updateApplication, body: { name: "Support desk" }, expects: { name: "Support desk" } },
  { operation: applications.updateApplicationByPatch, body: { name: "Help desk" }, expects: { name: "Help desk" } },
]

const inChats: Step[] = [
  {
    operation: chats.createChat,
    body: { name: "Order 1001" },
    saves: { chat: { member: "number" } },
    expects: { number: 1, name: "Order 1001" },
  },
  { operation: chats.listChats, expects: { "data.length": 1, next_cursor: null } },
  { operation: chats.getChat, number: CHAT, expects: { number: 1 } },
  {
    operation: chats.updateChat,
    number: CHAT,
    body: { name: "Order 1001", metadata: { urgent: true } },
    expects: { "metadata.urgent": true },
  },
  {
    operation: chats.updateChatByPatch,
    number: CHAT,
    body: { name: "Order 1001, urgent" },
    expects: { name: "Order 1001, urgent", "metadata.urgent": true },
  },
]

const inMessages: Step[] = [
  {
    operation: messages.createMessage,
    saves: { message: { member: "number" } },
    expects: { number: 1, sender: SENDER },
  },
  { operation: messages.createMessageBatch, expects: { "data.length": 2, "data.0.number": 2, "data.1.number": 3 } },
  {
    operation: messages.listMessages,
    query: onPage,
    saves: { page: { member: "next_cursor" } },
    expects: { "data.length": 2 },
  },
  {
    operation: messages.listMessages,
    title: "List the next page of messages",
    query: { ...onPage, cursor: "{{page}}" },
    expects: { "data.length": 1, "data.0.number": 3, next_cursor: null },
  },
  {
    operation: messages.getMessage,
    number: "{{message}}",
    saves: { etag: { header: "etag" } },
    expects: { number: 1, "metadata.order": 1001 },
  },
  {
    operation: messages.updateMessageByPatch,
    title: "Change members of a message, if nobody else has",
    number: "{{message}}",
    headers: { "If-Match": "{{etag}}" },
    body: { metadata: { order: 1001, answered: true } },
    expects: { sender: SENDER, "metadata.answered": true },
  },
  {
    operation: messages.updateMessageByPatch,
    title: "Change members of a message that somebody has changed",
    number: "{{message}}",
    headers: { "If-Match": "{{etag}}" },
    body: { metadata: {} },
    fails: { status: 412, schema: "Problem" },
    expects: { code: "precondition_failed" },
  },
  { operation: messages.updateMessage, number: "{{message}}", expects: { body: "Hello, where is my other parcel?" } },
]

const found = { total: 2, "data.length": 2, "data.1.number": 1 }
const inSearch: Step[] = [
  { operation: messages.searchMessages, query: { query: "PARCEL" }, expects: found, lags: true },
  { operation: messages.searchMessagesByPost, expects: found },
  { operation: messages.searchApplicationMessages, query: { sender: SENDER }, expects: { total: 1 } },
  { operation: messages.searchApplicationMessagesByPost, expects: { total: 2, "data.0.chat_number": 1 } },
]

const inChanges: Step[] = [
  {
    operation: changes.listChanges,
    query: onPage,
    saves: { changes: { member: "next_cursor" } },
    expects: { "data.length": 2, has_more: true },
  },
  {
    operation: changes.listChanges,
    title: "Follow the changes to the present",
    query: { cursor: "{{changes}}" },
    saves: { present: { member: "next_cursor" } },
    expects: { has_more: false },
  },
]

const inDeletions: Step[] = [
  { operation: messages.deleteMessage, number: "2" },
  {
    operation: messages.getMessage,
    title: "Read a deleted message",
    number: "2",
    fails: NOT_FOUND,
    expects: { code: "not_found" },
  },
  { operation: messages.deleteMessages, query: { sender: SENDER }, expects: { deleted: 1, next_cursor: null } },
  {
    operation: changes.listChanges,
    title: "Follow the changes: the deletions",
    query: { cursor: "{{present}}" },
    expects: { "data.length": 2, "data.0.type": "message.deleted", "data.0.number": 2, "data.1.number": 1 },
  },
  { operation: chats.deleteChat, number: CHAT },
  { operation: applications.deleteApplication },
  {
    operation: applications.getApplication,
    title: "Read a deleted application",
    fails: NOT_FOUND,
    expects: { code: "not_found" },
  },
]

const inDocuments: Step[] = [
  { operation: system.getMetrics },
  { operation: system.getOpenapi, expects: { openapi: "3.1.0" } },
  { operation: system.getDocs },
  { operation: system.getProblem },
]

export const JOURNEY: Chapter[] = [
  { name: "Is it there?", steps: begin },
  { name: "Applications", steps: inApplications },
  { name: "Chats", steps: inChats },
  { name: "Messages", steps: inMessages },
  { name: "Search", steps: inSearch },
  { name: "Changes", steps: inChanges },
  { name: "Delete and erase", steps: inDeletions },
  { name: "Figures and documents", steps: inDocuments },
]

/** Returns a step's request as both files have it. */
export function requestOf({ operation, title, query = {}, headers = {}, body = operation.example, number = "" }: Step) {
  const { summary, methods, path, administers, idempotencyKey } = operation
  const hasBody = operation.body !== undefined
  return {
    title: title ?? summary,
    method: methods[0],
    path: path
      .replace("{token}", "{{token}}")
      .replace("{chat_number}", CHAT)
      .replace("{number}", number)
      .replace("{code}", "not_found"),
    query,
    headers: {
      ...(hasBody && { "Content-Type": "application/json" }),
      // Both kinds of file make a new one for each run.
      ...(idempotencyKey && { "Idempotency-Key": "{{$guid}}" }),
      ...(administers && { "X-Api-Key": "{{adminKey}}" }),
      ...headers,
    },
    ...(hasBody && { body }),
  }
}
