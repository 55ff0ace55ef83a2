// A server that answers as a test says, for what the API does rarely or never.
import { once } from "node:events"
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { afterAll } from "@jest/globals"

export type Received = { method: string; url: string; headers: IncomingMessage["headers"]; body: string }
type Reply = (response: ServerResponse, received: Received) => void

/** Answers with a status, headers and a body. */
export const reply =
  (status: number, body: unknown = {}, headers: Record<string, string> = {}): Reply =>
  (response) =>
    response
      .writeHead(status, { "content-type": "application/json", ...headers })
      .end(typeof body === "string" ? body : JSON.stringify(body))

/** Answers with a problem as the API does. */
export const problem = (status: number, code: string, headers: Record<string, string> = {}): Reply =>
  reply(status, { status, code, detail: `It is ${code}.`, request_id: "theirs" }, headers)

/** Ends the connection without an answer. */
export const hangUp: Reply = (response) => response.destroy()

/** Begins an answer and ends amid it. */
export const cut: Reply = (response) => {
  response.writeHead(200, { "content-length": "1000" }).write('{"data":[')
  setImmediate(() => response.destroy())
}

/** Leaves the request without an answer. */
export const silence: Reply = () => undefined

/** Starts a server that gives one reply after the other, the last one again and again. */
export async function serve(...replies: Reply[]): Promise<{ url: string; received: Received[] }> {
  const received: Received[] = []
  const server = createServer(async (request, response) => {
    let body = ""
    for await (const chunk of request) body += chunk
    const { method = "", url = "", headers } = request
    const last: Received = { method, url, headers, body }
    const next = replies[Math.min(received.length, replies.length - 1)]
    received.push(last)
    next?.(response, last)
  })
  await once(server.listen(0, "127.0.0.1"), "listening")
  servers.push(() => {
    server.closeAllConnections()
    server.close()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, received }
}

const servers: (() => void)[] = []
afterAll(() => {
  for (const close of servers) close()
})
