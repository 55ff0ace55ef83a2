import * as z from "zod"
import packageJson from "../../../package.json" with { type: "json" }
import { Problem } from "../../contract.ts"
import { ERROR_TEXTS } from "../../error-texts.ts"
import { ERROR_CODES, type ErrorCode } from "../../errors.ts"
import { LIMITS } from "../../limits.ts"
import { OPERATIONS } from "../../operations/routes.ts"
import type { Link, Operation } from "../operation.ts"
import { codeSamples } from "./code-samples.ts"
import { componentSchemas, type Json, parametersOf, schemaRef } from "./openapi-schemas.ts"

const REQUEST_ID = { "x-request-id": { $ref: "#/components/headers/RequestId" } }

const HEADERS = {
  RequestId: {
    description: "The caller's own x-request-id if it sent a sane one (1–128 of A–Z a–z 0–9 . _ -), else one of ours.",
    schema: { type: "string" },
  },
  Location: {
    description: "The new resource's path; of a batch, that of the list of its messages.",
    schema: { type: "string" },
  },
  ETag: {
    description:
      "The resource's strong entity tag (RFC 9110). It covers the whole answer, but If-Match does not mind how a count has changed since.",
    schema: { type: "string" },
  },
  Link: { description: 'The next page: `<path>; rel="next"` (RFC 8288).', schema: { type: "string" } },
  WwwAuthenticate: {
    description: "The scheme of the key that is missing.",
    schema: { type: "string", enum: ["Bearer"] },
  },
  RateLimit: {
    description:
      'The state of the rate limits, if there are any: `"application";r=599;t=1` means `r` requests left now, and all of them in `t` seconds.',
    schema: { type: "string" },
  },
  RateLimitPolicy: {
    description: 'The rate limits: `"application";q=600;w=60`, `q` requests in `w` seconds.',
    schema: { type: "string" },
  },
  RetryAfter: {
    description: "Seconds to wait.",
    schema: { type: "integer", format: "int32", minimum: 0, maximum: 3600 },
  },
  IdempotencyReplayed: {
    description: "Present if the Idempotency-Key was used before: this is the first answer again.",
    schema: { type: "string", enum: ["true"] },
  },
}
/** Alternatives; an API without a key needs neither. */
const SECURITY_SCHEMES = {
  AdminBearer: { type: "http", scheme: "bearer", description: "An admin key, if the API has one." },
  AdminKey: {
    type: "apiKey",
    in: "header",
    name: "x-api-key",
    description:
      "An admin key, if the API has one. Use this header if a proxy before the API uses Authorization itself.",
  },
}
const ADMIN_SECURITY = [...Object.keys(SECURITY_SCHEMES).map((scheme) => ({ [scheme]: [] })), {}]
const headerRef = (name: keyof typeof HEADERS): Json => ({ $ref: `#/components/headers/${name}` })

const RATE_HEADERS = { ratelimit: headerRef("RateLimit"), "ratelimit-policy": headerRef("RateLimitPolicy") }

/** Returns a shared answer for each error status of any operation. 405 has none: no operation answers with it. */
function errorResponses(): Record<string, Json> {
  const statuses = new Set(OPERATIONS.flatMap(errorStatusesOf))
  return Object.fromEntries([...statuses].map((status) => [`Error${status}`, errorResponse(status)]))
}

function errorResponse(status: number): Json {
  const codes = (Object.keys(ERROR_CODES) as ErrorCode[]).filter((code) => ERROR_CODES[code].status === status)
  return {
    description: codes.map((code) => `\`${code}\`: ${ERROR_TEXTS[code].meaning}`).join(" "),
    headers: {
      ...REQUEST_ID,
      ...(status === 401 && { "www-authenticate": headerRef("WwwAuthenticate") }),
      ...(status === 429 && RATE_HEADERS),
      ...((status === 429 || status === 503) && { "retry-after": headerRef("RetryAfter") }),
    },
    content: { "application/problem+json": { schema: schemaRef(Problem) } },
  }
}

const tags = (description: string, example: string) =>
  z
    .string()
    .optional()
    .meta({ description, examples: [example] })
const IF_MATCH = z.object({
  // Many clients send examples as they are, so this one always holds.
  "If-Match": tags("One of these ETags, or `*`; a weak one never matches.", "*"),
})
const IF_NONE_MATCH = z.object({
  "If-None-Match": tags("None of these ETags, else the answer is 304 without a body.", '"N0mz4lEbcCLHRZ7cWJ0OPA"'),
})

/** Returns the header by which a request to one resource can be conditional. */
function conditionOf({
  conditional,
  methods: [method],
}: Operation): typeof IF_MATCH | typeof IF_NONE_MATCH | undefined {
  if (!conditional || method === "POST") return undefined
  return method === "GET" ? IF_NONE_MATCH : IF_MATCH
}

const NOT_MODIFIED: Json = {
  304: {
    description: "If-None-Match has the resource's ETag: the client knows it as it is.",
    headers: { ...REQUEST_ID, etag: headerRef("ETag"), ...RATE_HEADERS },
  },
}

function errorStatusesOf(operation: Operation): number[] {
  const { params, query, body, idempotencyKey, administers, tag, alsoFails = [] } = operation
  const statuses = new Set<number>([500, ...alsoFails])
  if (tag !== "operations") for (const status of [429, 503]) statuses.add(status)
  if (administers) statuses.add(401)
  if (params || idempotencyKey) statuses.add(404)
  if (conditionOf(operation) === IF_MATCH) statuses.add(412)
  if (query || idempotencyKey) statuses.add(422)
  if (body) for (const status of [400, 413, 415, 422]) statuses.add(status)
  return [...statuses].sort((a, b) => a - b)
}

