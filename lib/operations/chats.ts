import { ApplicationPath, Chat, ChatChanges, ChatInput, ChatList, ChatPath, IdempotencyKey } from "../contract.ts"
import type { Operation } from "../http/operation.ts"
import { ListQuery } from "../http/pages.ts"
import { CREATE_NOTE, LIST_NOTE, RENAME_NOTE } from "./notes.ts"

const inChat = { token: "$request.path.token", number: "$response.body#/number" }
const belowChat = { token: "$request.path.token", chat_number: "$response.body#/number" }

export const createChat = {
  id: "create-chat",
  methods: ["POST"],
  path: "/applications/{token}/chats",
  tag: "chats",
  summary: "Create a chat",
  description: `It gets the application's next number. ${CREATE_NOTE}`,
  params: ApplicationPath,
  body: ChatInput,
  example: { name: "Order 1001" },
  idempotencyKey: IdempotencyKey,
  answer: {
    status: 201,
    description: "The new chat.",
    schema: Chat,
    links: {
      get: { operation: "get-chat", parameters: inChat },
      update: { operation: "update-chat", parameters: inChat },
      delete: { operation: "delete-chat", parameters: inChat },
      createMessage: { operation: "create-message", parameters: belowChat },
      listMessages: { operation: "list-messages", parameters: belowChat },
      searchMessages: { operation: "search-messages", parameters: belowChat },
    },
  },
} satisfies Operation

export const listChats = {
  id: "list-chats",
  methods: ["GET"],
  path: "/applications/{token}/chats",
  tag: "chats",
  summary: "List an application's chats",
  description: LIST_NOTE,
  params: ApplicationPath,
  query: ListQuery,
  answer: { status: 200, description: "A page of chats.", schema: ChatList },
} satisfies Operation

export const getChat = {
  id: "get-chat",
  methods: ["GET"],
  path: "/applications/{token}/chats/{number}",
  tag: "chats",
  summary: "Read a chat",
  description: "Includes the number of its messages.",
  params: ChatPath,
  answer: { status: 200, description: "The chat.", schema: Chat },
} satisfies Operation

export const updateChat = {
  id: "update-chat",
  methods: ["PUT", "PATCH"],
  path: "/applications/{token}/chats/{number}",
  tag: "chats",
  summary: "Rename a chat",
  description: `${RENAME_NOTE} Null removes the name.`,
  params: ChatPath,
  body: ChatChanges,
  example: { name: "Order 1002" },
  answer: { status: 200, description: "The chat as it is now.", schema: Chat },
} satisfies Operation

export const deleteChat = {
  id: "delete-chat",
  methods: ["DELETE"],
  path: "/applications/{token}/chats/{number}",
  tag: "chats",
  summary: "Delete a chat",
  description: "It and its messages answer 404 from then on; its number is never given again.",
  params: ChatPath,
  answer: { status: 204, description: "Deleted." },
} satisfies Operation
