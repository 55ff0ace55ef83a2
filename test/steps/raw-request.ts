// HTTP as bytes on a connection, for what no HTTP client would send.
import { connect } from "node:net"
import type { Answered } from "./gateway-event.ts"

/** Returns the latest answer in what a server has sent on one connection. */
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
 * Sends `request` as it is to the API at `baseUrl`. Returns its answer, once the connection has been closed: by the
 * server, or because the request asked for it (`Connection: close`).
 */
export async function sendRaw(baseUrl: string, request: string | Buffer): Promise<Answered> {
  const { hostname, port } = new URL(baseUrl)
  const socket = connect(Number(port), hostname)
  let received = ""
  socket.on("data", (data) => (received += String(data)))
  // The rest of what is too large may meet a connection that is closed already.
  socket.on("error", () => {})
  socket.write(request)
  await new Promise((resolve) => socket.once("close", resolve))
  return parse(received)
}
