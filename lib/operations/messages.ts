import {
  ApplicationPath,
  ApplicationSearchResults,
  IdempotencyKey,
  Message,
  MessageBatch,
  MessageBatchInput,
  MessageChanges,
  MessageErasure,
  MessageInput,
  MessageList,
  MessagePath,
  MessageReplacement,
  MessagesPath,
  SearchResults,
} from "../contract.ts"
import { ErasureQuery } from "../http/erasure.ts"
import type { Operation } from "../http/operation.ts"
import { MessagesQuery, SearchInput, SearchOptions, SearchParameters } from "../http/searches.ts"
import { LIMITS } from "../limits.ts"
import { CHANGES_NOTE, CREATE_NOTE, IF_MATCH_NOTE, LIST_NOTE, WHOLE_NOTE } from "./notes.ts"

const MESSAGES = "/applications/{token}/chats/{chat_number}/messages"
const BATCH = "/applications/{token}/chats/{chat_number}/messages/batch"
const MESSAGE = "/applications/{token}/chats/{chat_number}/messages/{number}"
const SEARCH = "/applications/{token}/chats/{chat_number}/messages/search"
const APPLICATION_SEARCH = "/applications/{token}/messages/search"

const SEARCH_NOTE =
  "Finds the messages whose body contains `query`, from 1 character up, in any script, every character taken literally; " +
  "with `sender` only that sender's, and without `query` then all of them, without `highlight`. " +
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
  description: `It gets the chat's next number. The holder of the token vouches for \`sender\`, which never changes. ${CREATE_NOTE}`,
  conditional: true,
  params: MessagesPath,
  body: MessageInput,
  example: { body: "Hello, where is my parcel?", sender: "customer-4711", metadata: { order: 1001 } },
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
  sample: "const number = await chat.send($example)",
} satisfies Operation

export const createMessageBatch = {
  id: "create-message-batch",
  methods: ["POST"],
  path: BATCH,
  tag: "messages",
  summary: "Create several messages",
  description:
    "They get the chat's next numbers, without a gap and in the order given. All are created or none: errors name a " +
    "message by its place, counted from 0, such as `messages.3.body`. " +
    `The request body has ${LIMITS.batchBytesMax / 1024 / 1024} MiB at most. ${CREATE_NOTE} ` +
    "The answer is then still that of the first time if some of the messages have been deleted since, and 404 if all of " +
    "them have. Each message counts towards the rate limits as one request; a batch of more messages than a minute's " +
    "limit is 422. Location is the list of the new messages.",
  params: MessagesPath,
  body: MessageBatchInput,
  bodyBytesMax: LIMITS.batchBytesMax,
  example: { messages: [{ body: "Hello, where is my parcel?" }, { body: "It was due yesterday." }] },
  idempotencyKey: IdempotencyKey,
  answer: { status: 201, description: "The new messages.", schema: MessageBatch },
  sample: "const numbers = await chat.sendBatch($example.messages)",
} satisfies Operation

export const listMessages = {
  id: "list-messages",
  methods: ["GET"],
  path: MESSAGES,
  tag: "messages",
  summary: "List a chat's messages, or search them",
  description: `${LIST_NOTE} With \`query\` or \`sender\` it is the search below: \`order\` is then desc by default, there is no \`page\`, and the answer has \`total\` and highlights. A program that wants what is new asks with \`after\`, the greatest number it has seen.`,
  params: MessagesPath,
  query: MessagesQuery,
  answer: {
    status: 200,
    description: "A page of messages, or with `query` or `sender` of matches.",
    schema: MessageList,
  },
  sample: 'for await (const message of chat.messages({ order: "desc" })) console.log(message.number, message.body)',
} satisfies Operation

export const deleteMessages = {
  id: "delete-messages",
  methods: ["DELETE"],
  path: MESSAGES,
  tag: "messages",
  summary: "Delete a sender's messages",
  description:
    "Deletes all messages in the chat with this `sender`, in steps. Repeat it with `next_cursor` until that is null: all " +
    "that the sender had written before the first step are then deleted, and what was written later is left. " +
    `A step deletes up to ${LIMITS.erasureMax} messages; one that finds few, or none, in a part of the chat has a \`next_cursor\` all the same. ` +
    "A step that failed, or whose answer was lost, can be sent again: what it deleted stays deleted. Each deleted " +
    "message counts towards the rate limits as one request, and a step deletes no more than these have room for.",
  params: MessagesPath,
  query: ErasureQuery,
  answer: { status: 200, description: "What this step has deleted.", schema: MessageErasure },
  sample: 'const deleted = await chat.deleteMessages({ sender: "customer-4711" })',
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
  sample: 'for await (const hit of chat.search("parcel")) console.log(hit.number, hit.highlight)',
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
  sample: 'for await (const hit of chat.search("parcel")) console.log(hit.number, hit.highlight)',
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
  sample:
    'for await (const hit of application.search("parcel")) console.log(hit.chat_number, hit.number, hit.highlight)',
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
  sample:
    'for await (const hit of application.search("parcel")) console.log(hit.chat_number, hit.number, hit.highlight)',
} satisfies Operation

export const getMessage = {
  id: "get-message",
  methods: ["GET"],
  path: MESSAGE,
  tag: "messages",
  summary: "Read a message",
  description: "Returns its latest state, even if that is still on its way to the database.",
  conditional: true,
  params: MessagePath,
  answer: { status: 200, description: "The message.", schema: Message },
  sample: "const { body, sender } = await chat.getMessage(1)",
} satisfies Operation

export const updateMessage = {
  id: "update-message",
  methods: ["PUT"],
  path: MESSAGE,
  tag: "messages",
  summary: "Replace a message",
  description: `${WHOLE_NOTE} Number, \`sender\` and \`sent_at\` stay. ${IF_MATCH_NOTE}`,
  conditional: true,
  params: MessagePath,
  body: MessageReplacement,
  example: { body: "Hello, where is my other parcel?" },
  answer: { status: 200, description: "The message as it is now.", schema: Message },
  sample: "await chat.replaceMessage(1, $example)",
} satisfies Operation

export const updateMessageByPatch = {
  ...updateMessage,
  id: "update-message-by-patch",
  methods: ["PATCH"],
  function: "update-message",
  summary: "Change a message",
  description: `${CHANGES_NOTE} \`metadata\` is replaced as a whole; \`sender\` and \`sent_at\` stay. ${IF_MATCH_NOTE}`,
  body: MessageChanges,
  sample: "await chat.updateMessage(1, $example)",
} satisfies Operation

export const deleteMessage = {
  id: "delete-message",
  methods: ["DELETE"],
  path: MESSAGE,
  tag: "messages",
  summary: "Delete a message",
  description: `Its number is never given again. ${IF_MATCH_NOTE}`,
  conditional: true,
  params: MessagePath,
  answer: { status: 204, description: "Deleted." },
  sample: "await chat.deleteMessage(1)",
} satisfies Operation
