import {
  ApplicationPath,
  ApplicationSearchResults,
  IdempotencyKey,
  Message,
  MessageChanges,
  MessageInput,
  MessageList,
  MessagePath,
  MessagesPath,
  SearchResults,
} from "../contract.ts"
import type { Operation } from "../http/operation.ts"
import { MessagesQuery, SearchInput, SearchOptions, SearchParameters } from "../http/searches.ts"
import { CREATE_NOTE, LIST_NOTE } from "./notes.ts"

const MESSAGES = "/applications/{token}/chats/{chat_number}/messages"
const MESSAGE = "/applications/{token}/chats/{chat_number}/messages/{number}"
const SEARCH = "/applications/{token}/chats/{chat_number}/messages/search"
const APPLICATION_SEARCH = "/applications/{token}/messages/search"

const SEARCH_NOTE =
  "Finds the messages whose body contains `query`, from 1 character up, in any script, every character taken literally. " +
  "Case, compatibility forms, diacritics of letters, invisible characters, and which of several keyboards' quotes, " +
  "dashes, digits or letters they are do not matter. May lag behind writes by some seconds."
const BY_POST_NOTE = "An option in the body takes precedence over the same one in the query string."

const atMessage = {
  token: "$request.path.token",
  chat_number: "$request.path.chat_number",
  number: "$response.body#/number",
}

export const createMessage = {
  id: "create-message",
  methods: ["POST"],
  path: MESSAGES,
  tag: "messages",
  summary: "Create a message",
  description: `It gets the chat's next number. ${CREATE_NOTE}`,
  params: MessagesPath,
  body: MessageInput,
  example: { body: "Hello, where is my parcel?" },
  idempotencyKey: IdempotencyKey,
  answer: {
    status: 201,
    description: "The new message.",
    schema: Message,
    links: {
      get: { operation: "get-message", parameters: atMessage },
      update: { operation: "update-message", parameters: atMessage },
      delete: { operation: "delete-message", parameters: atMessage },
    },
  },
} satisfies Operation

export const listMessages = {
  id: "list-messages",
  methods: ["GET"],
  path: MESSAGES,
  tag: "messages",
  summary: "List a chat's messages, or search them",
  description: `${LIST_NOTE} With \`query\` it is the search below: \`order\` is then desc by default, there is no \`page\`, and the answer has \`total\` and highlights.`,
  params: MessagesPath,
  query: MessagesQuery,
  answer: { status: 200, description: "A page of messages, or with `query` of matches.", schema: MessageList },
} satisfies Operation

export const searchMessages = {
  id: "search-messages",
  methods: ["GET"],
  path: SEARCH,
  tag: "messages",
  summary: "Search a chat's messages",
  description: SEARCH_NOTE,
  params: MessagesPath,
  query: SearchParameters,
  answer: { status: 200, description: "A page of matches.", schema: SearchResults },
} satisfies Operation

export const searchMessagesByPost = {
  id: "search-messages-by-post",
  methods: ["POST"],
  path: SEARCH,
  function: "search-messages",
  tag: "messages",
  summary: "Search a chat's messages, with the query in the body",
  description: `${SEARCH_NOTE} ${BY_POST_NOTE}`,
  params: MessagesPath,
  query: SearchOptions,
  body: SearchInput,
  example: { query: "parcel" },
  answer: { status: 200, description: "A page of matches.", schema: SearchResults },
} satisfies Operation

export const searchApplicationMessages = {
  id: "search-application-messages",
  methods: ["GET"],
  path: APPLICATION_SEARCH,
  tag: "messages",
  summary: "Search all messages of an application",
  description: `${SEARCH_NOTE} Newest first, over all chats; hits say in which chat they are.`,
  params: ApplicationPath,
  query: SearchParameters,
  answer: { status: 200, description: "A page of matches.", schema: ApplicationSearchResults },
} satisfies Operation

export const searchApplicationMessagesByPost = {
  id: "search-application-messages-by-post",
  methods: ["POST"],
  path: APPLICATION_SEARCH,
  function: "search-application-messages",
  tag: "messages",
  summary: "Search all messages of an application, with the query in the body",
  description: `${SEARCH_NOTE} ${BY_POST_NOTE}`,
  params: ApplicationPath,
  query: SearchOptions,
  body: SearchInput,
  example: { query: "parcel" },
  answer: { status: 200, description: "A page of matches.", schema: ApplicationSearchResults },
} satisfies Operation

export const getMessage = {
  id: "get-message",
  methods: ["GET"],
  path: MESSAGE,
  tag: "messages",
  summary: "Read a message",
  description: "Returns its latest state, even if that is still on its way to the database.",
  params: MessagePath,
  answer: { status: 200, description: "The message.", schema: Message },
} satisfies Operation

export const updateMessage = {
  id: "update-message",
  methods: ["PUT", "PATCH"],
  path: MESSAGE,
  tag: "messages",
  summary: "Change a message",
  description: "It keeps its number. PUT and PATCH do the same.",
  params: MessagePath,
  body: MessageChanges,
  example: { body: "Hello, where is my other parcel?" },
  answer: { status: 200, description: "The message as it is now.", schema: Message },
} satisfies Operation

export const deleteMessage = {
  id: "delete-message",
  methods: ["DELETE"],
  path: MESSAGE,
  tag: "messages",
  summary: "Delete a message",
  description: "Its number is never given again.",
  params: MessagePath,
  answer: { status: 204, description: "Deleted." },
} satisfies Operation
