/*
 * DESIGN: between the client and our functions stands the HTTP server of serverless-offline (hapi on Node.js), which has
 * opinions of its own: it parses and decodes bodies, answers preflights and ranges, and refuses what it does not like in
 * words of its own. API Gateway does none of this. So the server gets limits of ours, and is extended in three ways:
 *
 * 1. Before hapi sees a request it is made neutral (neutral-request.ts): hapi finds nothing to have an opinion about, and
 *    the function gets what the client sent, the body as its bytes. What HTTP itself does not allow is refused here.
 * 2. An answer that no function of ours made becomes a problem like all others.
 * 3. What Node.js refuses before there is a request (`clientError`) is answered with a problem too, on the bare socket.
 *
 * Promised: every answer of the server is problem+json or made by a function of ours, and has the usual headers.
 * Absent: the limits of API Gateway, which differ from Node.js'; docs/gateway.md compares the two.
 */
import type { IncomingMessage, Server, ServerResponse } from "node:http"
import type { Socket } from "node:net"
import type { ErrorCode } from "../../lib/errors.ts"
import { neutralize, refusalOf } from "./neutral-request.ts"
import { answerRaw, problemFor, type ServerProblem } from "./server-problem.ts"

/** What is used of hapi: it has types, but they come with another version of it than serverless-offline's. */
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

/** A request, body included, has to be here in full by then: at 13 KB/s the largest one is. */
const REQUEST_LIMIT_MS = 10_000
/** How often Node.js looks for requests that have had their time. */
const REQUEST_CHECK_INTERVAL_MS = 1_000
/**
 * What Node.js reads of a request line and headers before it gives up on the connection. More than what is served
 * (neutral-request.ts), so that most of what is too large still is a request that can be answered.
 */
const HEADER_BYTES_READ_MAX = 64 * 1024

/** The problem that each status means, of those that the server itself gives. */
const CODES: Readonly<Record<number, ErrorCode>> = {
  400: "bad_request",
  404: "not_found",
  408: "request_timeout",
  413: "body_too_large",
  415: "unsupported_media_type",
}

/** Replaces whatever was not made by one of our functions, all of whose answers have a request id. */
function replaceForeignAnswer({ raw, response }: HapiRequest, h: HapiToolkit): unknown {
  if (response.isBoom !== true && response.headers["x-request-id"] !== undefined) {
    // The emulator gives every answer a type.
    if (response.statusCode === 204) delete response.headers["content-type"]
    return h.continue
  }
  const status = response.output?.statusCode ?? response.statusCode
  const problem = problemFor(CODES[status] ?? "internal_error", raw.req)
  const answer = h.response(problem.body).code(problem.status)
  for (const [name, value] of Object.entries(problem.headers)) answer.header(name, value)
  return answer
}

/** Refuses a request once all of it has arrived: a client that is still sending would meet a closed connection. */
function refuse(request: IncomingMessage, response: ServerResponse, { status, headers, body }: ServerProblem): void {
  const answer = () => response.writeHead(status, { ...headers, connection: "close" }).end(body)
  if (request.headers.expect !== undefined) answer()
  else request.resume().once("end", answer)
}

type Exchange = { request: IncomingMessage; response: ServerResponse }
type ClientError = Error & { code?: string; bytesParsed?: number; rawPacket?: Buffer }

/** The problem behind an error of Node.js' parser. */
function codeOf({ code, rawPacket }: ClientError, socket: Socket): ErrorCode {
  if (code === "ERR_HTTP_REQUEST_TIMEOUT") return "request_timeout"
  if (code === "HPE_CHUNK_EXTENSIONS_OVERFLOW") return "body_too_large"
  if (code !== "HPE_HEADER_OVERFLOW") return "bad_request"
  // Only the latest packet is known: where it is the first one too and has no end of a line, the request line is too long.
  const isFirstLine = rawPacket?.length === socket.bytesRead && !rawPacket.includes("\n")
  return isFirstLine ? "uri_too_long" : "headers_too_large"
}

/** Adds to `server`, which has all its routes and does not listen yet, what this file promises. */
export function extendServer(server: HapiServer): void {
  const { listener } = server
  const exchanges = new WeakMap<Socket, Exchange>()
  // Ranges of JSON are of no use to anybody.
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
  // Without this Node.js answers 417 with nothing; an expectation that is not understood may be ignored.
  listener.on("checkExpectation", (request, response) => listener.emit("request", request, response))
  listener.on("connect", (request, socket: Socket) => answerRaw(socket, problemFor("bad_request", request)))

  // Whatever comes after the first error of a connection is another one; by then it has its answer.
  const failed = new WeakSet<Socket>()
  listener.removeAllListeners("clientError")
  listener.on("clientError", (error: ClientError, socket: Socket) => {
    if (failed.has(socket)) return
    failed.add(socket)
    if (!socket.writable || error.code === "ECONNRESET") return void socket.destroy()
    const { request, response } = exchanges.get(socket) ?? {}
    const isOfRequest = request?.complete === false
    // A response that has begun cannot be followed by another one to the same request.
    if (isOfRequest && response?.headersSent) return void socket.destroy()
    const answer = () => answerRaw(socket, problemFor(codeOf(error, socket), isOfRequest ? request : undefined))
    // What is wrong may follow a request that is still being worked on: that one is answered first.
    if (isOfRequest || response === undefined || response.writableFinished) answer()
    else response.once("close", answer)
  })
}
