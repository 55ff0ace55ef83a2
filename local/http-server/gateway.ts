/*
 * DESIGN. The HTTP server under serverless-offline, in the place of its own (hapi): it calls the functions with the events
 * of API Gateway's HTTP API, whose routes serverless-offline reads from serverless.yml. Its own server finds the file of a
 * function and reads a package.json anew for each request, and it decodes bodies, answers preflights and refuses requests
 * in its own words; see docs/decisions/0030-gateway.md.
 *
 * 1. A request that HTTP does not allow, or that is too large, is answered with a problem, once all of it has arrived.
 * 2. Others become an event (event.ts) for the function of their route (router.ts). What it returns is the answer; if it
 *    throws, the answer is a problem and the error is logged.
 * 3. What Node.js refuses before there is a request (`clientError`) is answered with a problem on the raw socket.
 *
 * Promised: every answer is problem+json or comes from one of the functions, and has the usual headers. Stopping lets the
 * calls in flight finish.
 * Absent: authorizers, `{proxy+}` and the limits of API Gateway, which differ from those here; docs/gateway.md compares
 * them. A function's time-out is not held, as each has a limit of its own (lib/http/endpoint.ts).
 */
import { once } from "node:events"
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http"
import type { Socket } from "node:net"
import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2, Context } from "aws-lambda"
import type { ErrorCode } from "../../lib/errors.ts"
import { contextOf, type Definition, eventOf, targetOf } from "./event.ts"
import { refusalOf } from "./requests.ts"
import { createRouter } from "./router.ts"
import { answerRaw, problemFor, type ServerProblem } from "./server-problem.ts"

type Handler = (event: APIGatewayProxyEventV2, context: Context) => Promise<APIGatewayProxyStructuredResultV2>
/** A function whose file is loaded when it is first called. */
export type GatewayFunction = Definition & { load: () => Handler }

/** A request, body included, must arrive within this time; the largest one does at 13 KB/s, a batch at 105 KB/s. */
const REQUEST_LIMIT_MS = 10_000
/** How often Node.js looks for requests that are past their limit. */
const REQUEST_CHECK_INTERVAL_MS = 1_000
/**
 * Node.js gives up on a connection whose request line and headers are larger. It is more than the API allows
 * (requests.ts), so that most requests that are too large can still be answered.
 */
const HEADER_BYTES_READ_MAX = 64 * 1024
/** API Gateway's own limit, above those of the functions, which refuse with a better error. */
const BODY_BYTES_MAX = 10 * 1024 * 1024

/** Refuses a request once all of it has arrived; a client that is still sending would find the connection closed. */
function refuse(request: IncomingMessage, response: ServerResponse, { status, headers, body }: ServerProblem): void {
  const answer = () => response.writeHead(status, { ...headers, connection: "close" }).end(body)
  if (request.readableEnded || request.headers.expect !== undefined) answer()
  else request.resume().once("end", answer)
}

/** Calls `then` with the body once all of it has arrived, with undefined if it was too large. */
function readBytes(request: IncomingMessage, then: (bytes: Buffer | undefined) => void): void {
  const pieces: Buffer[] = []
  let length = 0
  request.on("data", (piece: Buffer) => {
    length += piece.length
    if (length <= BODY_BYTES_MAX) pieces.push(piece)
    else pieces.length = 0
  })
  request.once("end", () => then(length > BODY_BYTES_MAX ? undefined : Buffer.concat(pieces, length)))
}

/** Writes what a function returned. */
function answer(response: ServerResponse, result: APIGatewayProxyStructuredResultV2): void {
  const { statusCode = 200, headers = {}, cookies, body = "", isBase64Encoded } = result
  const bytes = isBase64Encoded ? Buffer.from(body, "base64") : body
  response.writeHead(statusCode, {
    ...(headers as Record<string, string>),
    ...(cookies && { "set-cookie": cookies }),
    ...(statusCode !== 204 && statusCode !== 304 && { "content-length": Buffer.byteLength(bytes) }),
  })
  response.end(bytes)
}

type Exchange = { request: IncomingMessage; response: ServerResponse }
type ClientError = Error & { code?: string; bytesParsed?: number; rawPacket?: Buffer }

/** Returns the problem for an error of Node.js's parser. */
function codeOf({ code, rawPacket }: ClientError, socket: Socket): ErrorCode {
  if (code === "ERR_HTTP_REQUEST_TIMEOUT") return "request_timeout"
  if (code === "HPE_CHUNK_EXTENSIONS_OVERFLOW") return "body_too_large"
  if (code !== "HPE_HEADER_OVERFLOW") return "bad_request"
  // Only the last packet is known. If it is also the first and has no line end, the request line is too long.
  const isFirstLine = rawPacket?.length === socket.bytesRead && !rawPacket.includes("\n")
  return isFirstLine ? "uri_too_long" : "headers_too_large"
}

