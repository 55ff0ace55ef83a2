import type { ErrorCode } from "./errors.ts"
import { LIMITS } from "./limits.ts"

/** Explains an error code: what it means, and what its client or operator can do. Backquotes mark code. */
export type ErrorText = { meaning: string; remedy: string }

/** The texts of the OpenAPI document and of GET /problems/{code}. Apart from the codes, since only these two use them. */
export const ERROR_TEXTS: Readonly<Record<ErrorCode, ErrorText>> = {
  bad_request: {
    meaning: "This is not a request that HTTP allows.",
    remedy:
      "Send it with a library for HTTP rather than by hand; if you do, look for a proxy between you and the API that changes requests. The same request will fail again.",
  },
  malformed_json: {
    meaning: "The request body is not valid JSON in UTF-8.",
    remedy:
      "Write the body with a JSON library, encode it as UTF-8, and send all of it. `detail` says what could not be read.",
  },
  unauthorized: {
    meaning: "The call needs a key and none, or a wrong one, was given.",
    remedy:
      "Send an admin key of this deployment as `Authorization: Bearer …` or `x-api-key: …`. Only the calls that create, list, change or delete applications need one. A key may have been replaced: ask the operator, who sets `ADMIN_API_KEY`.",
  },
  not_found: {
    meaning: "There is nothing under this path, or it has been deleted.",
    remedy:
      "Check the path, the application's token and the numbers. A deleted resource does not come back, nor does what was below it, and its number is not given again. A creation that is sent again with its Idempotency-Key is answered like this, too, if its resource has been deleted since.",
  },
  method_not_allowed: {
    meaning: "The path exists, but not with this method.",
    remedy: "Use one of the methods in the answer's Allow header.",
  },
  request_timeout: {
    meaning: "The request did not arrive in full in time; nothing was done.",
    remedy:
      "Send it again over a new connection. If it happens often, the connection is too slow for the size of the body: send less at once.",
  },
  cursor_expired: {
    meaning: "The cursor of these changes is too old to go on from without missing a delete: begin anew without one.",
    remedy: `Follow the changes from their beginning, without \`cursor\`, and drop what you hold that is not among them, since it may have been deleted. A cursor is good for ${LIMITS.changesCursorDays} days: a reader that asks more often than that does not lose its place.`,
  },
  precondition_failed: {
    meaning: "The resource has changed since the client read it: If-Match does not name its ETag. Nothing was changed.",
    remedy: "Read the resource again, make your change to what it is now, and send it with the new ETag.",
  },
  body_too_large: {
    meaning: "The request body is larger than the limit.",
    remedy: `Send less: a body has ${LIMITS.requestBytesMax / 1024} KiB at most, that of a batch of messages ${LIMITS.batchBytesMax / 1024 / 1024} MiB. Many messages go in several batches; what is large belongs elsewhere, with a link in \`metadata\`.`,
  },
  uri_too_long: {
    meaning: "The request's path and query are longer than the limit.",
    remedy:
      "Shorten the query. A search also takes its options in the body of a POST, and a cursor is passed on as it came.",
  },
  unsupported_media_type: {
    meaning: "The request body is not declared as JSON (Content-Type: application/json).",
    remedy: "Send the header `Content-Type: application/json`, and a body that is JSON.",
  },
  invalid_request: {
    meaning: "A field of the body, a query parameter or the cursor is wrong; `errors` names each.",
    remedy:
      "Correct each member of `errors`: `in` says whether it is in the body, the query or a header, `path` is its name, and `message` says what is wrong with it. The same request will fail again.",
  },
  idempotency_key_reused: {
    meaning: "The Idempotency-Key was used before on this path with another body.",
    remedy: `Take a new key for each new creation, a UUID for example, and send the same key only with the same body. A key is remembered for ${LIMITS.idempotencyHours} hours.`,
  },
  rate_limited: {
    meaning: "Slow down; Retry-After says for how long.",
    remedy:
      "Wait for as many seconds as Retry-After says, then send the request again. RateLimit and RateLimit-Policy say what is left of which limit; messages that are sent in batches cost fewer requests over the network, but count one by one.",
  },
  headers_too_large: {
    meaning: "The request's headers are larger than the limit.",
    remedy: "Leave out what the API does not need, cookies above all: it uses none.",
  },
  internal_error: {
    meaning: "Something went wrong on our side.",
    remedy:
      "Send the request again, a creation with the same Idempotency-Key so that it is done once. If it fails again, tell the operator its `request_id`, by which the log has the cause.",
  },
  unavailable: {
    meaning: "Something that this call needs is away for the moment; Retry-After says when to try again.",
    remedy:
      "Wait for as many seconds as Retry-After says, and send the request again, a creation with the same Idempotency-Key: without one it may be done twice. `GET /health/ready` shows what is away.",
  },
}
