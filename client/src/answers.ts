import type { Problem } from "./api-types.ts"
import { type ChatError, type ChatErrorDetails, errorOf } from "./errors.ts"
import { readRetryAfter } from "./retries.ts"

export type Answer<T> = { body: T; etag: string | null }

/** What a proxy or gateway before the API means by these statuses, whatever its body says. */
const CODES_OF_GATEWAYS: Readonly<Record<number, string>> = {
  429: "rate_limited",
  502: "unavailable",
  503: "unavailable",
  504: "unavailable",
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** Returns the answer's problem (RFC 9457) if it is one of the API's. */
function problemIn(text: string): Problem | undefined {
  const body = readJson(text) as Partial<Problem> | undefined | null
  return typeof body?.code === "string" && typeof body.detail === "string" ? (body as Problem) : undefined
}

/** Returns what is wrong with an answer that is none of the API's. Its body may be anything, so it is not quoted. */
function unexpected({ status, type }: Response): Pick<ChatErrorDetails, "code" | "detail"> {
  // A browser hides the status of a redirect.
  const isRedirect = type === "opaqueredirect" || (status >= 300 && status < 400)
  if (isRedirect)
    return { code: "unexpected_answer", detail: "a redirect, which is not followed: is the url the API's?" }
  return { code: CODES_OF_GATEWAYS[status] ?? "unexpected_answer", detail: `status ${status}, not in the API's form` }
}

/** Returns the error that an answer tells. */
export function errorIn(
  response: Response,
  text: string,
  asked: Pick<ChatErrorDetails, "requestId" | "isAfterLostAnswer">,
): ChatError {
  const { headers, status } = response
  const problem = problemIn(text)
  const { code, detail } = problem ?? unexpected(response)
  const requestId = headers.get("x-request-id") ?? problem?.request_id ?? asked.requestId
  const retryAfterMs = readRetryAfter(headers.get("retry-after"), headers.get("date"))
  return errorOf({ ...asked, code, detail, status, requestId, errors: problem?.errors, retryAfterMs })
}

/** Returns the state of the stores, with which `/health/ready` answers 503 instead of with a problem. */
export function readinessIn<T>(text: string): T | undefined {
  const body = readJson(text)
  return typeof body === "object" && body !== null && "dependencies" in body ? (body as T) : undefined
}
