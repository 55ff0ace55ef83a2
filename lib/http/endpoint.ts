import middy, { type MiddlewareObj, type Request } from "@middy/core"
import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2, Context } from "aws-lambda"
import { withDeadline } from "../deadline.ts"
import { type ApiError, DependencyAway, type FieldError, unavailable } from "../errors.ts"
import { describeError, hashToken, log } from "../log.ts"
import { count, METERS, observe, shortName } from "../meters.ts"
import type { Standing } from "../outbox/rates.ts"
import { beginRequest, endRequest, type Origin, originOf, traceIdOf, within } from "../trace.ts"
import type { RequestSchemas } from "./operation.ts"
import { ANSWER_HEADERS, ownRequestId } from "./reply/answer-headers.ts"
import { baseUrl } from "./reply/base-url.ts"
import { corsHeaders } from "./reply/cors.ts"
import { problem, toApiError } from "./reply/problem.ts"
import { rateLimitHeaders } from "./reply/rate-limit-headers.ts"
import type { Reply } from "./reply/replies.ts"
import { requireAdminKey } from "./request/admin-key.ts"
import { type RequestInput, readRequest } from "./request/request.ts"

/** Below the functions' time-out of 10 s, at which the gateway would answer instead. */
export const REQUEST_TIMEOUT_MS = 9_000

/** What `run` may know of its request besides the checked input. */
export type Scope = {
  requestId: string
  /** Goes with what the request writes. */
  origin: Origin
  method: string
  /** The path as it came, not decoded. */
  rawPath: string
  /** The request's headers, by lower-case name. */
  headers: RequestHeaders
  /** The address that called the gateway. */
  sourceIp: string
  /** The X-Forwarded-For header, as it came. */
  forwardedFor: string | undefined
  /** Puts the rate limits' standing into the answer's headers. */
  noteStandings: (standings: Standing[]) => void
}

type RequestHeaders = APIGatewayProxyEventV2["headers"]

type Run<Schemas extends RequestSchemas> = (input: RequestInput<Schemas>, scope: Scope) => Promise<Reply> | Reply

/** Returns the accepted admin keys, or undefined if the call needs none; the latest ones after a key was `refused`. */
type AdminKeys = (refused?: boolean) => Promise<readonly string[] | undefined>

export type EndpointHandler = (
  event: APIGatewayProxyEventV2,
  context: Context,
) => Promise<APIGatewayProxyStructuredResultV2>

type Internal = {
  requestId: string
  headers: RequestHeaders
  input?: RequestInput<RequestSchemas>
  startedAt: number
  span: ReturnType<typeof beginRequest>
  /** A hash of the request's admin key; only if the call needed one. */
  adminKey?: string
  application?: string
  code?: string
  standings?: Standing[]
}

/** A Reply until `answerHeaders` makes it the gateway's answer. */
type Answer = Reply | APIGatewayProxyStructuredResultV2
type Exchange = Request<APIGatewayProxyEventV2, Answer, unknown, Context, Internal>
type Middleware = MiddlewareObj<APIGatewayProxyEventV2, Answer, unknown, Context, Internal>

/** Starts the request, and ends it with its one log line, which holds no token and nothing that the client wrote. */
const requestLog = (): Middleware => {
  const writeLine = ({ context, internal, response }: Exchange): void => {
    const status = response && "statusCode" in response ? response.statusCode : undefined
    const durationMs = performance.now() - internal.startedAt
    const name = shortName(context.functionName)
    count(METERS.requests, { function: name, status: status ?? 500 })
    observe(METERS.requestSeconds, { function: name }, durationMs / 1_000)
    endRequest(internal.span, status)
    log.info("request", {
      request_id: internal.requestId,
      trace_id: traceIdOf(internal.span),
      function: context.functionName,
      status,
      code: internal.code,
      duration_ms: Math.round(durationMs),
      application: internal.application,
    })
  }
  return {
    before: ({ event, context, internal }) => {
      internal.startedAt = performance.now()
      // The invocation's id, since the gateway's is a constant in the emulator.
      internal.requestId = context.awsRequestId
      internal.headers = event.headers
      internal.requestId = ownRequestId(event.headers) ?? context.awsRequestId
      // The route, not the path, which has the token.
      internal.span = beginRequest(event.routeKey, event.headers.traceparent, {
        "http.request.method": event.requestContext.http.method,
        "faas.name": shortName(context.functionName),
        "chat.request_id": internal.requestId,
      })
    },
    after: writeLine,
    onError: writeLine,
  }
}

const withHeaders = (
  { status, headers, body, isBase64Encoded }: Reply,
  requestId: string,
): APIGatewayProxyStructuredResultV2 => ({
  statusCode: status,
  headers: { ...ANSWER_HEADERS, "x-request-id": requestId, ...headers },
  ...(body !== undefined && { body }),
  ...(isBase64Encoded && { isBase64Encoded }),
})

const answerHeaders = (administers: boolean): Middleware => {
  const finish = (request: Exchange): void => {
    const { requestId, headers: asked, standings } = request.internal
    const reply = request.response as Reply
    const cors = reply.cors ?? corsHeaders(asked, administers)
    const headers = { ...cors, ...reply.headers, ...(standings && rateLimitHeaders(standings)) }
    request.response = withHeaders({ ...reply, headers }, requestId)
  }
  return { after: finish, onError: finish }
}

