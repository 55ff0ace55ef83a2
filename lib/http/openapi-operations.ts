import type { ZodType } from "zod"
import { ApplicationIdempotencyKey, IdempotencyKey } from "../contract.ts"
import { listParameters } from "./pages.ts"
import { messagesParameters, searchOptions, searchParameters } from "./searches.ts"

/** Where a 2xx answer leads on: an operation, and which of its path parameters come from where. */
export type Link = { operation: string; parameters: Record<string, string> }

/** What the document says of one operation beyond its route. `schema` and `body` name schemas of the document. */
export type Operation = {
  tag: "applications" | "chats" | "messages" | "operations"
  summary: string
  description: string
  query?: Record<string, ZodType>
  body?: { schema: string; optional?: true; example: unknown }
  idempotencyKey?: ZodType<string>
  /** It needs an admin key where the API has one. */
  adminKey?: true
  answer: { status: number; description: string; schema?: string; mediaType?: string; links?: Record<string, Link> }
}

const LIST_NOTE =
  "Page by `cursor` (programs) or by `page` (people). On the last page `next_cursor` is null and there is no Link header."
const SEARCH_NOTE =
  "Finds the messages whose body contains `query`, from 1 character up, in any script, every character taken literally. " +
  "Case, compatibility forms and diacritics do not matter. May lag behind writes by some seconds."
const CREATE_NOTE =
  "With an Idempotency-Key the same request can be sent again safely for 24 hours: it answers the same and creates nothing."

const RENAME_NOTE = "Only the name changes. PUT and PATCH do the same."

const inApplication = { token: "$response.body#/token" }
const inChat = { token: "$request.path.token", number: "$response.body#/number" }
const belowChat = { token: "$request.path.token", chat_number: "$response.body#/number" }
const atMessage = {
  token: "$request.path.token",
  chat_number: "$request.path.chat_number",
  number: "$response.body#/number",
}

const applications: Record<string, Operation> = {
  "create-application": {
    tag: "applications",
    summary: "Create an application",
    description: `${CREATE_NOTE} Here a key has at least 16 characters, and belongs to the admin key it was sent with.`,
    adminKey: true,
    body: { schema: "ApplicationInput", example: { name: "Support" } },
    idempotencyKey: ApplicationIdempotencyKey,
    answer: {
      status: 201,
      description: "The new application.",
      schema: "Application",
      links: {
        get: { operation: "get-application", parameters: inApplication },
        update: { operation: "update-application", parameters: inApplication },
        delete: { operation: "delete-application", parameters: inApplication },
        createChat: { operation: "create-chat", parameters: inApplication },
        listChats: { operation: "list-chats", parameters: inApplication },
      },
    },
  },
  "list-applications": {
    tag: "applications",
    summary: "List applications",
    adminKey: true,
    description: LIST_NOTE,
    query: listParameters,
    answer: { status: 200, description: "A page of applications.", schema: "ApplicationList" },
  },
  "get-application": {
    tag: "applications",
    summary: "Read an application",
    description: "Also tells how many chats it has.",
    answer: { status: 200, description: "The application.", schema: "Application" },
  },
  "update-application": {
    tag: "applications",
    summary: "Rename an application",
    description: RENAME_NOTE,
    adminKey: true,
    body: { schema: "ApplicationChanges", example: { name: "Sales" } },
    answer: { status: 200, description: "The application as it is now.", schema: "Application" },
  },
  "delete-application": {
    tag: "applications",
    summary: "Delete an application",
    adminKey: true,
    description: "It and all below it answer 404 from then on.",
    answer: { status: 204, description: "Deleted." },
  },
}

const chats: Record<string, Operation> = {
  "create-chat": {
    tag: "chats",
    summary: "Create a chat",
    description: `It gets the application's next number. ${CREATE_NOTE}`,
    body: { schema: "ChatInput", optional: true, example: { name: "Order 1001" } },
    idempotencyKey: IdempotencyKey,
    answer: {
      status: 201,
      description: "The new chat.",
      schema: "Chat",
      links: {
        get: { operation: "get-chat", parameters: inChat },
        update: { operation: "update-chat", parameters: inChat },
        delete: { operation: "delete-chat", parameters: inChat },
        createMessage: { operation: "create-message", parameters: belowChat },
        listMessages: { operation: "list-messages", parameters: belowChat },
        searchMessages: { operation: "search-messages", parameters: belowChat },
      },
    },
  },
  "list-chats": {
    tag: "chats",
    summary: "List an application's chats",
    description: LIST_NOTE,
    query: listParameters,
    answer: { status: 200, description: "A page of chats.", schema: "ChatList" },
  },
  "get-chat": {
    tag: "chats",
    summary: "Read a chat",
    description: "Also tells how many messages it has.",
    answer: { status: 200, description: "The chat.", schema: "Chat" },
  },
  "update-chat": {
    tag: "chats",
    summary: "Rename a chat",
    description: `${RENAME_NOTE} Null takes the name away.`,
    body: { schema: "ChatChanges", example: { name: "Order 1002" } },
    answer: { status: 200, description: "The chat as it is now.", schema: "Chat" },
  },
  "delete-chat": {
    tag: "chats",
    summary: "Delete a chat",
    description: "It and its messages answer 404 from then on; its number is never given again.",
    answer: { status: 204, description: "Deleted." },
  },
}

