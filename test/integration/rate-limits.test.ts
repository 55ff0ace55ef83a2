import { randomUUID } from "node:crypto"
import { describe, expect, jest, test } from "@jest/globals"
import type { RedisClient } from "../../lib/clients/redis.ts"
import { slotOf } from "../../lib/clients/redis-topology.ts"
import { log } from "../../lib/log.ts"
import { createMessage, listMessages, updateMessage } from "../../lib/messages.ts"
import { idempotencyHash } from "../../lib/outbox/idempotency.ts"
import { applicationKey, lifeKey, shardOf } from "../../lib/outbox/keys.ts"
import { createOutbox } from "../../lib/outbox/outbox.ts"
import { limitRequest } from "../../lib/outbox/rates.ts"
import { chatApi, directTransport, expectStatus } from "../steps/chat-api.ts"
import { eventually } from "../steps/eventually.ts"
import { expectProblem } from "../steps/expect-problem.ts"
import type { Answered } from "../steps/gateway-event.ts"
import { withRedis } from "../steps/redis.ts"
import { away, useTestStores, withEnvironment } from "../steps/stores.ts"
import { callOf, givenWorld, pathOf, STAGES, TARGETS } from "../steps/world.ts"

const stores = useTestStores()
const call = directTransport()
const api = chatApi(call)

/** Within this, a bucket has room for another request. */
const REFILL_LIMIT_MS = 10_000

const remaining = ({ headers }: Answered): number => Number(/r=(\d+)/.exec(String(headers.ratelimit))?.[1])

/** Counts up to addresses that no other test uses. */
let addresses = 0
const newAddress = () => `198.51.100.${++addresses}`
const from = (address: string) =>
  chatApi((asked) => call({ ...asked, headers: { ...asked.headers, "x-forwarded-for": address } }))

const limited = (limits: { application?: number; address?: number }, action: () => Promise<unknown>) =>
  withEnvironment(
    {
      RATE_LIMIT_APPLICATION: String(limits.application ?? 0),
      RATE_LIMIT_ADDRESS: String(limits.address ?? 0),
      TRUSTED_PROXIES: "1",
    },
    action,
  )

/** Creates an application in the shard "A". */
async function givenApplicationOfShardA(): Promise<string> {
  for (;;) {
    const key = randomUUID()
    if (idempotencyHash({ key, path: "/applications" }).shard !== "A") continue
    return expectStatus(await api.createApplication({ name: "in A" }, { key }), 201).token
  }
}

