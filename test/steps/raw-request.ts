// Sends HTTP as raw bytes, for requests that no HTTP client would send.
import { connect } from "node:net"
import type { Answered } from "./gateway-event.ts"

/** Returns the last answer in what a server has sent on a connection. */
function parse(received: string): Answered {
  const [head = "", text = ""] = received.slice(received.lastIndexOf("HTTP/1.1 ")).split("\r\n\r\n")
  const [statusLine = "", ...lines] = head.split("\r\n")
  const headers = Object.fromEntries(
    lines.map((line) => {
      const [name = "", ...value] = line.split(":")
      return [name.toLowerCase(), value.join(":").trim()]
    }),
  )
  const body = headers["content-type"]?.includes("json") ? JSON.parse(text) : undefined
  return { status: Number(statusLine.split(" ")[1]), headers, text, body }
}

/**
 * Sends `request` unchanged to the API at `baseUrl`. Returns the answer once the connection is closed, by the server or
 * because the request asked for it (`Connection: close`).
 */
export async function sendRaw(baseUrl: string, request: string | Buffer): Promise<Answered> {
  const { hostname, port } = new URL(baseUrl)
  const socket = connect(Number(port), hostname)
  let received = ""
  socket.on("data", (data) => (received += String(data)))
  // The rest of a too large request may meet a closed connection.
  socket.on("error", () => {})
  socket.write(request)
  await new Promise((resolve) => socket.once("close", resolve))
  return parse(received)
}