/** Logs once what the client is not told; briefly for a dependency that is away, since many requests fail then. */
function logFailure(thrown: unknown, told: ApiError, requestId: string): void {
  if (thrown instanceof DependencyAway) {
    const { dependency, cause, message } = thrown
    log.warn(message, { request_id: requestId, dependency, cause: describeError(cause, 0) })
  } else if (told.code === "internal_error") {
    log.error("unexpected error", { request_id: requestId, error: describeError(thrown) })
  } else if (told.code === "unavailable") {
    log.warn(told.message, {
      request_id: requestId,
      ...(told.cause !== undefined && { cause: describeError(told.cause) }),
    })
  }
}

/**
 * Sets which part of the request a wrong field is in, if its error does not say: a search takes options in both. One
 * that is in neither is missing in the body, if the request takes one.
 */
function placed(field: FieldError, input: Internal["input"]): FieldError {
  if (field.in !== undefined) return field
  const has = (part: unknown) => typeof part === "object" && part !== null && field.path in part
  const isInBody = has(input?.body) || (input?.body !== undefined && !has(input.query))
  return { in: isInBody ? "body" : "query", ...field }
}

const problems = (): Middleware => ({
  onError: (request) => {
    const { requestId, headers, input } = request.internal
    const told = toApiError(request.error)
    request.internal.code = told.code
    logFailure(request.error, told, requestId)
    request.response = problem(told, { requestId, base: baseUrl(headers), place: (field) => placed(field, input) })
  },
})

function applicationOf(params: unknown): string | undefined {
  if (typeof params !== "object" || params === null || !("token" in params)) return undefined
  return hashToken(String(params.token))
}

/** Returns the answer to an error of the middlewares themselves. */
function lastResort(error: unknown, requestId: string): APIGatewayProxyStructuredResultV2 {
  try {
    log.error("the endpoint itself failed", { request_id: requestId, error: describeError(error) })
  } catch {
    // The answer must go out even if logging fails.
  }
  return withHeaders(problem(toApiError(undefined), { requestId, base: "" }), requestId)
}

/** Refuses requests without an admin key before anything else is read. */
const adminGuard = (keysOf: AdminKeys): Middleware => ({
  before: async ({ event, internal }) => {
    const keys = await keysOf()
    if (keys) internal.adminKey = await requireAdminKey(event, keys, () => keysOf(true))
  },
})

type Checked<Schemas extends RequestSchemas> = { input: RequestInput<Schemas>; scope: Scope; span: Internal["span"] }

function scopeOf(event: APIGatewayProxyEventV2, internal: Internal): Scope {
  const { method, sourceIp } = event.requestContext.http
  return {
    requestId: internal.requestId,
    origin: originOf(internal.requestId, internal.span),
    method,
    rawPath: event.rawPath,
    headers: event.headers,
    sourceIp,
    forwardedFor: event.headers["x-forwarded-for"],
    noteStandings: (standings) => {
      internal.standings = standings
    },
  }
}

const requestReader = <Schemas extends RequestSchemas>(schemas: Schemas): Middleware => ({
  before: (request) => {
    const { event, internal } = request
    const input = readRequest(schemas, event, internal.adminKey)
    internal.input = input
    const application = applicationOf(input.params)
    if (application !== undefined) internal.application = application
    const checked: Checked<Schemas> = { input, scope: scopeOf(event, internal), span: internal.span }
    // middy passes on the replaced event, which its types do not express.
    request.event = checked as unknown as APIGatewayProxyEventV2
  },
})

/**
 * Returns an operation's handler for API Gateway's HTTP API (payload 2.0). It checks a request by its schemas, runs,
 * answers in time and never throws: an ApiError gives its own status, a dependency that is away 503, anything else 500.
 */
export function endpoint<const Schemas extends RequestSchemas>(
  operation: Schemas,
  run: Run<Schemas>,
  ...[adminKeys]: Schemas extends { administers: true } ? [adminKeys: AdminKeys] : []
): EndpointHandler {
  const { administers, timeoutMs = REQUEST_TIMEOUT_MS } = operation
  const start = ({ input, scope, span }: Checked<Schemas>) =>
    within(span, async (): Promise<Reply> => run(input, scope))
  const late = () => unavailable("This call took too long.")
  const handler = middy<APIGatewayProxyEventV2, Answer, unknown, Context, Internal>(
    (checked: APIGatewayProxyEventV2) => withDeadline(timeoutMs, start(checked as unknown as Checked<Schemas>), late),
    // Our own time limit holds whatever time the context has left.
    { timeoutEarlyInMillis: 0 },
  )
  // Both answers and errors pass these in reverse order.
  handler.use([requestLog(), answerHeaders(administers === true), problems()])
  if (adminKeys) handler.use(adminGuard(adminKeys))
  handler.use(requestReader(operation))
  return async (event, context) => {
    try {
      return (await handler(event, context)) as APIGatewayProxyStructuredResultV2
    } catch (error) {
      return lastResort(error, context.awsRequestId)
    }
  }
}

/** Returns a handler that chooses by method: one of `others`, else `first`. */
export const byMethod =
  (first: EndpointHandler, others: Partial<Record<string, EndpointHandler>>): EndpointHandler =>
  (event, context) =>
    (others[event.requestContext.http.method] ?? first)(event, context)
