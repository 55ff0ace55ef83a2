// Creations of messages, spread evenly over some chats: as many as possible by autocannon, or at a steady rate by
// ourselves, since autocannon sends each second's share at once at its beginning.
import { Agent, request } from "node:http"
import { setTimeout as sleep } from "node:timers/promises"
import autocannon, { type Options, type Result } from "autocannon"

export type Answered = {
  /** The number of 2xx answers. */
  created: number
  /** Any other answer, and none. */
  failed: number
  /** The answers other than 201, or the reasons for none, and how often. */
  failures: Record<string, number>
  perSecond: number
  /** ms, ascending, of every answer. */
  latencies: number[]
}

/** `chats`: paths. */
type Load = { apiUrl: string; chats: string[] }

const BODY = JSON.stringify({ body: "The quick brown fox jumps over the lazy dog, and the parcel is on its way." })
const HEADERS = { "content-type": "application/json" }
/** Requests that may wait at a steady rate: more than a second's share of any rate asked for here. */
const SOCKETS_MAX = 2_000
/**
 * The server closes an idle connection after 5 s, and what is sent into one just closed is lost. (The agent goes by the
 * time that the server tells only if it has one itself.)
 */
const IDLE_SOCKET_MS = 3_000

/** The p-th percentile (nearest rank) of ascending values. */
export const percentile = (sorted: readonly number[], p: number): number =>
  sorted[Math.max(0, Math.ceil((p / 100) * sorted.length) - 1)] ?? Number.NaN

const ascending = (values: number[]): number[] => values.toSorted((a, b) => a - b)

/** A request of a load; what is not told is a GET without a body. */
export type Asked = { path: string; method?: "GET" | "POST"; body?: string }

export const creationIn = (chat: string): Asked => ({ path: `${chat}/messages`, method: "POST", body: BODY })

type Extent = { connections: number } & ({ amount: number } | { seconds: number })

/**
 * Sends these requests in turn on several connections, each as soon as the one before is answered. Any answer but 2xx
 * is a failure.
 */
export async function ask(apiUrl: string, asked: readonly Asked[], extent: Extent): Promise<Answered> {
  const latencies: number[] = []
  let next = 0
  const { connections } = extent
  // Far apart, lest all of them ask for the same at nearly the same time.
  const stride = Math.max(1, Math.floor(asked.length / connections))
  const options: Options = {
    url: apiUrl,
    connections,
    ...("amount" in extent ? { amount: extent.amount } : { duration: extent.seconds }),
    // Each connection asks for all of them, from another one on.
    setupClient(client) {
      const from = (next++ * stride) % asked.length
      const turned = [...asked.slice(from), ...asked.slice(0, from)]
      client.setRequests(
        turned.map(({ path, method = "GET", body }) => ({
          path,
          method,
          ...(body === undefined ? {} : { body, headers: HEADERS }),
        })),
      )
    },
  }
  const started = performance.now()
  // The tool itself ends with a whole second.
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

/** Sends `amount` creations on several connections. */
export const createMessages = ({ apiUrl, chats, ...extent }: Load & { connections: number; amount: number }) =>
  ask(apiUrl, chats.map(creationIn), extent)

/**
 * Sends requests at a steady rate for some seconds, whatever has been answered; each is to be answered 201. A latency
 * counts from the moment when the request was due, so one that had to wait because others were slow counts as slow (no
 * coordinated omission).
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
    // Timers count whole milliseconds, and may be early by less than one.
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

/** Sends creations at a steady rate, as `askSteadily`. */
export const createSteadily = ({ apiUrl, chats, ...extent }: Load & { rate: number; seconds: number }) =>
  askSteadily(apiUrl, chats.map(creationIn), extent)

/** Resolves to the status, or to the code of the error without an answer. */
function sendOnce(agent: Agent, apiUrl: string, { path, method = "GET", body = "" }: Asked): Promise<string> {
  return new Promise((resolve) => {
    const headers = { ...HEADERS, "content-length": Buffer.byteLength(body) }
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

/** A chat by its path. */
export function chatOf(path: string): Chat {
  const [, , application = "", , chat] = path.split("/")
  return { path, application, chat: Number(chat) }
}

/** One chat in each of `count` new applications. Returns their paths. */
export async function createChats(apiUrl: string, count: number): Promise<string[]> {
  const paths: string[] = []
  for (let index = 0; index < count; index++) {
    const { token } = await post(`${apiUrl}/applications`, { name: `bench ${index}` })
    const { number } = await post(`${apiUrl}/applications/${token}/chats`, {})
    paths.push(`/applications/${token}/chats/${number}`)
  }
  return paths
}
