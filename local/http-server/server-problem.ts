import { randomUUID } from "node:crypto"
import { type IncomingMessage, STATUS_CODES } from "node:http"
import type { Socket } from "node:net"
import { ERROR_TEXTS } from "../../lib/error-texts.ts"
import { ApiError, type ErrorCode } from "../../lib/errors.ts"
import { ANSWER_HEADERS, ownRequestId } from "../../lib/http/reply/answer-headers.ts"
import { baseUrl } from "../../lib/http/reply/base-url.ts"
import { corsHeaders } from "../../lib/http/reply/cors.ts"
import { problem } from "../../lib/http/reply/problem.ts"
import { joinedHeaders } from "./requests.ts"

/** An answer that comes from the server itself. */
export type ServerProblem = { status: number; headers: Record<string, string>; body: string }

/** Returns the problem `code` as a function would answer it, to `request` if there is one. */
export function problemFor(code: ErrorCode, request: IncomingMessage | undefined): ServerProblem {
  const asked = request ? Object.fromEntries(joinedHeaders(request.rawHeaders)) : {}
  const requestId = ownRequestId(asked) ?? randomUUID()
  const told = new ApiError(code, ERROR_TEXTS[code].meaning)
  const { status, headers, body = "" } = problem(told, { requestId, base: baseUrl(asked) })
  const all = { ...ANSWER_HEADERS, ...corsHeaders(asked, false), "x-request-id": requestId, ...headers }
  return { status, headers: { ...all, "content-length": String(Buffer.byteLength(body)) }, body }
}

/** Long enough for the client to read its answer, which a reset of the connection could discard. */
const LINGER_MS = 1_000

/** Writes an answer to a socket for which Node.js has no response object, and closes it. */
export function answerRaw(socket: Socket, { status, headers, body }: ServerProblem): void {
  const lines = Object.entries({ ...headers, connection: "close" }).map(([name, value]) => `${name}: ${value}\r\n`)
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join("")}\r\n${body}`)
  socket.on("error", () => socket.destroy())
  socket.resume()
  setTimeout(() => socket.destroy(), LINGER_MS).unref()
}
