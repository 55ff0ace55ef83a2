export type {
  Application,
  ApplicationChanges,
  ApplicationInput,
  ApplicationSearchHit,
  Chat,
  ChatChanges,
  ChatInput,
  FieldError,
  Message,
  MessageChanges,
  MessageInput,
  MessageReplacement,
  Readiness,
  SearchHit,
} from "./api-types.ts"
export type { ApplicationHandle } from "./application.ts"
export type { Change, Changes, ChangesOptions, ChangesPage } from "./changes.ts"
export type { ChatHandle, MessagesOptions } from "./chat.ts"
export { ChatClient } from "./client.ts"
export type { CallOptions, ChatClientOptions, Retry } from "./connection.ts"
export {
  BadRequestError,
  BodyTooLargeError,
  ChatError,
  ConnectionError,
  CursorExpiredError,
  HeadersTooLargeError,
  IdempotencyKeyReusedError,
  InternalError,
  MalformedJsonError,
  MethodNotAllowedError,
  NotFoundError,
  PreconditionFailedError,
  RateLimitedError,
  RequestTimeoutError,
  TimeoutError,
  UnauthorizedError,
  UnavailableError,
  UnsupportedMediaTypeError,
  UriTooLongError,
  ValidationFailedError,
} from "./errors.ts"
export { etagOf } from "./etags.ts"
export type { List, ListOptions, ListPage } from "./lists.ts"
export type { ChangeOptions } from "./resources.ts"
export type { SearchOptions } from "./searches.ts"
