// If a link did not cut or delay, a campaign would prove nothing.
import { randomBytes } from "node:crypto"
import { once } from "node:events"
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net"
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals"
import { type RunningLink, startLink, together } from "./link.ts"

const DELAY_MS = 300
/** Much more than the buffers of all sockets involved. */
const LARGE_BYTES = 8_000_000
/** By another clock, timers may fire a millisecond early. */
const TIMER_ERROR_MS = 2

let echo: Server
let link: RunningLink
const open: Socket[] = []

beforeEach(async () => {
  echo = createServer({ allowHalfOpen: true }, (socket) => {
    open.push(socket)
    socket.on("error", () => undefined)
    socket.pipe(socket)
  })
  await once(echo.listen(0, "127.0.0.1"), "listening")
  link = await startLink({ host: "127.0.0.1", port: (echo.address() as AddressInfo).port })
})
afterEach(async () => {
  await link.stop()
  for (const socket of open.splice(0)) socket.destroy()
  await once(echo.close(), "close")
})

const dial = async (port = link.port): Promise<Socket> => {
  const socket = connect(port, "127.0.0.1")
  open.push(socket)
  await once(socket, "connect")
  return socket
}

/** Returns the answer to `text`, and after how many milliseconds it came. */
const say = async (socket: Socket, text: string) => {
  const started = performance.now()
  socket.write(text)
  const [data] = (await once(socket, "data")) as [Buffer]
  return { text: data.toString(), tookMs: performance.now() - started }
}

const codeOf = async (attempt: Promise<unknown>): Promise<unknown> =>
  attempt.then(
    () => "none",
    (error: NodeJS.ErrnoException) => error.code,
  )

describe("a link", () => {
  test("that is whole, when used, carries all in order and hands on the end of either side", async () => {
    const socket = await dial()
    const sent = randomBytes(LARGE_BYTES)
    const parts: Buffer[] = []
    socket.on("data", (part: Buffer) => parts.push(part))
    socket.end(sent)
    await once(socket, "end")
    expect(Buffer.concat(parts).equals(sent)).toBe(true)
  })

  test("that is cut, with a connection open, resets it and refuses others, until restored on the same port", async () => {
    const socket = await dial()
    expect((await say(socket, "before")).text).toBe("before")
    const broken = codeOf(once(socket, "data"))
    await link.cut()
    expect(await broken).toBe("ECONNRESET")
    expect(await codeOf(dial())).toBe("ECONNREFUSED")
    await link.cut()
    expect(await codeOf(dial())).toBe("ECONNREFUSED")

    await link.restore()
    expect((await say(await dial(), "after")).text).toBe("after")
  })

  test("that is cut, with a connection open, resets the server's side of it as well", async () => {
    const socket = await dial()
    socket.on("error", () => undefined)
    await say(socket, "before")
    const theServers = open.find((one) => one.remotePort !== link.port && one !== socket) as Socket
    const closed = new Promise((resolve) => theServers.once("close", resolve))
    await link.cut()
    await closed
  })

  test("to a server that is gone, when dialled, breaks the connection", async () => {
    const nowhere = await startLink({ host: "127.0.0.1", port: 1 })
    const socket = connect(nowhere.port, "127.0.0.1")
    expect(await codeOf(once(socket, "data"))).toBe("ECONNRESET")
    await nowhere.stop()
  })
})

describe("a link with a delay", () => {
  test("when used, keeps back each direction by so much, and not once restored", async () => {
    const socket = await dial()
    link.delay(DELAY_MS)
    const { text, tookMs } = await say(socket, "slow")
    expect(text).toBe("slow")
    expect(tookMs).toBeGreaterThanOrEqual(2 * DELAY_MS - TIMER_ERROR_MS)
    await link.restore()
    expect((await say(socket, "quick")).tookMs).toBeLessThan(2 * DELAY_MS)
  })

  test("that ends while data waits, when more is sent, keeps the order and loses nothing", async () => {
    const socket = await dial()
    let back = ""
    socket.on("data", (data) => {
      back += String(data)
    })
    link.delay(60_000)
    socket.write("first ")
    await new Promise((resolve) => setTimeout(resolve, 50))
    link.delay(10)
    socket.write("second ")
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(back).toBe("")
    await link.restore()
    socket.end("third")
    await once(socket, "end")
    expect(back).toBe("first second third")
  })
})

describe("links together", () => {
  test("when cut and slowed, are so all of them, until restored", async () => {
    const other = await startLink({ host: "127.0.0.1", port: (echo.address() as AddressInfo).port })
    const both = together(link, [other])
    const ports = [link.port, other.port]
    await both.cut()
    for (const port of ports) expect(await codeOf(dial(port))).toBe("ECONNREFUSED")
    await both.restore()
    both.delay(DELAY_MS)
    for (const port of ports) {
      const socket = await dial(port)
      expect((await say(socket, "slow")).tookMs).toBeGreaterThanOrEqual(2 * DELAY_MS - TIMER_ERROR_MS)
      socket.destroy()
    }
    await both.stop()
    for (const port of ports) expect(await codeOf(dial(port))).toBe("ECONNREFUSED")
  })
})
