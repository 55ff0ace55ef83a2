// A TCP forwarder to a server that can be cut, silenced and slowed.
import { once } from "node:events"
import { type AddressInfo, connect, createServer, type Socket } from "node:net"
import { setTimeout as sleep } from "node:timers/promises"

export type Forwarder = {
  /** The target's URL through the forwarder. */
  url: string
  /** Accepts connections again, on the same port. */
  open(): Promise<unknown>
  /** Breaks every connection and accepts no more. */
  shut(): Promise<void>
  /** While true, all data is lost in both directions; false breaks all connections, since they lost some. */
  hang(value: boolean): void
  /** From now on all data on the existing connections is lost; new ones work. */
  silence(): void
  /** Delays the server's data by `ms` from now on. */
  delay(ms: number): void
}

/** Returns a queue's URL at another endpoint. */
export const queueUrlAt = (url: string, endpoint: string): string => new URL(new URL(url).pathname, endpoint).href

/** Starts a forwarder to the server at `targetUrl`. */
export async function startForwarder(targetUrl: string): Promise<Forwarder> {
  const target = new URL(targetUrl)
  const sockets = new Set<Socket>()
  const silenced = new Set<Socket>()
  let silent = false
  let delayMs = 0
  const server = createServer((socket) => {
    const upstream = connect(Number(target.port), target.hostname)
    for (const one of [socket, upstream]) {
      sockets.add(one)
      one.on("error", () => undefined).on("close", () => sockets.delete(one))
    }
    const lost = () => silent || silenced.has(socket)
    socket.on("data", (data) => lost() || upstream.write(data)).on("close", () => upstream.destroy())
    upstream.on("data", async (data) => {
      if (delayMs > 0) await sleep(delayMs)
      if (!lost() && !socket.destroyed) socket.write(data)
    })
    upstream.on("close", () => socket.destroy())
  })
  const open = async (port = 0) => {
    await once(server.listen(port, "127.0.0.1"), "listening")
    return (server.address() as AddressInfo).port
  }
  const port = await open()
  const url = new URL(targetUrl)
  url.hostname = "127.0.0.1"
  url.port = String(port)
  return {
    url: url.href,
    open: () => open(port),
    shut: async () => {
      if (!server.listening) return
      const closed = once(server.close(), "close")
      for (const socket of sockets) socket.destroy()
      await closed
    },
    hang: (value) => {
      silent = value
      if (!value) for (const socket of sockets) socket.destroy()
    },
    silence: () => {
      for (const socket of sockets) silenced.add(socket)
    },
    delay: (ms) => {
      delayMs = ms
    },
  }
}
