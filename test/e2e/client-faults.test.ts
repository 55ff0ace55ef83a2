// The client behind a proxy that loses, cuts, refuses and delays answers of the real API: each write is done once, and
// each list and follower gets everything once and in order.
import { setTimeout as sleep } from "node:timers/promises"
import { afterEach, describe, expect, test } from "@jest/globals"
import { ChatClient, type Message, PreconditionFailedError } from "../../client/src/index.ts"
import { eventually } from "../steps/eventually.ts"
import { type Fault, type FaultProxy, SLOW_MS, startFaultProxy } from "../steps/fault-proxy.ts"
import { useRunningApi } from "../steps/running-api.ts"

const FAULTS: Fault[] = ["lost", "cut", "hidden", "unavailable", "limited", "limited until", "slow"]
/** How many attempts of a call may fail; below the client's retries, so that each call succeeds. */
const FAULTS_OF_CALL_MAX = 3
const FAULTY_SHARE = 0.5
const WRITERS = 8
const MESSAGES = 80
const BATCHED = 250
const FOLLOW_LIMIT_MS = 60_000

const { api } = useRunningApi()
const proxies: FaultProxy[] = []
afterEach(() => {
  for (const proxy of proxies.splice(0)) proxy.close()
})

/** Returns a client behind a proxy that does `faults`, one after the other, to half of all requests. */
async function connect(faults: Fault[] = FAULTS) {
  let turn = 0
  const proxy = await startFaultProxy(api().baseUrl, ({ attempt }) =>
    attempt < FAULTS_OF_CALL_MAX && Math.random() < FAULTY_SHARE ? faults[turn++ % faults.length] : undefined,
  )
  proxies.push(proxy)
  return { proxy, client: new ChatClient({ url: proxy.url, timeoutMs: SLOW_MS / 2 }) }
}

/** Returns a client whose first attempt of each call but GET meets `fault`. */
async function connectWith(fault: Fault) {
  const proxy = await startFaultProxy(api().baseUrl, ({ method, attempt }) =>
    method !== "GET" && attempt === 0 ? fault : undefined,
  )
  proxies.push(proxy)
  return new ChatClient({ url: proxy.url, timeoutMs: SLOW_MS / 2 })
}

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const item of items) all.push(item)
  return all
}

const bodiesOf = (messages: Message[]): string[] => messages.map(({ body }) => body)
const numbersTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 1)

describe("writers in parallel under all faults", () => {
  test("each message is there once, with the number that its writer got, and a follower gets each once", async () => {
    const { client, proxy } = await connect()
    const application = await client.createApplication({ name: "Faulty" })
    const chat = await application.createChat({ name: "Parallel" })
    const end = new AbortController()
    const followed: string[] = []
    const following = (async () => {
      for await (const change of application.changes({ signal: end.signal }))
        if (change.type === "message.created") followed.push(`${change.number} ${change.data.body}`)
    })()

    const work = numbersTo(MESSAGES).values()
    const sent: string[] = []
    const write = async () => {
      for (const item of work) sent[(await chat.send(`message ${item}`)) - 1] = `message ${item}`
    }
    await Promise.all(Array.from({ length: WRITERS }, write))

    expect(sent.length).toBe(MESSAGES)
    const listed = await collect(chat.messages())
    expect(listed.map(({ number }) => number)).toEqual(numbersTo(MESSAGES))
    expect(bodiesOf(listed)).toEqual(sent)
    await eventually(() => expect(followed.length).toBeGreaterThanOrEqual(MESSAGES), FOLLOW_LIMIT_MS)
    end.abort()
    await expect(following).rejects.toBe(end.signal.reason)
    expect(followed).toEqual(sent.map((body, index) => `${index + 1} ${body}`))
    expect([...proxy.done.keys()].sort()).toEqual([...FAULTS].sort())
  })

  test("batches are there once, in the order given, over all pages of a list in either order", async () => {
    const { client } = await connect()
    const chat = await (await client.createApplication({ name: "Faulty" })).createChat()
    const bodies = numbersTo(BATCHED).map((number) => `line ${number}`)
    expect(await chat.sendBatch(bodies)).toEqual(numbersTo(BATCHED))
    expect(bodiesOf(await collect(chat.messages()))).toEqual(bodies)
    expect(bodiesOf(await collect(chat.messages({ order: "desc" })))).toEqual(bodies.toReversed())
    expect(bodiesOf(await collect(chat.messages({ after: 20, before: 240 })))).toEqual(bodies.slice(20, 239))
  })
})

