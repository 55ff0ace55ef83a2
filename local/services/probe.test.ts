import type { AddressInfo } from "node:net"
import { createServer, type Server } from "node:net"
import { afterEach, describe, expect, test } from "@jest/globals"
import { isReady, requireFreePorts } from "./probe.ts"

const servers: Server[] = []
/** Starts a server that sends `greeting` to each connection, and `answer` to its first data. Returns its port. */
const listen = async (greeting: Uint8Array | string, answer = ""): Promise<number> => {
  const server = createServer((socket) => {
    if (greeting.length > 0) socket.write(greeting)
    socket.once("data", () => socket.end(answer))
    socket.on("error", () => {})
  })
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", () => resolve()))
  return (server.address() as AddressInfo).port
}
afterEach(() => {
  for (const server of servers.splice(0)) server.close()
})

describe("a port that is to be used", () => {
  test("that somebody listens on, when it is checked, is refused with what to do", async () => {
    const port = await listen("")
    await expect(requireFreePorts([{ label: "Redis", port, variable: "CHAT_REDIS_PORT" }])).rejects.toThrow(
      `Port ${port} for Redis is taken (or not allowed): stop the program that listens there, or choose another with CHAT_REDIS_PORT=${port + 1}.`,
    )
  })

  test("that is free, when it is checked, passes", async () => {
    const port = await listen("")
    await new Promise((resolve) => servers.pop()?.close(resolve))
    await requireFreePorts([{ label: "Redis", port, variable: "CHAT_REDIS_PORT" }])
  })
})

describe("whether a server is ready", () => {
  test("MySQL, by its greeting: ready; by an error in its place: not", async () => {
    const url = async (first: number) => `mysql://127.0.0.1:${await listen(Uint8Array.from([1, 0, 0, 0, first]))}/chat`
    expect(await isReady("mysql", await url(10))).toBe(true)
    expect(await isReady("mysql", await url(0xff))).toBe(false)
  })

  test.each([
    ["+PONG\r\n", true],
    ["-NOAUTH Authentication required.\r\n", true],
    ["-LOADING Redis is loading the dataset in memory\r\n", false],
  ])("Redis, by its answer %j: %s", async (answer, ready) => {
    expect(await isReady("redis", `redis://127.0.0.1:${await listen("", answer)}`)).toBe(ready)
  })

  test.each(["mysql", "redis", "elasticmq", "elasticsearch"] as const)("%s, with nobody there: not", async (name) => {
    expect(await isReady(name, "http://127.0.0.1:1")).toBe(false)
  })
})
