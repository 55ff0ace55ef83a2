// Calls an API through the gateway of the emulator, which tells APIs apart by the Host header.
import { once } from "node:events"
import { readFileSync } from "node:fs"
import type { IncomingMessage } from "node:http"
import { Agent, request } from "node:https"
import { text } from "node:stream/consumers"
import type { ApiCall, Transport } from "../../test/steps/chat-api.ts"
import type { Emulator } from "../emulator/ministack.ts"

/** API Gateway gives up after 30 s; a function here starts in a second or two, more on a busy machine. */
const ANSWER_LIMIT_MS = 30_000

const queryOf = ({ query = {} }: ApiCall): string => {
  if (typeof query === "string") return query
  const pairs = Object.entries(query).map(([name, value]): [string, string] => [name, `${value}`])
  return new URLSearchParams(pairs).toString()
}

/** Returns a transport that sends `headers` with each call. */
export function gatewayTransport(
  { port, certificate }: Emulator,
  apiId: string,
  headers: Record<string, string>,
): Transport {
  // The certificate is for localhost, and not for the names of APIs below it.
  const agent = new Agent({ ca: readFileSync(certificate), servername: "localhost", keepAlive: true })
  return async (call) => {
    const { method = "GET", path, json } = call
    const query = queryOf(call)
    const body = json === undefined ? call.text : JSON.stringify(json)
    const sent = request({
      host: "127.0.0.1",
      agent,
      port,
      method,
      path: query === "" ? path : `${path}?${query}`,
      // fetch does not let a caller set Host, and not every resolver knows names below localhost.
      headers: {
        host: `${apiId}.execute-api.localhost:${port}`,
        ...(body !== undefined && { "content-type": "application/json", "content-length": Buffer.byteLength(body) }),
        ...headers,
        ...call.headers,
      },
      signal: AbortSignal.timeout(ANSWER_LIMIT_MS),
    })
    sent.end(body)
    const [answer] = (await once(sent, "response")) as [IncomingMessage]
    const received = await text(answer)
    const isJson = answer.headers["content-type"]?.includes("json") ?? false
    return {
      status: answer.statusCode,
      headers: answer.headers,
      text: received || undefined,
      body: isJson && received ? JSON.parse(received) : undefined,
    }
  }
}
