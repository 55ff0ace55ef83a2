// The HTTP client of the load: keep-alive connections, a time-out, no retries. It reports outcomes and judges none.
import { Agent, request } from "node:http"

/** Longer than the API may take for any answer (9 s), so that no answer comes after a client has given up. */
const CLIENT_TIMEOUT_MS = 12_000
const SOCKETS_MAX = 64

export type Call = {
  method: string
  path: string
  json?: unknown
  key?: string
  /** The value of If-Match. */
  ifMatch?: string
  requestId?: string
  timeoutMs?: number
}

/** The outcome of an attempt. `status` is 0 if there was no answer; `reason` says why. */
export type Answer = {
  status: number
  /** The parsed body; undefined if it is not JSON. */
  body: unknown
  replayed: boolean
  etag: string | undefined
  retryAfterMs: number | undefined
  reason: string
  /** When the request was sent (ms since 1970), and how long the answer took. */
  sentAt: number
  tookMs: number
}

export type Client = { call(call: Call): Promise<Answer>; close(): void }

function parseJson(text: string): unknown {
  try {
    return text === "" ? undefined : JSON.parse(text)
  } catch {
    return undefined
  }
}

/** Returns a client of the API at `baseUrl`. It never throws; `onAnswer` is called for every attempt. */
export function connectClient(baseUrl: string, onAnswer: (call: Call, answer: Answer) => void = () => {}): Client {
  const agent = new Agent({ keepAlive: true, maxSockets: SOCKETS_MAX })

  function exchange(call: Call): Promise<Omit<Answer, "sentAt" | "tookMs">> {
    return new Promise((resolve) => {
      const none = { status: 0, body: undefined, replayed: false, etag: undefined, retryAfterMs: undefined }
      const text = call.json === undefined ? undefined : JSON.stringify(call.json)
      const headers: Record<string, string | number> = {}
      if (text !== undefined) {
        headers["content-type"] = "application/json"
        headers["content-length"] = Buffer.byteLength(text)
      }
      if (call.key !== undefined) headers["idempotency-key"] = call.key
      if (call.ifMatch !== undefined) headers["if-match"] = call.ifMatch
      if (call.requestId !== undefined) headers["x-request-id"] = call.requestId
      const sent = request(new URL(call.path, baseUrl), { method: call.method, headers, agent })
      const timer = setTimeout(() => sent.destroy(new Error("no answer in time")), call.timeoutMs ?? CLIENT_TIMEOUT_MS)
      const fail = (error: NodeJS.ErrnoException) => {
        clearTimeout(timer)
        resolve({ ...none, reason: error.code ?? error.message })
      }
      sent.once("error", fail)
      sent.once("response", (response) => {
        const chunks: Buffer[] = []
        response.on("data", (chunk: Buffer) => chunks.push(chunk))
        response.once("error", fail)
        response.once("end", () => {
          clearTimeout(timer)
          const received = Buffer.concat(chunks).toString()
          const retryAfter = Number(response.headers["retry-after"])
          resolve({
            status: response.statusCode ?? 0,
            body: parseJson(received),
            replayed: response.headers["idempotency-replayed"] === "true",
            etag: response.headers.etag,
            retryAfterMs: retryAfter > 0 ? retryAfter * 1000 : undefined,
            reason: (response.statusCode ?? 0) < 400 ? "" : received.slice(0, 500),
          })
        })
      })
      sent.end(text)
    })
  }

  return {
    async call(call) {
      const sentAt = Date.now()
      const started = performance.now()
      const answer = { ...(await exchange(call)), sentAt, tookMs: performance.now() - started }
      onAnswer(call, answer)
      return answer
    },
    close: () => agent.destroy(),
  }
}
