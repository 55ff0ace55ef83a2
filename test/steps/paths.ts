/** The concrete paths of the collections: Location, Link, cursors and Idempotency-Keys refer to them. */

export const applicationsPath = (): string => "/applications"

export const chatsPath = (token: string): string => `/applications/${token}/chats`

/** Of all messages below an application. */
export const applicationMessagesPath = (token: string): string => `/applications/${token}/messages`

export const messagesPath = (token: string, chat: number): string => `/applications/${token}/chats/${chat}/messages`
