/** Maps every error code that a client may see to its status and title; lib/error-texts.ts explains each. */
export const ERROR_CODES = {
  bad_request: { status: 400, title: "Bad request" },
  malformed_json: { status: 400, title: "Malformed JSON" },
  unauthorized: { status: 401, title: "Unauthorized" },
  not_found: { status: 404, title: "Not found" },
  method_not_allowed: { status: 405, title: "Method not allowed" },
  request_timeout: { status: 408, title: "Request timeout" },
  cursor_expired: { status: 410, title: "Cursor expired" },
  precondition_failed: { status: 412, title: "Precondition failed" },
  body_too_large: { status: 413, title: "Body too large" },
  uri_too_long: { status: 414, title: "URI too long" },
  unsupported_media_type: { status: 415, title: "Unsupported media type" },
  invalid_request: { status: 422, title: "Invalid request" },
  idempotency_key_reused: { status: 422, title: "Idempotency key reused" },
  rate_limited: { status: 429, title: "Too many requests" },
  headers_too_large: { status: 431, title: "Request header fields too large" },
  internal_error: { status: 500, title: "Internal error" },
  unavailable: { status: 503, title: "Service unavailable" },
} as const satisfies Record<string, { status: number; title: string }>

export type ErrorCode = keyof typeof ERROR_CODES

export type FieldPlace = "body" | "query" | "header"

/** A wrong field: `path` names a member, parameter or header (empty: the body). The endpoint adds a missing `in`. */
export type FieldError = { in?: FieldPlace; path: string; message: string }

type ApiErrorOptions = { errors?: FieldError[]; retryAfterSeconds?: number; allow?: string[]; cause?: unknown }

/** Makes `instanceof` compare names: in the emulator, bundles with classes of their own share one process. */
const isNamed = (value: unknown, name: string): boolean =>
  typeof value === "object" && value !== null && (value as { name?: unknown }).name === name

/** Makes the answer of its request, wherever it is thrown, from `code` and `detail`; `cause` is only logged. */
export class ApiError extends Error {
  static override [Symbol.hasInstance](value: unknown): boolean {
    return isNamed(value, "ApiError")
  }

  readonly code: ErrorCode
  readonly errors: FieldError[] | undefined
  readonly retryAfterSeconds: number | undefined
  readonly allow: string[] | undefined

  constructor(code: ErrorCode, detail: string, options: ApiErrorOptions = {}) {
    super(detail, { cause: options.cause })
    this.name = "ApiError"
    this.code = code
    this.errors = options.errors
    this.retryAfterSeconds = options.retryAfterSeconds
    this.allow = options.allow
  }
}

export type Dependency = "mysql" | "redis" | "sqs" | "elasticsearch"

/** Says that a store or queue did not answer in time, refused the connection, or cannot serve now. */
export class DependencyAway extends Error {
  static override [Symbol.hasInstance](value: unknown): boolean {
    return isNamed(value, "DependencyAway")
  }

  readonly dependency: Dependency | "secretsmanager"

  constructor(dependency: Dependency | "secretsmanager", cause: unknown) {
    super(`${dependency} is away`, { cause })
    this.name = "DependencyAway"
    this.dependency = dependency
  }
}

/** Most dependencies are back within seconds, so a client that waits this long rarely needs a third try. */
const RETRY_AFTER_SECONDS = 1

/** Returns a 404 for `what` ("application", "chat", "message"). */
export function notFound(what: string): ApiError {
  return new ApiError("not_found", `There is no such ${what}.`)
}

/** Returns a 422 for one field. */
export function invalid(path: string, message: string): ApiError {
  return new ApiError("invalid_request", `${path}: ${message}`, { errors: [{ path, message }] })
}

/** Returns the 503 for the time in which Redis may lack data that it had. */
export const recovering = (): ApiError => unavailable("The service is recovering.")

/** Returns a 503 with Retry-After. `detail` is shown to the client; `cause` is not. */
export function unavailable(detail: string, cause?: unknown): ApiError {
  return new ApiError("unavailable", detail, { retryAfterSeconds: RETRY_AFTER_SECONDS, cause })
}