describe("a write of which the answer is lost", () => {
  test.each<Fault>(["lost", "cut", "hidden", "slow"])("(%s): is done once", async (fault) => {
    const client = await connectWith(fault)
    const application = await client.createApplication({ name: "Once" })
    expect(await collect(application.chats())).toEqual([])
    const chat = await application.createChat({ name: "Once" })
    expect([chat.number, await chat.send("Hello"), await chat.sendBatch(["a", "b"])]).toEqual([1, 1, [2, 3]])
    expect((await chat.updateMessage(1, { body: "Changed" })).body).toBe("Changed")
    expect((await chat.replaceMessage(2, { body: "Given anew" })).body).toBe("Given anew")
    expect(await chat.deleteMessage(3)).toBeUndefined()
    expect(bodiesOf(await collect(chat.messages()))).toEqual(["Changed", "Given anew"])
    expect(await chat.delete()).toBeUndefined()
    expect(await application.delete()).toBeUndefined()
    await expect(application.get()).rejects.toMatchObject({ code: "not_found" })
  })

  test("of one with If-Match: it is done, and the error says that it may be", async () => {
    const client = await connectWith("lost")
    const chat = await (await client.createApplication({ name: "Conditional" })).createChat()
    await chat.send("Hello")
    const message = await chat.getMessage(1)
    const thrown = await chat.updateMessage(1, { body: "Changed" }, { ifMatch: message }).catch((error) => error)
    expect(thrown).toBeInstanceOf(PreconditionFailedError)
    expect(thrown.isAfterLostAnswer).toBe(true)
    expect((await chat.getMessage(1)).body).toBe("Changed")
  })

  test("and the batches after it fail: the same call again, with the same key, sends the rest and nothing twice", async () => {
    let isAway = false
    let batches = 0
    const proxy = await startFaultProxy(api().baseUrl, ({ url }) => {
      if (!url.endsWith("/batch")) return undefined
      return isAway && batches++ > 0 ? "unavailable" : undefined
    })
    proxies.push(proxy)
    const client = new ChatClient({ url: proxy.url, retries: 0 })
    const chat = await (await client.createApplication({ name: "Interrupted" })).createChat()
    const bodies = numbersTo(BATCHED).map((number) => `line ${number}`)
    isAway = true
    await expect(chat.sendBatch(bodies, { idempotencyKey: "import-1" })).rejects.toMatchObject({ status: 503 })
    expect(await collect(chat.messages())).toHaveLength(100)
    isAway = false
    expect(await chat.sendBatch(bodies, { idempotencyKey: "import-1" })).toEqual(numbersTo(BATCHED))
    expect(bodiesOf(await collect(chat.messages()))).toEqual(bodies)
  })
})

describe("a follower", () => {
  test("outlasts an outage that is longer than its retries, and goes on from a saved cursor elsewhere", async () => {
    const proxy = await startFaultProxy(api().baseUrl)
    proxies.push(proxy)
    const client = new ChatClient({ url: proxy.url })
    const impatient = new ChatClient({ url: proxy.url, retries: 1 })
    const application = await client.createApplication({ name: "Followed" })
    const chat = await application.createChat()
    const other = await application.createChat()
    const received: string[] = []
    const follow = async (cursor: string | undefined, signal: AbortSignal) => {
      const changes = impatient.application(application.token).changes({ chat: chat.number, cursor, signal })
      let saved = cursor
      try {
        for await (const page of changes.pages()) {
          received.push(...page.data.flatMap(({ data }) => (data && "body" in data ? [data.body] : [])))
          saved = page.cursor
        }
      } catch (error) {
        if (!signal.aborted) throw error
      }
      return saved
    }
    const first = new AbortController()
    const following = follow(undefined, first.signal)
    await chat.sendBatch(["one", "two"])
    await other.send("elsewhere")
    await eventually(() => expect(received).toEqual(["one", "two"]), FOLLOW_LIMIT_MS)
    proxy.away(true)
    await sleep(3_000)
    proxy.away(false)
    await chat.send("three")
    await eventually(() => expect(received).toEqual(["one", "two", "three"]), FOLLOW_LIMIT_MS)
    first.abort()
    const saved = await following
    await chat.send("four")
    const second = new AbortController()
    const again = follow(saved, second.signal)
    await eventually(() => expect(received).toEqual(["one", "two", "three", "four"]), FOLLOW_LIMIT_MS)
    second.abort()
    await again
  })
})