describe("an application", () => {
  test("at its limit, is refused with 429 and told when to come again, and no number is used", async () => {
    const { token, chat, message } = await givenWorld(api, stores(), "pending")
    await limited({ application: 3 }, async () => {
      for (const left of [2, 1, 0]) {
        const { status, headers } = await api.createMessage(token, chat)
        expect(status).toBe(201)
        expect(headers["ratelimit-policy"]).toBe('"application";q=3;w=60')
        expect(headers.ratelimit).toBe(`"application";r=${left};t=${(3 - left) * 20}`)
      }
      for (let attempt = 0; attempt < 3; attempt++) {
        const refused = await api.createMessage(token, chat)
        expectProblem(refused, 429, "rate_limited")
        expect(refused.headers.ratelimit).toMatch(/^"application";r=0;t=(60|5\d)$/)
        expect(refused.headers["ratelimit-policy"]).toBe('"application";q=3;w=60')
        const wait = Number(refused.headers["retry-after"])
        expect(wait).toBeGreaterThan(10)
        expect(wait).toBeLessThanOrEqual(20)
      }
    })
    expect(await api.givenMessage(token, chat)).toBe(message + 4)
    const { data } = expectStatus(await api.listMessages(token, chat), 200)
    expect(data.map(({ number }: { number: number }) => number)).toEqual([1, 2, 3, 4, 5])
  })

  test("at its limit, has another request as soon as its share of the minute is over", async () => {
    const token = await api.givenApplication()
    await limited({ application: 30 }, async () => {
      await Promise.all(Array.from({ length: 31 }, () => api.getApplication(token)))
      expectProblem(await api.getApplication(token), 429, "rate_limited")
      await eventually(async () => void expectStatus(await api.getApplication(token), 200), REFILL_LIMIT_MS)
    })
  })

  test("called by many at once, admits exactly its limit, and the numbers are dense", async () => {
    const token = await api.givenApplication()
    await limited({ application: 10 }, async () => {
      const answers = await Promise.all(Array.from({ length: 40 }, () => api.createChat(token)))
      const numbers = answers.filter(({ status }) => status === 201).map(({ body }) => body.number)
      expect(numbers.sort((a, b) => a - b)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
      expect(answers.filter(({ status }) => status === 429)).toHaveLength(30)
    })
  })

  test("at its limit, does not disturb another", async () => {
    const [one, other] = [await givenApplicationOfShardA(), await givenApplicationOfShardA()]
    await limited({ application: 1 }, async () => {
      expectStatus(await api.getApplication(one), 200)
      expectProblem(await api.getApplication(one), 429, "rate_limited")
      expectStatus(await api.getApplication(other), 200)
    })
  })

  test.each(STAGES)(
    "of which all is %s, has every call below it counted once and refused at the limit",
    async (stage) => {
      // A batch counts once for each of its messages: create-message-batch.test.ts.
      const { createApplication, listApplications, createMessageBatch, ...targets } = TARGETS
      for (const target of Object.values(targets)) {
        const world = await givenWorld(api, stores(), stage)
        const asked = callOf(target, pathOf(target.template, world))
        await limited({ application: 2 }, async () => {
          expectStatus(await api.getApplication(world.token), 200)
          const answer = await call(asked)
          expect([target, answer.status, remaining(answer)]).toEqual([target, target.success, 0])
          expectProblem(await call(asked), 429, "rate_limited")
        })
      }
    },
  )

  test("that must be verified first, has its creation counted once", async () => {
    const token = await api.givenApplication()
    await withRedis((redis) => redis.hdel(applicationKey(token), "g"))
    await limited({ application: 5 }, async () => expect(remaining(await api.createChat(token))).toBe(4))
  })

  test("refused an update or a delete, is as it was", async () => {
    const token = await api.givenApplication("first name")
    await limited({ application: 1 }, async () => {
      await api.getApplication(token)
      expectProblem(await api.updateApplication(token, { name: "other" }), 429, "rate_limited")
      expectProblem(await api.deleteApplication(token), 429, "rate_limited")
    })
    expect(expectStatus(await api.getApplication(token), 200).name).toBe("first name")
  })

  test("refused, leaves its Idempotency-Key unused", async () => {
    const token = await api.givenApplication()
    const key = randomUUID()
    await limited({ application: 1 }, async () => {
      await api.getApplication(token)
      expectProblem(await api.createChat(token, { name: "one" }, { key }), 429, "rate_limited")
    })
    const created = await api.createChat(token, { name: "two" }, { key })
    expect([created.body.number, created.headers["idempotency-replayed"]]).toEqual([1, undefined])
  })
})

describe("an address", () => {
  test("at its limit in a shard, is refused for all applications of it, and others are not", async () => {
    const [one, other] = [await givenApplicationOfShardA(), await givenApplicationOfShardA()]
    const [flooding, calm] = [newAddress(), newAddress()]
    await limited({ address: 2 }, async () => {
      expectStatus(await from(flooding).getApplication(one), 200)
      expectStatus(await from(flooding).getApplication(other), 200)
      for (const token of [one, other]) expectProblem(await from(flooding).getApplication(token), 429, "rate_limited")
      for (const token of [one, other]) expectStatus(await from(calm).getApplication(token), 200)
    })
  })

  test("of IPv6, is one with its whole network of 64 bits", async () => {
    const token = await api.givenApplication()
    await limited({ address: 1 }, async () => {
      expectStatus(await from("2001:db8:1:2::1").getApplication(token), 200)
      expectProblem(await from("2001:db8:1:2:ffff::2").getApplication(token), 429, "rate_limited")
      expectStatus(await from("2001:db8:1:3::1").getApplication(token), 200)
    })
  })

  test("that a client makes up, does not count: behind a proxy only its entry does, without one none", async () => {
    const token = await api.givenApplication()
    const real = newAddress()
    await limited({ address: 1 }, async () => {
      expectStatus(await from(`203.0.113.1, ${real}`).getApplication(token), 200)
      expectProblem(await from(`203.0.113.2, ${real}`).getApplication(token), 429, "rate_limited")
    })
    await withEnvironment({ RATE_LIMIT_ADDRESS: "1" }, async () => {
      expectStatus(await from("203.0.113.1").getApplication(token), 200)
      expectProblem(await from("203.0.113.2").getApplication(token), 429, "rate_limited")
    })
  })

  test("that lists applications, is counted once; one that creates them, too", async () => {
    const address = newAddress()
    await limited({ address: 2 }, async () => {
      for (const left of [1, 0]) expect(remaining(await from(address).listApplications())).toBe(left)
      expectProblem(await from(address).listApplications(), 429, "rate_limited")
    })
    const creating = from(newAddress())
    await limited({ address: 1, application: 1 }, async () => {
      const key = randomUUID()
      const created = await creating.createApplication({ name: "one" }, { key })
      expect(created.headers["ratelimit-policy"]).toBe('"address";q=1;w=60')
      const refused = await creating.createApplication({ name: "one" }, { key })
      expectProblem(refused, 429, "rate_limited")
    })
  })

  test("at its limit, takes nothing from the application's, and both are told", async () => {
    const token = await api.givenApplication()
    const address = newAddress()
    await limited({ application: 5, address: 1 }, async () => {
      const first = await from(address).getApplication(token)
      expect(first.headers["ratelimit-policy"]).toBe('"application";q=5;w=60, "address";q=1;w=60')
      expect(first.headers.ratelimit).toBe('"application";r=4;t=12, "address";r=0;t=60')
      const refused = await from(address).getApplication(token)
      expectProblem(refused, 429, "rate_limited")
      expect(refused.headers.ratelimit).toMatch(/^"application";r=4;t=\d+, "address";r=0;t=\d+$/)
    })
  })
})

describe("rate limits", () => {
  test("that are not set, are in no answer", async () => {
    const { headers } = await api.getApplication(await api.givenApplication())
    expect(Object.keys(headers).filter((name) => name.startsWith("ratelimit"))).toEqual([])
  })

  test("do not hold while Redis is away: reads are answered", async () => {
    const { token } = await givenWorld(api, stores(), "stored")
    await withEnvironment({ ...away("redis"), RATE_LIMIT_APPLICATION: "1" }, async () => {
      for (let time = 0; time < 3; time++) expectStatus(await api.getApplication(token), 200)
    })
  })

  test("do not hold for health and documents", async () => {
    await limited({ address: 1 }, async () => {
      for (const path of ["/health", "/health/ready", "/openapi.json", "/docs", "/health", "/docs"])
        expect([path, (await call({ path })).status]).toEqual([path, 200])
    })
  })

  test("are in the log as the code of the request", async () => {
    const token = await api.givenApplication()
    const info = jest.spyOn(log, "info").mockImplementation(() => undefined)
    await limited({ application: 1 }, async () => {
      await api.getApplication(token)
      await api.getApplication(token)
    })
    const lines = info.mock.calls
    info.mockRestore()
    expect(lines).toContainEqual(["request", expect.objectContaining({ status: 429, code: "rate_limited" })])
  })

  test("lie in the slot of the script that judges them, which is the request's first", async () => {
    const { token, chat, message } = await givenWorld(api, stores(), "stored")
    const { redis, config } = stores()
    const ran: string[][] = []
    const watched: RedisClient = {
      ...redis,
      run: (script, keys, args) => {
        ran.push(script.keysOf(keys))
        return redis.run(script, keys, args)
      },
    }
    const outbox = createOutbox(watched, { eventsMax: config.OUTBOX_EVENTS_MAX, bytesMax: config.OUTBOX_BYTES_MAX })
    const limits = { RATE_LIMIT_APPLICATION: 1000, RATE_LIMIT_ADDRESS: 1000 }
    const request = () =>
      limitRequest(
        { ...stores(), redis: watched, outbox, config: { ...config, ...limits } },
        { sourceIp: newAddress(), forwardedFor: undefined, noteStandings: () => undefined },
      )
    for (const act of [
      () => createMessage(request(), token, chat, { body: "new" }, { key: randomUUID(), path: "/" }),
      () => updateMessage(request(), token, chat, message, { body: "changed" }),
      () => listMessages(request(), token, chat, { limit: 5, order: "asc" }),
    ]) {
      ran.length = 0
      await act()
      const buckets = ran.map((keys) => keys.filter((key) => key.includes(":rate:")).length)
      expect(buckets).toEqual([2, ...buckets.slice(1).map(() => 0)])
      for (const keys of ran) expect(new Set(keys.map(slotOf))).toEqual(new Set([slotOf(lifeKey(shardOf(token)))]))
    }
  })
})
