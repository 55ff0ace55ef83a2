import { ApplicationPath, Chat, ChatChanges, ChatInput, ChatList, ChatPath, IdempotencyKey } from "../contract.ts"
import type { Operation } from "../http/operation.ts"
import { ListQuery } from "../http/pages.ts"
import { CHANGES_NOTE, CREATE_NOTE, IF_MATCH_NOTE, LIST_NOTE, WHOLE_NOTE } from "./notes.ts"

const inChat = { token: "$request.path.token", number: "$response.body#/number" }
const belowChat = { token: "$request.path.token", chat_number: "$response.body#/number" }

export const createChat = {
  id: "create-chat",
  methods: ["POST"],
  path: "/applications/{token}/chats",
  tag: "chats",
  summary: "Create a chat",
  description: `It gets the application's next number. ${CREATE_NOTE}`,
  conditional: true,
  params: ApplicationPath,
  body: ChatInput,
  example: { name: "Order 1001", metadata: { order: 1001 } },
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
  sample: "const chat = await application.createChat($example)\nconsole.log(chat.number)",
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
  sample: 'for await (const chat of application.chats({ order: "desc" })) console.log(chat.number, chat.name)',
} satisfies Operation

export const getChat = {
  id: "get-chat",
  methods: ["GET"],
  path: "/applications/{token}/chats/{number}",
  tag: "chats",
  summary: "Read a chat",
  description: "Includes the number of its messages, which the ETag covers, too.",
  conditional: true,
  params: ChatPath,
  answer: { status: 200, description: "The chat.", schema: Chat },
  sample: "const { name, messages_count } = await chat.get()",
} satisfies Operation

export const updateChat = {
  id: "update-chat",
  methods: ["PUT"],
  path: "/applications/{token}/chats/{number}",
  tag: "chats",
  summary: "Replace a chat",
  description: `${WHOLE_NOTE} A chat without a name has null. ${IF_MATCH_NOTE}`,
  conditional: true,
  params: ChatPath,
  body: ChatInput,
  example: { name: "Order 1002" },
  answer: { status: 200, description: "The chat as it is now.", schema: Chat },
  sample: "await chat.replace($example)",
} satisfies Operation

export const updateChatByPatch = {
  ...updateChat,
  id: "update-chat-by-patch",
  methods: ["PATCH"],
  function: "update-chat",
  summary: "Change a chat",
  description: `${CHANGES_NOTE} Null removes the name; \`metadata\` is replaced as a whole. ${IF_MATCH_NOTE}`,
  body: ChatChanges,
  example: { name: "Order 1002" },
  sample: "await chat.update($example)",
} satisfies Operation

export const deleteChat = {
  id: "delete-chat",
  methods: ["DELETE"],
  path: "/applications/{token}/chats/{number}",
  tag: "chats",
  summary: "Delete a chat",
  description: `It and its messages answer 404 from then on; its number is never given again. ${IF_MATCH_NOTE}`,
  conditional: true,
  params: ChatPath,
  answer: { status: 204, description: "Deleted." },
  sample: "await chat.delete()",
} satisfies Operation