const linkOf = ({ operation, parameters }: Link): Json => ({ operationId: operation, parameters })

function answerOf({ answer, query, idempotencyKey, conditional, tag }: Operation): Json {
  const { status, description, schema, mediaType = "application/json", links } = answer
  const content = schema ? schemaRef(schema) : { type: "string" }
  return {
    description,
    headers: {
      ...REQUEST_ID,
      ...(status === 201 && { location: headerRef("Location") }),
      ...(idempotencyKey && { "idempotency-replayed": headerRef("IdempotencyReplayed") }),
      ...(conditional && status !== 204 && { etag: headerRef("ETag") }),
      ...(query && { link: headerRef("Link") }),
      ...(tag !== "operations" && RATE_HEADERS),
    },
    ...(status !== 204 && { content: { [mediaType]: { schema: content } } }),
    ...(links && { links: Object.fromEntries(Object.entries(links).map(([name, link]) => [name, linkOf(link)])) }),
  }
}

function responsesOf(operation: Operation): Json {
  const errors = errorStatusesOf(operation).map((status) => [
    String(status),
    { $ref: `#/components/responses/Error${status}` },
  ])
  const others = Object.entries(operation.otherAnswers ?? {}).map(([status, { description, schema }]) => {
    const { content, ...response } = errorResponse(Number(status))
    const own = { "application/json": { schema: schemaRef(schema) } }
    return [status, { ...response, description, content: { ...own, ...(content as Json) } }]
  })
  const notModified = conditionOf(operation) === IF_NONE_MATCH && NOT_MODIFIED
  return {
    [operation.answer.status]: answerOf(operation),
    ...notModified,
    ...Object.fromEntries([...errors, ...others]),
  }
}

function describeOperation(operation: Operation, operationId: string): Json {
  const { tag, summary, description, params, query, body, example, idempotencyKey, administers } = operation
  const headers = idempotencyKey && z.object({ "Idempotency-Key": idempotencyKey.optional() })
  const parameters = [
    ...parametersOf("path", params),
    ...parametersOf("query", query),
    ...parametersOf("header", headers),
    ...parametersOf("header", conditionOf(operation)),
  ]
  return {
    operationId,
    tags: [tag],
    summary,
    description,
    ...(parameters.length > 0 && { parameters }),
    ...(administers && { security: ADMIN_SECURITY }),
    ...(body && {
      requestBody: {
        // A missing body is read as an empty object.
        required: !body.safeParse({}).success,
        content: { "application/json": { schema: schemaRef(body), example } },
      },
    }),
    responses: responsesOf(operation),
    "x-codeSamples": codeSamples(operation),
  }
}

function pathsOf(operations: readonly Operation[]): Record<string, Json> {
  const paths: Record<string, Json> = {}
  for (const operation of operations) {
    const { id, methods, path } = operation
    for (const method of methods)
      paths[path] = { ...paths[path], [method.toLowerCase()]: describeOperation(operation, id) }
  }
  return paths
}

const DESCRIPTION = `Applications have chats, chats have messages. Chats are numbered from 1 per application, messages from 1 per chat, without gaps; a deleted one leaves a hole.

- Errors are RFC 9457 problems; \`code\` is stable, and \`type\` leads to a page that says what it means and what to do, such as [/problems/not_found](/problems/not_found). A known path with another method answers 405 with Allow.
- A request that HTTP does not allow, that is larger than the server reads, or that does not arrive in full is refused before routing: 400 \`bad_request\`, 408, 413, 414 or 431.
- Every read and list shows an answered write at once. Search may lag by some seconds, counts by up to a minute.
- A single resource has an \`ETag\`: with If-None-Match a GET answers 304 if nothing has changed; with If-Match a PUT, PATCH or DELETE is done only if nobody has changed the resource since, else it answers 412 and changes nothing.
- Unknown body fields are ignored; lengths count Unicode code points; a request body has ${LIMITS.requestBytesMax / 1024} KiB at most (a batch ${LIMITS.batchBytesMax / 1024 / 1024} MiB), and one nested deeper than ${LIMITS.jsonDepthMax} levels is 422.
- If the API has admin keys, creating, listing, changing and deleting applications needs one; every other call below \`/applications\` needs only the application's token.
- If the API has rate limits, answers carry RateLimit and RateLimit-Policy, and a 429 says in Retry-After when to try again.
- Send an \`x-request-id\` to find your request in the logs.`

const TAGS = {
  applications: "Tenants. Each has a token, which is all that a call below it needs.",
  chats: "Numbered per application, from 1.",
  messages: "Numbered per chat, from 1; read, listed and searched.",
  changes: "What was written, in the order of writing.",
  operations: "The state of the system, and its description.",
} satisfies Record<Operation["tag"], string>

/**
 * Returns the OpenAPI 3.1 document, made from the operations and the zod schemas that check requests. The server of the
 * document sets `servers`.
 */
export function openapiDocument(): Json {
  return {
    openapi: "3.1.0",
    info: {
      title: "Chat backend",
      version: packageJson.version,
      description: DESCRIPTION,
      license: { name: "MIT", identifier: "MIT" },
    },
    servers: [{ url: "/" }],
    security: [],
    tags: Object.entries(TAGS).map(([name, description]) => ({ name, description })),
    paths: pathsOf(OPERATIONS.filter(({ isHidden }) => isHidden !== true)),
    components: {
      schemas: componentSchemas(),
      responses: errorResponses(),
      headers: HEADERS,
      securitySchemes: SECURITY_SCHEMES,
    },
  }
}