/** Makes a server that hands requests to `take`, and answers by itself what is none. */
function createListener(take: (exchange: Exchange, isExpected: boolean) => void): Server {
  const exchanges = new WeakMap<Socket, Exchange>()
  const listener = createServer({
    requireHostHeader: false,
    requestTimeout: REQUEST_LIMIT_MS,
    headersTimeout: REQUEST_LIMIT_MS,
    connectionsCheckingInterval: REQUEST_CHECK_INTERVAL_MS,
    maxHeaderSize: HEADER_BYTES_READ_MAX,
  })
  // Without `checkExpectation`, Node.js answers an unknown one, which may be ignored, with an empty 417.
  for (const event of ["request", "checkContinue", "checkExpectation"]) {
    listener.on(event, (request: IncomingMessage, response: ServerResponse) => {
      const exchange = { request, response }
      exchanges.set(request.socket, exchange)
      take(exchange, event === "checkContinue")
    })
  }
  listener.on("connect", (request, socket: Socket) => answerRaw(socket, problemFor("bad_request", request)))

  // Only the first error of a connection is answered; any data after it raises another.
  const failed = new WeakSet<Socket>()
  listener.on("clientError", (error: ClientError, socket: Socket) => {
    if (failed.has(socket)) return
    failed.add(socket)
    if (!socket.writable || error.code === "ECONNRESET") return void socket.destroy()
    const { request, response } = exchanges.get(socket) ?? {}
    const isOfRequest = request?.complete === false
    // Once a response has begun, the same request cannot get another one.
    if (isOfRequest && response?.headersSent) return void socket.destroy()
    const tell = () => answerRaw(socket, problemFor(codeOf(error, socket), isOfRequest ? request : undefined))
    // The error may follow a request that is still being handled, which is answered first.
    if (isOfRequest || response === undefined || response.writableFinished) tell()
    else response.once("close", tell)
  })
  return listener
}

const handlers = new WeakMap<GatewayFunction, Handler>()

function handlerOf(target: GatewayFunction): Handler {
  const handler = handlers.get(target) ?? target.load()
  handlers.set(target, handler)
  return handler
}

/** Calls a function and sends its answer. If it throws or returns no valid answer, logs the error and sends a problem. */
async function call(target: GatewayFunction, event: APIGatewayProxyEventV2, exchange: Exchange, listener: Server) {
  const { request, response } = exchange
  try {
    const result = await handlerOf(target)(event, contextOf(target))
    // Its connection would stay open for the next request.
    if (!listener.listening) response.shouldKeepAlive = false
    answer(response, result)
  } catch (error) {
    process.stderr.write(`${target.name}: ${error instanceof Error ? error.stack : error}\n`)
    const { status: statusCode, headers, body } = problemFor("internal_error", request)
    answer(response, { statusCode, headers, body })
  }
}

/** Returns a server for these functions, by the keys of their routes, such as `GET /chats/{number}` or `$default`. */
export function createGateway(functions: ReadonlyMap<string, GatewayFunction>) {
  const router = createRouter<GatewayFunction>()
  for (const [key, target] of functions) router.add(key, target)
  const listener = createListener((exchange, isExpected) => {
    const { request, response } = exchange
    const refuseWith = (code: ErrorCode) => refuse(request, response, problemFor(code, request))
    const refusal = refusalOf(request)
    if (refusal !== undefined) return refuseWith(refusal)
    const target = targetOf(request)
    // HEAD is GET without a body, which Node.js leaves out.
    const found = router.find(request.method === "HEAD" ? "GET" : `${request.method}`, target.path)
    if (found === undefined) return refuseWith("not_found")
    if (isExpected) response.writeContinue()
    readBytes(request, (bytes) => {
      if (bytes === undefined) return refuseWith("body_too_large")
      return void call(found.target, eventOf(request, target, found, bytes), exchange, listener)
    })
  })

  return {
    /** Resolves when it listens. Throws if it cannot. */
    async listen(port: number, host: string): Promise<void> {
      listener.listen(port, host)
      await once(listener, "listening")
    },
    /** Takes no more connections, and resolves when the calls in flight are answered, or after `limitMs` without them. */
    async close(limitMs: number): Promise<void> {
      const timer = setTimeout(() => listener.closeAllConnections(), limitMs)
      const closed = once(listener, "close")
      listener.close()
      await closed
      clearTimeout(timer)
    },
  }
}
