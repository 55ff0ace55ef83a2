/**
 * A TCP proxy that can be cut and slowed. Data keeps its order even when the delay changes. A cut resets all
 * connections and closes the port, so that new ones are refused. Absent: a delay of the handshake (connections are
 * accepted at once), and the loss of single packets.
 */
import { once } from "node:events"
import { type AddressInfo, connect, createServer, type Socket } from "node:net"
import { setTimeout as sleep } from "node:timers/promises"
import type { Link } from "./target.ts"

/** With more than this waiting in one direction, a connection is not read until some has been sent. */
const WAITING_BYTES_MAX = 1_048_576
/** Another program's outgoing connection may have taken the port while the link was cut. */
const REOPEN_ATTEMPTS = 100
const REOPEN_POLL_MS = 100

export type LinkEnd = { host: string; port: number }

/** A running link, which listens on `port`. */
export type RunningLink = Link & { port: number; isOpen(): boolean; stop(): Promise<void> }

/** Passes data from one socket to the other, `delayMs()` later. `flush` sends all waiting data at once. */
const carry = (from: Socket, to: Socket, delayMs: () => number): { flush(): void } => {
  // A chunk of undefined is the end of the stream.
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
    // Queued, so that it does not overtake earlier data with a longer delay.
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

/**
 * Starts a link to a server, on a free port at `host`. A function is asked for the server at each connection; without one
 * the connection is closed.
 */
export const startLink = async (
  server: LinkEnd | (() => LinkEnd | undefined),
  host = "127.0.0.1",
): Promise<RunningLink> => {
  const sockets = new Set<Socket>()
  const flushes = new Set<() => void>()
  let delayMs = 0
  const listener = createServer({ allowHalfOpen: true, noDelay: true }, (near) => {
    const end = typeof server === "function" ? server() : server
    if (end === undefined) return near.resetAndDestroy()
    const far = connect({ ...end, allowHalfOpen: true, noDelay: true })
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
  const delay: Link["delay"] = (ms) => {
    delayMs = ms
    if (ms === 0) for (const flush of flushes) flush()
  }
  return {
    port,
    isOpen: () => listener.listening,
    cut,
    delay,
    restore: async () => {
      delay(0)
      await reopen()
    },
    stop: cut,
  }
}

/** Returns links that are cut, slowed, restored and stopped together, with the port of the first. */
export const together = (first: RunningLink, others: readonly RunningLink[]): RunningLink => {
  const all = [first, ...others]
  const each = async (act: (link: RunningLink) => Promise<void>) => void (await Promise.all(all.map(act)))
  return {
    port: first.port,
    isOpen: first.isOpen,
    cut: () => each((link) => link.cut()),
    delay: (ms) => {
      for (const link of all) link.delay(ms)
    },
    restore: () => each((link) => link.restore()),
    stop: () => each((link) => link.stop()),
  }
}