const messages: Record<string, Operation> = {
  "create-message": {
    tag: "messages",
    summary: "Create a message",
    description: `It gets the chat's next number. ${CREATE_NOTE}`,
    body: { schema: "MessageInput", example: { body: "Hello, where is my parcel?" } },
    idempotencyKey: IdempotencyKey,
    answer: {
      status: 201,
      description: "The new message.",
      schema: "Message",
      links: {
        get: { operation: "get-message", parameters: atMessage },
        update: { operation: "update-message", parameters: atMessage },
        delete: { operation: "delete-message", parameters: atMessage },
      },
    },
  },
  "list-messages": {
    tag: "messages",
    summary: "List a chat's messages, or search them",
    description: `${LIST_NOTE} With \`query\` it is the search below: \`order\` is then desc unless told, there is no \`page\`, and the answer has \`total\` and highlights.`,
    query: messagesParameters,
    answer: { status: 200, description: "A page of messages, or with `query` of matches.", schema: "MessageList" },
  },
  "search-messages": {
    tag: "messages",
    summary: "Search a chat's messages",
    description: SEARCH_NOTE,
    query: searchParameters,
    answer: { status: 200, description: "A page of matches.", schema: "SearchResults" },
  },
  "search-messages-by-post": {
    tag: "messages",
    summary: "Search a chat's messages, with the query in the body",
    description: `${SEARCH_NOTE} An option in the body comes before the same one in the query string.`,
    query: searchOptions,
    body: { schema: "SearchInput", example: { query: "parcel" } },
    answer: { status: 200, description: "A page of matches.", schema: "SearchResults" },
  },
  "search-application-messages": {
    tag: "messages",
    summary: "Search all messages of an application",
    description: `${SEARCH_NOTE} Newest first, over all chats; hits say in which chat they are.`,
    query: searchParameters,
    answer: { status: 200, description: "A page of matches.", schema: "ApplicationSearchResults" },
  },
  "search-application-messages-by-post": {
    tag: "messages",
    summary: "Search all messages of an application, with the query in the body",
    description: `${SEARCH_NOTE} An option in the body comes before the same one in the query string.`,
    query: searchOptions,
    body: { schema: "SearchInput", example: { query: "parcel" } },
    answer: { status: 200, description: "A page of matches.", schema: "ApplicationSearchResults" },
  },
  "get-message": {
    tag: "messages",
    summary: "Read a message",
    description: "As it was last written, also where that is still on its way to the database.",
    answer: { status: 200, description: "The message.", schema: "Message" },
  },
  "update-message": {
    tag: "messages",
    summary: "Change a message",
    description: "It keeps its number. PUT and PATCH do the same.",
    body: { schema: "MessageChanges", example: { body: "Hello, where is my other parcel?" } },
    answer: { status: 200, description: "The message as it is now.", schema: "Message" },
  },
  "delete-message": {
    tag: "messages",
    summary: "Delete a message",
    description: "Its number is never given again.",
    answer: { status: 204, description: "Deleted." },
  },
}

const operations: Record<string, Operation> = {
  "get-health": {
    tag: "operations",
    summary: "Whether the API answers at all",
    description: "Asks nothing behind the API. It tells whether a copy has to be restarted or taken out of service.",
    answer: { status: 200, description: "It does.", schema: "Health" },
  },
  "get-readiness": {
    tag: "operations",
    summary: "Whether everything behind the API answers",
    description:
      "Asks MySQL, Redis, SQS and Elasticsearch, and tells the state of each. It is for alarms: an API that is not ready still serves what it can.",
    answer: { status: 200, description: "All dependencies are up.", schema: "Readiness" },
  },
  "get-openapi": {
    tag: "operations",
    summary: "This document",
    description: "Made from the schemas that check requests. Generators of clients can read it.",
    answer: { status: 200, description: "The OpenAPI 3.1 document.", schema: "OpenApi" },
  },
  "get-docs": {
    tag: "operations",
    summary: "A page to read and try the API",
    description: "Has no asset from elsewhere.",
    answer: { status: 200, description: "The page.", mediaType: "text/html" },
  },
}

/** By operation id: the function's name, and for a second method that differs `<function>-by-<method>`. */
export const OPERATIONS: Readonly<Record<string, Operation>> = { ...applications, ...chats, ...messages, ...operations }
