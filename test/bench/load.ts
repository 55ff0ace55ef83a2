// Creations of messages by autocannon, spread evenly over some chats.
import autocannon, { type Options, type Result } from "autocannon"

export type Creations = {
  apiUrl: string
  /** Paths of chats. */
  chats: string[]
  connections: number
  /** Requests per second in all, each sent when it is due; as many as possible unless given. */
  rate?: number
} & ({ seconds: number } | { amount: number })

export type Answered = {
  created: number
  /** Any other answer, and none. */
  failed: number
  perSecond: number
  /** ms, ascending, of every answer. */
  latencies: number[]
}

const BODY = JSON.stringify({ body: "The quick brown fox jumps over the lazy dog, and the parcel is on its way." })

/** The p-th percentile (nearest rank) of ascending values. */
export const percentile = (sorted: readonly number[], p: number): number =>
  sorted[Math.max(0, Math.ceil((p / 100) * sorted.length) - 1)] ?? Number.NaN

/**
 * Sends them and waits for their answers. With a rate, take so many connections that each has an answer long before its
 * next request is due: then no late answer holds a request back, and the slow ones count as what they are
 * (autocannon's own correction of coordinated omission is off, since it takes 1 ms for the interval of any rate).
 */
export async function createMessages({ apiUrl, chats, connections, rate, ...extent }: Creations): Promise<Answered> {
  const latencies: number[] = []
  let next = 0
  const options: Options = {
    url: apiUrl,
    connections,
    ...("seconds" in extent ? { duration: extent.seconds } : { amount: extent.amount }),
    ...(rate === undefined ? {} : { overallRate: rate }),
    ignoreCoordinatedOmission: true,
    requests: [
      {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: BODY,
        setupRequest: (request) => ({ ...request, path: `${chats[next++ % chats.length]}/messages` }),
      },
    ],
  }
  const result = await new Promise<Result>((resolve, reject) => {
    const run = autocannon(options, (error, done) => (error ? reject(error as Error) : resolve(done)))
    run.on("response", (_client, _status, _bytes, responseTime) => latencies.push(responseTime))
  })
  latencies.sort((a, b) => a - b)
  return {
    created: result["2xx"],
    failed: result.non2xx + result.errors,
    perSecond: result["2xx"] / result.duration,
    latencies,
  }
}

async function post(url: string, body: object): Promise<{ token?: string; number?: number }> {
  const answer = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  })
  if (answer.status !== 201) throw new Error(`POST ${new URL(url).pathname} answered ${answer.status}`)
  return (await answer.json()) as { token?: string; number?: number }
}

/** One chat in each of `count` new applications. Answers their paths. */
export async function createChats(apiUrl: string, count: number): Promise<string[]> {
  const paths: string[] = []
  for (let index = 0; index < count; index++) {
    const { token } = await post(`${apiUrl}/applications`, { name: `bench ${index}` })
    const { number } = await post(`${apiUrl}/applications/${token}/chats`, {})
    paths.push(`/applications/${token}/chats/${number}`)
  }
  return paths
}
