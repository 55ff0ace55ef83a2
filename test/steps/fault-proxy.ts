// A proxy before the API that loses, cuts, refuses and delays answers, as networks and gateways do.
import { once } from "node:events"
import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { setTimeout as sleep } from "node:timers/promises"

export type Fault =
  /** The API answers, and the connection ends before the client has any of it. */
  | "lost"
  /** The connection ends amid the answer. */
  | "cut"
  /** The API answers, and the client is told 503. */
  | "hidden"
  /** The API is not asked: 503, or 429, with Retry-After in seconds or as a date. */
  | "unavailable"
  | "limited"
  | "limited until"
  /** The answer comes late. */
  | "slow"

export type FaultProxy = {
  url: string
  /** How often each fault was done. */
  done: Map<Fault, number>
  /** Refuses all requests by ending their connections. */
  away(value: boolean): void
  close(): void
}

/** Chooses the fault for a request, which `attempt` (from 0) of the client's call it is. */
type Choose = (request: { method: string; url: string; attempt: number }) => Fault | undefined

/** How late a slow answer is: later than a client waits in these tests. */
export const SLOW_MS = 1_500

const PROBLEM = { "content-type": "application/problem+json" }
/** Dates have whole seconds, so one that is a second away may come out as now. */
const untilDate = () => new Date(Date.now() + 1_000).toUTCString()

function refuse(response: ServerResponse, status: number, retryAfter: string): void {
  const code = status === 429 ? "rate_limited" : "unavailable"
  response.writeHead(status, { ...PROBLEM, "retry-after": retryAfter })
  response.end(JSON.stringify({ status, code, detail: "By the proxy.", request_id: "of the proxy" }))
}

/** Sends a request on as it came, and returns the whole answer as it came, compressed if it is. */
async function forward(target: string, { method, url, headers }: IncomingMessage, body: Buffer) {
  const sent = request(`${target}${url}`, { method, headers, agent: false })
  sent.end(body)
  const [answer] = (await once(sent, "response")) as [IncomingMessage]
  return { answer, bytes: Buffer.concat(await Array.fromAsync(answer)) }
}

async function pass(target: string, from: IncomingMessage, response: ServerResponse, fault?: Fault): Promise<void> {
  const { answer, bytes } = await forward(target, from, Buffer.concat(await Array.fromAsync(from)))
  if (fault === "lost") return void response.destroy()
  if (fault === "hidden") return refuse(response, 503, "0")
  if (fault === "slow") await sleep(SLOW_MS)
  const { connection: _connection, "transfer-encoding": _encoding, ...headers } = answer.headers
  response.writeHead(answer.statusCode ?? 0, { ...headers, "content-length": bytes.length })
  if (fault !== "cut") return void response.end(bytes)
  response.write(bytes.subarray(0, bytes.length / 2))
  await sleep(0)
  response.destroy()
}

/** Starts a proxy to the API at `target` that does to each request what `choose` says. */
export async function startFaultProxy(target: string, choose: Choose = () => undefined): Promise<FaultProxy> {
  const done = new Map<Fault, number>()
  let isAway = false
  const server = createServer((from, response) => {
    const { method = "", url = "", headers } = from
    const attempt = Number(/\.(\d+)$/.exec(String(headers["x-request-id"]))?.[1])
    const fault = choose({ method, url, attempt })
    if (isAway) return void response.destroy()
    if (fault) done.set(fault, (done.get(fault) ?? 0) + 1)
    if (fault === "unavailable") return refuse(response, 503, "1")
    if (fault === "limited") return refuse(response, 429, "1")
    if (fault === "limited until") return refuse(response, 429, untilDate())
    pass(target, from, response, fault).catch(() => response.destroy())
  })
  await once(server.listen(0, "127.0.0.1"), "listening")
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    done,
    away: (value) => {
      isAway = value
    },
    close: () => {
      server.closeAllConnections()
      server.close()
    },
  }
}
