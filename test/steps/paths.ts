/** The paths of the collections, to which Location, Link, cursors and Idempotency-Keys refer. */

export const applicationsPath = (): string => "/applications"

export const chatsPath = (token: string): string => `/applications/${token}/chats`

/** Returns the path of all messages below an application. */
export const applicationMessagesPath = (token: string): string => `/applications/${token}/messages`

export const messagesPath = (token: string, chat: number): string => `/applications/${token}/chats/${chat}/messages`
