import { connect, createServer } from "node:net"
import { LaunchFailure } from "../failure.ts"
import type { ServiceName } from "./settings.ts"

/** A server on this machine or network that takes longer to answer is not ready. */
const PROBE_LIMIT_MS = 2000
/** The protocol version in MySQL's greeting, the first byte after the header; 0xff would be an error. */
const MYSQL_GREETING = 10
const MYSQL_HEADER_BYTES = 4

/** Connects, sends `opening`, and returns the first bytes of the answer. */
const firstAnswer = (url: URL, usualPort: number, opening: string): Promise<Buffer> =>
  new Promise((resolve, reject) => {
    const host = url.hostname.replace(/^\[|\]$/g, "")
    const socket = connect({ host, port: Number(url.port || usualPort), timeout: PROBE_LIMIT_MS })
    const fail = (error?: Error) => {
      socket.destroy()
      reject(error ?? new Error(`no answer from ${url.host}`))
    }
    socket.once("connect", () => opening && socket.write(opening))
    socket.once("data", (data) => {
      socket.destroy()
      resolve(data)
    })
    socket.once("timeout", () => fail())
    socket.once("error", fail)
    socket.once("close", () => fail())
  })

const httpAnswer = (url: URL, path: string) => {
  // fetch refuses a URL with a password in it.
  const login = url.username && `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`
  const headers = login ? { authorization: `Basic ${Buffer.from(login).toString("base64")}` } : {}
  const address = new URL(`${url.origin}${url.pathname.replace(/\/$/, "")}${path}`)
  return fetch(address, { headers, signal: AbortSignal.timeout(PROBE_LIMIT_MS) })
}

const PROBES: Record<ServiceName, (url: URL) => Promise<boolean>> = {
  mysql: async (url) => (await firstAnswer(url, 3306, ""))[MYSQL_HEADER_BYTES] === MYSQL_GREETING,
  // TLS would need a handshake first; here a connection must do, and the client reports anything else.
  redis: async (url) =>
    url.protocol === "rediss:" || /^(\+PONG|-NOAUTH)/.test((await firstAnswer(url, 6379, "PING\r\n")).toString()),
  elasticmq: async (url) => (await httpAnswer(url, "/?Action=ListQueues")).status < 500,
  elasticsearch: async (url) =>
    (await httpAnswer(url, "/_cluster/health?wait_for_status=yellow&timeout=1s")).status < 408,
}

/** Returns whether a server is ready: it greets (MySQL), answers PING, lists its queues, or is at least yellow. */
export const isReady = (name: ServiceName, url: string): Promise<boolean> =>
  PROBES[name](new URL(url)).catch(() => false)

/** Returns whether a program could listen on a port now. */
export const canListen = (port: number, host: string): Promise<boolean> =>
  new Promise<boolean>((resolve) => {
    const server = createServer()
    // An address that this machine lacks (no IPv6) is not taken.
    server.once("error", (error: NodeJS.ErrnoException) =>
      resolve(error.code !== "EADDRINUSE" && error.code !== "EACCES"),
    )
    server.listen({ port, host, exclusive: true }, () => server.close(() => resolve(true)))
  })

/** A port that is about to be used, what uses it, and the variable that changes it. */
export type PortClaim = { label: string; port: number; variable: string }

/** Returns the message for a port that is taken. */
const takenPortMessage = ({ label, port, variable }: PortClaim): string =>
  `Port ${port} for ${label} is taken (or not allowed): stop the program that listens there, or choose another with ${variable}=${port + 1}.`

/** Checks that the ports are free. @throws LaunchFailure that names the port and the variable that changes it. */
export const requireFreePorts = async (claims: readonly PortClaim[]): Promise<void> => {
  for (const claim of claims) {
    for (const host of ["127.0.0.1", "::1"]) {
      if (!(await canListen(claim.port, host))) throw new LaunchFailure(takenPortMessage(claim))
    }
  }
}
