import type { FieldError } from "./api-types.ts"

/** What a failed call is known by. */
export type ChatErrorDetails = {
  /** The API's code, `connection_failed`, `timed_out`, or `unexpected_answer` if somebody else than the API answered. */
  code: string
  /** The answer's status; 0 if there was none. */
  status: number
  /** What happened, in words. */
  detail: string
  /** Stands in the API's log, if the request has reached it. */
  requestId: string
  /** Each wrong field, with `invalid_request`. */
  errors?: FieldError[] | undefined
  /** What the answer's Retry-After says. */
  retryAfterMs?: number | undefined
  /**
   * Whether an earlier attempt of the same call was left without a clear answer and may have taken effect. It tells
   * whose change a 412 or 404 is about: perhaps the call's own.
   */
  isAfterLostAnswer?: boolean
}

/** A call that failed. There is a subclass for each code that is known; a code that is not is a plain ChatError. */
export class ChatError extends Error {
  override readonly name: string = "ChatError"
  readonly code: string
  readonly status: number
  readonly detail: string
  readonly requestId: string
  readonly errors: FieldError[]
  readonly retryAfterMs: number | undefined
  readonly isAfterLostAnswer: boolean

  constructor(details: ChatErrorDetails) {
    const { code, status, detail, requestId, errors = [], retryAfterMs, isAfterLostAnswer = false } = details
    super(`${code}: ${detail} (request ${requestId})`)
    this.code = code
    this.status = status
    this.detail = detail
    this.requestId = requestId
    this.errors = errors
    this.retryAfterMs = retryAfterMs
    this.isAfterLostAnswer = isAfterLostAnswer
  }
}

/** There was no complete answer: the connection failed, broke, or ended early. A write may have taken effect. */
export class ConnectionError extends ChatError {
  override readonly name: string = "ConnectionError"
}

/** No answer came within `timeoutMs`. A write may have taken effect. */
export class TimeoutError extends ConnectionError {
  override readonly name = "TimeoutError"
}

export class BadRequestError extends ChatError {
  override readonly name = "BadRequestError"
}
export class MalformedJsonError extends ChatError {
  override readonly name = "MalformedJsonError"
}
export class UnauthorizedError extends ChatError {
  override readonly name = "UnauthorizedError"
}
export class NotFoundError extends ChatError {
  override readonly name = "NotFoundError"
}
export class MethodNotAllowedError extends ChatError {
  override readonly name = "MethodNotAllowedError"
}
export class RequestTimeoutError extends ChatError {
  override readonly name = "RequestTimeoutError"
}
export class CursorExpiredError extends ChatError {
  override readonly name = "CursorExpiredError"
}
export class PreconditionFailedError extends ChatError {
  override readonly name = "PreconditionFailedError"
}
export class BodyTooLargeError extends ChatError {
  override readonly name = "BodyTooLargeError"
}
export class UriTooLongError extends ChatError {
  override readonly name = "UriTooLongError"
}
export class UnsupportedMediaTypeError extends ChatError {
  override readonly name = "UnsupportedMediaTypeError"
}
export class ValidationFailedError extends ChatError {
  override readonly name = "ValidationFailedError"
}
export class IdempotencyKeyReusedError extends ChatError {
  override readonly name = "IdempotencyKeyReusedError"
}
export class RateLimitedError extends ChatError {
  override readonly name = "RateLimitedError"
}
export class HeadersTooLargeError extends ChatError {
  override readonly name = "HeadersTooLargeError"
}
export class InternalError extends ChatError {
  override readonly name = "InternalError"
}
export class UnavailableError extends ChatError {
  override readonly name = "UnavailableError"
}

/** The class of each code. */
export const ERROR_CLASSES: Readonly<Record<string, typeof ChatError>> = {
  connection_failed: ConnectionError,
  timed_out: TimeoutError,
  bad_request: BadRequestError,
  malformed_json: MalformedJsonError,
  unauthorized: UnauthorizedError,
  not_found: NotFoundError,
  method_not_allowed: MethodNotAllowedError,
  request_timeout: RequestTimeoutError,
  cursor_expired: CursorExpiredError,
  precondition_failed: PreconditionFailedError,
  body_too_large: BodyTooLargeError,
  uri_too_long: UriTooLongError,
  unsupported_media_type: UnsupportedMediaTypeError,
  invalid_request: ValidationFailedError,
  idempotency_key_reused: IdempotencyKeyReusedError,
  rate_limited: RateLimitedError,
  headers_too_large: HeadersTooLargeError,
  internal_error: InternalError,
  unavailable: UnavailableError,
}

/** Returns the error of a call, of the class of its code. */
export function errorOf(details: ChatErrorDetails): ChatError {
  const known = Object.hasOwn(ERROR_CLASSES, details.code) ? ERROR_CLASSES[details.code] : undefined
  return new (known ?? ChatError)(details)
}
