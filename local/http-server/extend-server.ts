/*
 * DESIGN. Makes the HTTP server of serverless-offline (hapi on Node.js) behave like API Gateway. On its own it parses
 * and decodes bodies, answers preflights and ranges, and refuses requests in its own words.
 *
 * 1. Before hapi sees a request, neutral-request.ts removes what hapi would act on, so that the function gets what the
 *    client sent, the body as bytes. Requests that HTTP does not allow are refused here.
 * 2. An answer that did not come from one of the functions is replaced by a problem.
 * 3. What Node.js refuses before there is a request (`clientError`) is answered with a problem on the raw socket.
 *
 * Promised: every answer is problem+json or comes from one of the functions, and has the usual headers.
 * Absent: the limits of API Gateway, which differ from those here; docs/gateway.md compares them.
 */
import type { IncomingMessage, Server, ServerResponse } from "node:http"
import type { Socket } from "node:net"
import type { ErrorCode } from "../../lib/errors.ts"
import { neutralize, refusalOf } from "./neutral-request.ts"
import { answerRaw, problemFor, type ServerProblem } from "./server-problem.ts"

/** The parts of hapi that are used; its published types are for another version than serverless-offline's. */
type HapiRequest = {
  raw: { req: IncomingMessage }
  response: { isBoom?: boolean; output?: { statusCode: number }; statusCode: number; headers: Record<string, unknown> }
}
type HapiResponse = { code(status: number): HapiResponse; header(name: string, value: string): HapiResponse }
type HapiToolkit = { continue: symbol; response(body?: string): HapiResponse }
export type HapiServer = {
  listener: Server
  table(): { settings: { response: { ranges: boolean } } }[]
  ext(event: "onPreResponse", method: (request: HapiRequest, h: HapiToolkit) => unknown): void
}

/** A request, body included, must arrive within this time; the largest one does at 13 KB/s, a batch at 105 KB/s. */
const REQUEST_LIMIT_MS = 10_000
/** How often Node.js looks for requests that are past their limit. */
const REQUEST_CHECK_INTERVAL_MS = 1_000
/**
 * Node.js gives up on a connection whose request line and headers are larger. It is more than the API allows
 * (neutral-request.ts), so that most requests that are too large can still be answered.
 */
const HEADER_BYTES_READ_MAX = 64 * 1024

/** The problem for each status that the server itself gives. */
const CODES: Readonly<Record<number, ErrorCode>> = {
  400: "bad_request",
  404: "not_found",
  408: "request_timeout",
  413: "body_too_large",
  415: "unsupported_media_type",
}

/** Replaces an answer that did not come from one of the functions, whose answers all have a request id. */
function replaceForeignAnswer({ raw, response }: HapiRequest, h: HapiToolkit): unknown {
  if (response.isBoom !== true && response.headers["x-request-id"] !== undefined) {
    // The emulator gives every answer a content type.
    if (response.statusCode === 204) delete response.headers["content-type"]
    return h.continue
  }
  const status = response.output?.statusCode ?? response.statusCode
  const problem = problemFor(CODES[status] ?? "internal_error", raw.req)
  const answer = h.response(problem.body).code(problem.status)
  for (const [name, value] of Object.entries(problem.headers)) answer.header(name, value)
  return answer
}

/** Refuses a request once all of it has arrived; a client that is still sending would find the connection closed. */
function refuse(request: IncomingMessage, response: ServerResponse, { status, headers, body }: ServerProblem): void {
  const answer = () => response.writeHead(status, { ...headers, connection: "close" }).end(body)
  if (request.headers.expect !== undefined) answer()
  else request.resume().once("end", answer)
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

/** Extends `server`, which must have all its routes and not listen yet, as described at the top of this file. */
export function extendServer(server: HapiServer): void {
  const { listener } = server
  const exchanges = new WeakMap<Socket, Exchange>()
  // Ranges of a JSON document are of no use.
  for (const { settings } of server.table()) settings.response.ranges = false
  server.ext("onPreResponse", replaceForeignAnswer)

  Object.assign(listener, {
    requireHostHeader: false,
    requestTimeout: REQUEST_LIMIT_MS,
    headersTimeout: REQUEST_LIMIT_MS,
    connectionsCheckingInterval: REQUEST_CHECK_INTERVAL_MS,
    maxHeaderSize: HEADER_BYTES_READ_MAX,
  })

  for (const event of ["request", "checkContinue"] as const) {
    const [dispatch] = listener.listeners(event) as ((request: IncomingMessage, response: ServerResponse) => void)[]
    listener.removeAllListeners(event)
    listener.on(event, (request: IncomingMessage, response: ServerResponse) => {
      exchanges.set(request.socket, { request, response })
      const refusal = refusalOf(request)
      if (refusal !== undefined) return refuse(request, response, problemFor(refusal, request))
      neutralize(request)
      dispatch?.(request, response)
    })
  }
  // Without this, Node.js answers an unknown expectation, which may be ignored, with an empty 417.
  listener.on("checkExpectation", (request, response) => listener.emit("request", request, response))
  listener.on("connect", (request, socket: Socket) => answerRaw(socket, problemFor("bad_request", request)))

  // Only the first error of a connection is answered; any data after it raises another.
  const failed = new WeakSet<Socket>()
  listener.removeAllListeners("clientError")
  listener.on("clientError", (error: ClientError, socket: Socket) => {
    if (failed.has(socket)) return
    failed.add(socket)
    if (!socket.writable || error.code === "ECONNRESET") return void socket.destroy()
    const { request, response } = exchanges.get(socket) ?? {}
    const isOfRequest = request?.complete === false
    // Once a response has begun, the same request cannot get another one.
    if (isOfRequest && response?.headersSent) return void socket.destroy()
    const answer = () => answerRaw(socket, problemFor(codeOf(error, socket), isOfRequest ? request : undefined))
    // The error may follow a request that is still being handled, which is answered first.
    if (isOfRequest || response === undefined || response.writableFinished) answer()
    else response.once("close", answer)
  })
}
