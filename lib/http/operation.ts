/** The declaration of an operation of the API; lib/operations/ has all of them. */
import type { ZodObject, ZodType } from "zod"

export type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE"

/** What an endpoint knows of its operation: how to check requests, and what they need. */
export type RequestSchemas = {
  path?: string
  /** The path's parameters; a path that does not fit is 404. */
  params?: ZodObject
  query?: ZodObject
  /** A missing body is read as `{}`: valid if every member is optional, else 422. */
  body?: ZodType
  /** Bytes of the body at most, if not LIMITS.requestBytesMax. */
  bodyBytesMax?: number
  /** The Idempotency-Key header, if the operation creates. */
  idempotencyKey?: ZodType<string>
  /** The operation administers applications: it needs an admin key if the API has one. */
  administers?: true
  /** The time after which it is answered 503; by default the endpoint's. */
  timeoutMs?: number
}

/** Links an answer to another operation by id, with the source of each path parameter. */
export type Link = { operation: string; parameters: Record<string, string> }

export type Operation = RequestSchemas & {
  id: string
  /** It reads or writes one resource: answers have an ETag, and If-Match or If-None-Match is heeded. */
  conditional?: true
  /** GET implies HEAD. A second method that differs in more than its name is its own operation. */
  methods: readonly [Method, ...Method[]]
  path: string
  /** The function that serves it, if not named like the operation. */
  function?: string
  /** It serves a part of another answer, and is no call of the API: the OpenAPI document does not have it. */
  isHidden?: true
  tag: "applications" | "chats" | "messages" | "changes" | "operations"
  summary: string
  description: string
  example?: unknown
  /**
   * Its call with our client, in TypeScript: of `chat` if the path has a chat, of `application` if it has a token, else of
   * `client`. `$example` and `$example.member` stand for the example's text, `$url` for the URL.
   */
  sample: string
  /** `schema` has an `id`, its name in the document. Without one the answer is text of type `mediaType`, if any. */
  answer: {
    status: number
    description: string
    schema?: ZodType
    mediaType?: string
    links?: Record<string, Link>
  }
  /** Statuses of errors that do not follow from what is declared above. */
  alsoFails?: readonly number[]
  /** By status: an answer with a body of its own besides the status's problem. */
  otherAnswers?: Readonly<Record<number, { description: string; schema: ZodType }>>
}
