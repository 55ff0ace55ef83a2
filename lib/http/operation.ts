/** What is said of an operation of the API, once: lib/operations/ has all of them. */
import type { ZodObject, ZodType } from "zod"

export type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE"

/** How the request of an operation is checked, and what it needs. All that an endpoint knows of its operation. */
export type RequestSchemas = {
  /** A template such as `/applications/{token}`. */
  path?: string
  /** Of the path's parameters. A path that does not fit cannot exist: 404. */
  params?: ZodObject
  query?: ZodObject
  /** No body at all is read as `{}`: good where every member is optional, else 422 that names what is missing. */
  body?: ZodType
  /** Of the Idempotency-Key header, where the operation creates. */
  idempotencyKey?: ZodType<string>
  /** The operation administers applications: it needs an admin key where the API has one. */
  administers?: true
  /** After which it is answered 503; the endpoint's own limit unless given. */
  timeoutMs?: number
}

/** A link from an answer to another operation, by its id, and the source of each parameter of its path. */
export type Link = { operation: string; parameters: Record<string, string> }

export type Operation = RequestSchemas & {
  id: string
  /** GET answers HEAD too. A second method that differs in more than its name is an operation of its own. */
  methods: readonly [Method, ...Method[]]
  path: string
  /** The function that serves it, where that is not called like the operation. */
  function?: string
  tag: "applications" | "chats" | "messages" | "operations"
  summary: string
  description: string
  /** Of the body. */
  example?: unknown
  /** `schema` has an `id`, its name in the OpenAPI document. Without one the answer is text of the type `mediaType`, if any. */
  answer: {
    status: number
    description: string
    schema?: ZodType
    mediaType?: string
    links?: Record<string, Link>
  }
  /** By status: answers with a body of their own beside the problem that the status stands for. */
  otherAnswers?: Readonly<Record<number, { description: string; schema: ZodType }>>
}
