import type { APIGatewayProxyEventV2 } from "aws-lambda"
import type { ZodType } from "zod"
import { ApiError, type FieldError } from "../../errors.ts"
import type { Idempotency } from "../../outbox/idempotency.ts"
import type { RequestSchemas } from "../operation.ts"
import { invalidFields, parse } from "../reply/problem.ts"
import { readBody } from "./request-body.ts"

type Read<Schema> = Schema extends ZodType<infer T> ? T : undefined

/** A request's input, as its schemas have checked it. */
export type RequestInput<Schemas extends RequestSchemas> = {
  /** The operation's path with its parameters filled in, for Location, Link, cursors and Idempotency-Keys. */
  path: string
  params: Read<Schemas["params"]>
  query: Read<Schemas["query"]>
  body: Read<Schemas["body"]>
  idempotency: Idempotency | undefined
}

function readParams(schema: ZodType, event: APIGatewayProxyEventV2): unknown {
  const result = schema.safeParse(event.pathParameters ?? {})
  if (!result.success) throw new ApiError("not_found", "There is nothing under this path.")
  return result.data
}

/** Reads the raw query, since gateways join a repeated parameter with commas, as if it were one with a comma. */
function queryParameters(rawQueryString: string): Record<string, string> {
  const parameters: Record<string, string> = Object.create(null)
  const errors: FieldError[] = []
  for (const [name, value] of new URLSearchParams(rawQueryString)) {
    if (name in parameters) errors.push({ in: "query", path: name, message: "must be given once" })
    parameters[name] = value
  }
  if (errors.length > 0) throw invalidFields(errors)
  return parameters
}

function readQuery(schema: ZodType, event: APIGatewayProxyEventV2): unknown {
  const { rawQueryString, queryStringParameters } = event
  const result = parse(
    schema,
    rawQueryString ? queryParameters(rawQueryString) : (queryStringParameters ?? {}),
    "query",
  )
  if ("errors" in result) throw invalidFields(result.errors)
  return result.data
}

function readIdempotencyKey(schema: ZodType<string>, event: APIGatewayProxyEventV2): string | undefined {
  const key = event.headers["idempotency-key"]
  if (key === undefined) return undefined
  // Sent twice, the values are joined by ", ", which no key may contain (RFC 9110, section 5.3).
  const result = parse(schema, key, "header")
  if ("errors" in result) throw invalidFields(result.errors.map((error) => ({ ...error, path: "idempotency-key" })))
  return result.data
}

function readChecked(schema: ZodType, event: APIGatewayProxyEventV2, bytesMax?: number): unknown {
  const result = parse(schema, readBody(event, bytesMax), "body")
  if ("errors" in result) throw invalidFields(result.errors)
  return result.data
}

/** Returns the path of `template`, whose parameters are whole segments: `/applications/{token}`. */
const filled = (template: string, params: unknown): string =>
  template
    .split("/")
    .map((part) => (part.startsWith("{") ? String((params as Record<string, unknown>)[part.slice(1, -1)]) : part))
    .join("/")

/**
 * Returns a call's input, checked in this order: path (404), query (422), Idempotency-Key (422), body (415, 413, 400,
 * 422). Throws the first ApiError. `adminKey` is the hash of the admin key that admitted the request.
 */
export function readRequest<Schemas extends RequestSchemas>(
  schemas: Schemas,
  event: APIGatewayProxyEventV2,
  adminKey?: string,
): RequestInput<Schemas> {
  const params = schemas.params && readParams(schemas.params, event)
  const path = filled(schemas.path ?? "", params)
  const query = schemas.query && readQuery(schemas.query, event)
  const key = schemas.idempotencyKey && readIdempotencyKey(schemas.idempotencyKey, event)
  const idempotency = key === undefined ? key : { key, path, ...(adminKey !== undefined && { adminKey }) }
  const body = schemas.body && readChecked(schemas.body, event, schemas.bodyBytesMax)
  const read = { path, params, query, idempotency, body }
  // The schemas ensure what the types say.
  return read as RequestInput<Schemas>
}
