/**
 * DESIGN: a TCP proxy that can be cut and slowed. What goes through keeps its order, also when the delay changes while
 * something waits. A cut resets every connection and closes the port, so that a new one is refused as by a machine that
 * is not there. Absent: a delay of the handshake (connections are accepted at once), and loss of single packets.
 */
import { once } from "node:events"
import { type AddressInfo, connect, createServer, type Socket } from "node:net"
import { setTimeout as sleep } from "node:timers/promises"
import type { Link } from "./target.ts"

/** A connection that waits longer than this in one direction is not read any further until some of it has gone. */
const WAITING_BYTES_MAX = 1_048_576
/** Another program's outgoing connection may have taken the port while the link was cut. */
const REOPEN_ATTEMPTS = 100
const REOPEN_POLL_MS = 100

export type LinkEnd = { host: string; port: number }

/** A link that runs: `port` is where it listens. */
export type RunningLink = Link & { port: number; stop(): Promise<void> }

/** Carries what comes from one socket to the other, `delayMs()` later. Returns how to let go all that waits. */
const carry = (from: Socket, to: Socket, delayMs: () => number): { flush(): void } => {
  // undefined is the end of what `from` has to say.
  const waiting: { chunk: Buffer | undefined; due: number }[] = []
  let waitingBytes = 0
  let timer: NodeJS.Timeout | undefined

  const hand = (chunk: Buffer | undefined) => {
    if (to.destroyed) return
    if (chunk === undefined) to.end()
    else if (!to.write(chunk)) {
      from.pause()
      to.once("drain", () => from.resume())
    }
  }
  const release = (until: number) => {
    timer = undefined
    while (waiting[0] && waiting[0].due <= until) {
      const { chunk } = waiting.shift() as { chunk: Buffer | undefined }
      waitingBytes -= chunk?.length ?? 0
      hand(chunk)
    }
    if (waitingBytes < WAITING_BYTES_MAX && to.writableNeedDrain === false) from.resume()
    const next = waiting[0]
    if (next) timer = setTimeout(() => release(performance.now()), Math.max(1, next.due - performance.now()))
  }
  const take = (chunk: Buffer | undefined) => {
    const delay = delayMs()
    if (delay === 0 && waiting.length === 0) return hand(chunk)
    // In a queue: it does not overtake what came earlier and was delayed by more.
    waiting.push({ chunk, due: performance.now() + delay })
    waitingBytes += chunk?.length ?? 0
    if (waitingBytes >= WAITING_BYTES_MAX) from.pause()
    if (timer === undefined) release(performance.now())
  }
  from.on("data", take).on("end", () => take(undefined))
  to.once("close", () => clearTimeout(timer))
  return {
    flush: () => {
      clearTimeout(timer)
      release(Number.POSITIVE_INFINITY)
    },
  }
}

/** Starts a link to a server, listening on a port of its own at `host`. */
export const startLink = async (server: LinkEnd, host = "127.0.0.1"): Promise<RunningLink> => {
  const sockets = new Set<Socket>()
  const flushes = new Set<() => void>()
  let delayMs = 0
  const listener = createServer({ allowHalfOpen: true, noDelay: true }, (near) => {
    const far = connect({ ...server, allowHalfOpen: true, noDelay: true })
    const carriers = [carry(near, far, () => delayMs), carry(far, near, () => delayMs)]
    const flush = () => {
      for (const carrier of carriers) carrier.flush()
    }
    flushes.add(flush)
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(one)
      one.on("error", () => other.resetAndDestroy())
      one.on("close", () => {
        sockets.delete(one)
        flushes.delete(flush)
        other.destroySoon()
      })
    }
  })
  const open = async (port: number) => {
    listener.listen(port, host)
    await once(listener, "listening")
    return (listener.address() as AddressInfo).port
  }
  const port = await open(0)

  const cut = async () => {
    if (!listener.listening) return
    const closed = once(listener, "close")
    listener.close()
    for (const socket of sockets) socket.resetAndDestroy()
    await closed
  }
  const reopen = async () => {
    for (let attempt = 1; !listener.listening; attempt++) {
      try {
        await open(port)
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "EADDRINUSE" || attempt === REOPEN_ATTEMPTS) throw error
        await sleep(REOPEN_POLL_MS)
      }
    }
  }
  const delay = (ms: number) => {
    delayMs = ms
    if (ms === 0) for (const flush of flushes) flush()
  }
  return {
    port,
    cut,
    delay,
    restore: async () => {
      delay(0)
      await reopen()
    },
    stop: cut,
  }
}
