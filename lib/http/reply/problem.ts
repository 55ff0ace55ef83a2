import type * as z from "zod"
import type { Problem } from "../../contract.ts"
import { ApiError, DependencyAway, ERROR_CODES, type FieldError, type FieldPlace, unavailable } from "../../errors.ts"
import type { Reply } from "./replies.ts"

/** Returns a problem's `type` (RFC 9457): the page that explains its code. */
const problemType = (base: string, code: string): string => `${base}/problems/${code}`

/** What a problem needs of its request: its id, the API's URL (`baseUrl`), and the places of its fields. */
export type Asked = { requestId: string; base: string; place?: (field: FieldError) => FieldError }

const asTold = (field: FieldError): FieldError => field

/** Bounds the field errors; a longer list would only repeat what the client sent. */
const FIELD_ERRORS_MAX = 20

/**
 * Returns the error to tell the client: an ApiError as it is, 503 without a name for a dependency that is away, and a
 * bare 500 for anything else, including a stray ZodError.
 */
export function toApiError(thrown: unknown): ApiError {
  if (thrown instanceof ApiError) return thrown
  if (thrown instanceof DependencyAway)
    return unavailable("Something that this call needs is away for the moment.", thrown)
  return new ApiError("internal_error", "Something went wrong on our side.", { cause: thrown })
}

/** Returns the problem+json answer (RFC 9457) for `error`, with the headers that it calls for. */
export function problem(error: ApiError, { requestId, base, place = asTold }: Asked): Reply {
  const { status, title } = ERROR_CODES[error.code]
  const body: Problem = {
    type: problemType(base, error.code),
    title,
    status,
    detail: error.message,
    code: error.code,
    request_id: requestId,
  }
  if (error.errors) body.errors = error.errors.slice(0, FIELD_ERRORS_MAX).map(place)
  const headers: Record<string, string> = { "content-type": "application/problem+json" }
  // RFC 9110, section 15.5.2.
  if (error.code === "unauthorized") headers["www-authenticate"] = "Bearer"
  if (error.allow) headers.allow = error.allow.join(", ")
  if (error.retryAfterSeconds !== undefined) headers["retry-after"] = String(error.retryAfterSeconds)
  return { status, headers, body: JSON.stringify(body) }
}

/** Phrases zod's issues; a schema's own message takes precedence. */
const wordIssue: z.core.$ZodErrorMap = (issue) => {
  if (issue.code === "invalid_type") {
    if (issue.input === undefined) return "is required"
    return `must be ${/^[aeiou]/.test(issue.expected) ? "an" : "a"} ${issue.expected === "int" ? "whole number" : issue.expected}`
  }
  if (issue.code === "invalid_value")
    return `must be ${issue.values.map((value) => JSON.stringify(value)).join(" or ")}`
  const unit = "origin" in issue && issue.origin === "string" ? " characters" : ""
  if (issue.code === "too_small") return `must be at least ${issue.minimum}${unit}`
  if (issue.code === "too_big") return `must be at most ${issue.maximum}${unit}`
  return undefined
}

type Parsed<T> = { data: T } | { errors: FieldError[] }

/** Returns `value`, from the part `place` of a request, as `schema` reads it, or the fields that are wrong. */
export function parse<T>(schema: z.ZodType<T>, value: unknown, place: FieldPlace): Parsed<T> {
  const result = schema.safeParse(value, { error: wordIssue })
  if (result.success) return { data: result.data }
  return { errors: result.error.issues.map(({ path, message }) => ({ in: place, path: path.join("."), message })) }
}

export function invalidFields(errors: FieldError[]): ApiError {
  const told = errors.slice(0, FIELD_ERRORS_MAX)
  const detail = told.map(({ path, message }) => (path ? `${path}: ${message}` : message)).join("; ")
  return new ApiError("invalid_request", detail, { errors })
}
