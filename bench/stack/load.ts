// Sends requests: as many as possible with autocannon, or at a steady rate with its own code, since autocannon sends
// the share of each second all at once.
import { Agent, request } from "node:http"
import { setTimeout as sleep } from "node:timers/promises"
import autocannon, { type Options, type Result } from "autocannon"

export type Answered = {
  /** The number of 2xx answers. */
  created: number
  /** The number of other answers, and of requests without one. */
  failed: number
  /** How often each failure occurred, by status or reason. */
  failures: Record<string, number>
  perSecond: number
  /** In ms, ascending. */
  latencies: number[]
}

/** `chats` are paths. */
type Load = { apiUrl: string; chats: string[] }

const MESSAGE = { body: "The quick brown fox jumps over the lazy dog, and the parcel is on its way." }
const BODY = JSON.stringify(MESSAGE)
const HEADERS = { "content-type": "application/json" }
/** Requests that may wait at a steady rate: more than a second's share of any rate used here. */
const SOCKETS_MAX = 2_000
/**
 * Shorter than the 5 s after which the server closes an idle connection, since a request sent into a closing one is
 * lost. (The agent follows the server's keep-alive hint only if it has a time-out itself.)
 */
const IDLE_SOCKET_MS = 3_000

/** Returns the p-th percentile (nearest rank) of ascending values. */
export const percentile = (sorted: readonly number[], p: number): number =>
  sorted[Math.max(0, Math.ceil((p / 100) * sorted.length) - 1)] ?? Number.NaN

const ascending = (values: number[]): number[] => values.toSorted((a, b) => a - b)

/** A request of a load, by default a GET without a body. */
export type Asked = {
  path: string
  method?: "GET" | "POST" | "PUT"
  body?: string
  headers?: Record<string, string>
}

export const creationIn = (chat: string): Asked => ({ path: `${chat}/messages`, method: "POST", body: BODY })

export const batchIn = (chat: string, messages: number): Asked => ({
  path: `${chat}/messages/batch`,
  method: "POST",
  body: JSON.stringify({ messages: Array(messages).fill(MESSAGE) }),
})

type Extent = { connections: number } & ({ amount: number } | { seconds: number })

/** Sends the requests in turn on several connections, each once the one before is answered. All but 2xx is failure. */
export async function ask(apiUrl: string, asked: readonly Asked[], extent: Extent): Promise<Answered> {
  const latencies: number[] = []
  let next = 0
  const { connections } = extent
  // Connections start far apart, so that they do not send the same request at nearly the same time.
  const stride = Math.max(1, Math.floor(asked.length / connections))
  const options: Options = {
    url: apiUrl,
    connections,
    ...("amount" in extent ? { amount: extent.amount } : { duration: extent.seconds }),
    // Each connection sends all requests, starting from a different one.
    setupClient(client) {
      const from = (next++ * stride) % asked.length
      const turned = [...asked.slice(from), ...asked.slice(0, from)]
      client.setRequests(
        turned.map(({ path, method = "GET", body, headers }) => ({
          ...{ path, method, headers: { ...(body === undefined ? {} : HEADERS), ...headers } },
          ...(body === undefined ? {} : { body }),
        })),
      )
    },
  }
  const started = performance.now()
  // Taken here, since autocannon's own duration ends with a whole second.
  let ended = started
  const result = await new Promise<Result>((resolve, reject) => {
    const run = autocannon(options, (error, done) => (error ? reject(error as Error) : resolve(done)))
    run.on("response", (_client, _status, _bytes, responseTime) => {
      ended = performance.now()
      latencies.push(responseTime)
    })
  })
  const created = result["2xx"]
  const failed = result.non2xx + result.errors
  const failures = { "not 2xx": result.non2xx, "no answer": result.errors }
  const perSecond = (created * 1000) / (ended - started)
  return { created, failed, failures, perSecond, latencies: ascending(latencies) }
}

/** Sends `amount` creations of messages on several connections, in turn to the chats. */
export const createMessages = ({ apiUrl, chats, ...extent }: Load & { connections: number; amount: number }) =>
  ask(apiUrl, chats.map(creationIn), extent)

/**
 * Sends requests at a steady rate, however slow the answers are; all but 201 are failures. Latency counts from when a
 * request was due, so that one that had to wait for slow ones counts as slow (no coordinated omission).
 */
export async function askSteadily(
  apiUrl: string,
  asked: readonly Asked[],
  { rate, seconds }: { rate: number; seconds: number },
): Promise<Answered> {
  const agent = new Agent({ keepAlive: true, maxSockets: SOCKETS_MAX, timeout: IDLE_SOCKET_MS })
  const latencies: number[] = []
  const outcomes = new Map<string, number>()
  const total = Math.round(rate * seconds)
  const answers: Promise<void>[] = []
  const started = performance.now()
  for (let index = 0; index < total; index++) {
    const due = started + (index / rate) * 1000
    const waitMs = due - performance.now()
    if (waitMs > 0) await sleep(waitMs)
    // Timers count whole milliseconds and may be early by less than one.
    const since = Math.min(due, performance.now())
    const answer = sendOnce(agent, apiUrl, asked[index % asked.length] as Asked).then((outcome) => {
      latencies.push(performance.now() - since)
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
    })
    answers.push(answer)
  }
  await Promise.all(answers)
  const created = outcomes.get("201") ?? 0
  const perSecond = created / ((performance.now() - started) / 1000)
  agent.destroy()
  outcomes.delete("201")
  return {
    created,
    failed: total - created,
    failures: Object.fromEntries(outcomes),
    perSecond,
    latencies: ascending(latencies),
  }
}

/** Sends creations of messages at a steady rate (askSteadily). */
export const createSteadily = ({ apiUrl, chats, ...extent }: Load & { rate: number; seconds: number }) =>
  askSteadily(apiUrl, chats.map(creationIn), extent)

/** Resolves to the status, or without an answer to the code of the error. */
function sendOnce(agent: Agent, apiUrl: string, { path, method = "GET", body = "", ...asked }: Asked): Promise<string> {
  return new Promise((resolve) => {
    const headers = { ...HEADERS, ...asked.headers, "content-length": Buffer.byteLength(body) }
    const sent = request(new URL(path, apiUrl), { method, agent, headers })
    const fail = (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message)
    sent.once("error", fail)
    sent.once("response", (response) => {
      response.resume()
      response.once("error", fail)
      response.once("end", () => resolve(String(response.statusCode)))
    })
    sent.end(body)
  })
}

async function post(url: string, body: object): Promise<{ token?: string; number?: number }> {
  const answer = await fetch(url, {
    method: "POST",
    headers: HEADERS,
    body: JSON.stringify(body),
  })
  if (answer.status !== 201) throw new Error(`POST ${new URL(url).pathname} answered ${answer.status}`)
  return (await answer.json()) as { token?: string; number?: number }
}

export type Chat = { path: string; application: string; chat: number }

/** Returns the chat with this path. */
export function chatOf(path: string): Chat {
  const [, , application = "", , chat] = path.split("/")
  return { path, application, chat: Number(chat) }
}

/** Creates `count` applications with a chat each, and returns the paths of the chats. */
export async function createChats(apiUrl: string, count: number): Promise<string[]> {
  const paths: string[] = []
  for (let index = 0; index < count; index++) {
    const { token } = await post(`${apiUrl}/applications`, { name: `bench ${index}` })
    const { number } = await post(`${apiUrl}/applications/${token}/chats`, {})
    paths.push(`/applications/${token}/chats/${number}`)
  }
  return paths
}
