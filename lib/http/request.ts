import type { APIGatewayProxyEventV2 } from "aws-lambda"
import type { ZodType } from "zod"
import { ApiError, type FieldError } from "../errors.ts"
import { invalidFields, parse } from "./problem.ts"
import { readBody } from "./request-body.ts"

/** What an endpoint takes, as the schemas that check it. */
export type RequestSchemas<Path, Query, Body> = {
  /** A path that does not fit cannot exist: 404. */
  path?: ZodType<Path>
  query?: ZodType<Query>
  /** No body at all is read as `{}`: good where every field is optional, else 422 that names what is missing. */
  body?: ZodType<Body>
  /** The Idempotency-Key header's schema, for a call that creates. */
  idempotencyKey?: ZodType<string>
}

export type RequestInput<Path, Query, Body> = {
  path: Path
  query: Query
  body: Body
  idempotencyKey: string | undefined
}

function readPath<Path>(schema: ZodType<Path>, event: APIGatewayProxyEventV2): Path {
  const result = schema.safeParse(event.pathParameters ?? {})
  if (!result.success) throw new ApiError("not_found", "There is nothing under this path.")
  return result.data
}

/** Gateways join a repeated parameter with commas, so that it cannot be told from one with a comma: read it ourselves. */
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

function readQuery<Query>(schema: ZodType<Query>, event: APIGatewayProxyEventV2): Query {
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
  // Sent twice, it stands here with ", " between the two, which no key may have (RFC 9110, section 5.3).
  const result = parse(schema, key, "header")
  if ("errors" in result) throw invalidFields(result.errors.map((error) => ({ ...error, path: "idempotency-key" })))
  return result.data
}

function readChecked<Body>(schema: ZodType<Body>, event: APIGatewayProxyEventV2): Body {
  const result = parse(schema, readBody(event), "body")
  if ("errors" in result) throw invalidFields(result.errors)
  return result.data
}

/**
 * Everything a call takes, checked: path (404), query (422), Idempotency-Key (422), body (415, 413, 400, 422), in this
 * order. Throws the ApiError of the first that does not fit.
 */
export function readRequest<Path, Query, Body>(
  schemas: RequestSchemas<Path, Query, Body>,
  event: APIGatewayProxyEventV2,
): RequestInput<Path, Query, Body> {
  // What has no schema has no type either: the caller's Path, Query or Body is then undefined.
  return {
    path: (schemas.path && readPath(schemas.path, event)) as Path,
    query: (schemas.query && readQuery(schemas.query, event)) as Query,
    idempotencyKey: schemas.idempotencyKey && readIdempotencyKey(schemas.idempotencyKey, event),
    body: (schemas.body && readChecked(schemas.body, event)) as Body,
  }
}
