// The metrics that relay-outbox reports to CloudWatch, as lines in the embedded metric format.
import { afterEach, describe, expect, jest, test } from "@jest/globals"
import { handler } from "../../functions/relay-outbox.ts"
import { reportBacklog } from "../../lib/operate/metrics.ts"
import { outboxKey } from "../../lib/outbox/keys.ts"
import { defineScript } from "../../lib/outbox/scripts/define-script.ts"
import type { SearchStores } from "../../lib/stores.ts"
import { chatApi, directTransport } from "../steps/chat-api.ts"
import { drainQueues } from "../steps/drain.ts"
import { away, useTestStores, withEnvironment } from "../steps/stores.ts"

const stores = useTestStores()
const api = chatApi(directTransport())
const HOUR_MS = 3_600_000

const SET_FIELD = defineScript("set-field", {
  keys: ["hash"],
  args: ["field", "value"],
  returns: () => undefined,
  lua: "redis.call('HSET', hash_key, field, value) return {}",
})

type Directive = { Namespace: string; Dimensions: string[][]; Metrics: { Name: string; Unit: string }[] }
type Line = Record<string, unknown> & { _aws: { CloudWatchMetrics: Directive[] } }

/** Returns the lines of metrics that `act` writes to standard output. */
async function linesOf(act: () => Promise<unknown>): Promise<Line[]> {
  const written: string[] = []
  const spy = jest.spyOn(process.stdout, "write").mockImplementation((text) => {
    written.push(String(text))
    return true
  })
  try {
    await act()
  } finally {
    spy.mockRestore()
  }
  return written.filter((text) => text.includes('"_aws"')).map((text) => JSON.parse(text))
}

const report = (own: SearchStores = stores()) => linesOf(() => reportBacklog(own))
const oneOf = (lines: Line[]): Line => {
  expect(lines).toHaveLength(1)
  return lines[0] as Line
}
const runJob = () => (handler as unknown as (event: unknown, context: object) => Promise<void>)({}, {})

async function inStage<T>(run: () => Promise<T>): Promise<T> {
  process.env.METRICS_STAGE = "prod"
  return run()
}
afterEach(() => {
  delete process.env.METRICS_STAGE
})

describe("the metrics", () => {
  test("outside AWS: are none", async () => {
    expect(await linesOf(runJob)).toEqual([])
  })

  test("of stores at rest: are zeros, with the stage as their only dimension", async () => {
    await drainQueues(stores())
    const { _aws, ...values } = oneOf(await inStage(report))
    expect(values).toEqual({
      ...{ stage: "prod", OutboxEvents: 0, OutboxBytes: 0, OutboxDead: 0, OutboxAge: 0, OutboxFullest: 0 },
      ...{ ShardsUnsettled: 0, SearchLag: 0, IndexPending: 0, CountersDirty: expect.any(Number) },
    })
    expect(_aws.CloudWatchMetrics).toMatchObject([{ Namespace: "ChatBackend", Dimensions: [["stage"]] }])
    const units = _aws.CloudWatchMetrics[0]?.Metrics.map(({ Name, Unit }) => [Name, Unit]) ?? []
    expect(Object.fromEntries(units)).toMatchObject({
      OutboxAge: "Seconds",
      OutboxFullest: "Percent",
      SearchLag: "Seconds",
    })
  })

  test("of the scheduled function: are one line, beside that of the job", async () => {
    expect(oneOf(await inStage(() => linesOf(runJob)))).toMatchObject({ stage: "prod", ShardsUnsettled: 0 })
  })

  test("with writes that wait: count them, and tell how long the oldest has waited, and no token or name", async () => {
    await drainQueues(stores())
    const token = await api.givenApplication()
    await api.givenChat(token)
    const key = { application: token, chat: 9, message: 0 }
    const revision = String((Date.now() - HOUR_MS) * 1000)
    const event = JSON.stringify({ revision, ...key, created_at: 1, name: "a secret name" })
    await stores().redis.run(SET_FIELD, { hash: outboxKey(token.charAt(0)) }, { field: `${token}/9`, value: event })
    const line = oneOf(await inStage(report))
    expect(line).toMatchObject({ OutboxEvents: 3, OutboxDead: 0 })
    expect(line.OutboxAge).toBeGreaterThanOrEqual(HOUR_MS / 1000)
    expect(line.OutboxAge).toBeLessThan((HOUR_MS + 60_000) / 1000)
    expect(line.OutboxFullest).toBeCloseTo(100 * (3 / stores().config.OUTBOX_EVENTS_MAX), 3)
    expect(JSON.stringify(line)).not.toMatch(new RegExp(`${token}|secret name`))

    await stores().outbox.bury({ ...key, revision }, "planted")
    const buried = oneOf(await inStage(report))
    expect(buried).toMatchObject({ OutboxEvents: 3, OutboxDead: 1 })
    expect(buried.OutboxAge).toBeLessThan(60)
    await stores().outbox.remove(token.charAt(0), [{ ...key, revision }])
    await drainQueues(stores())
  })

  test("with messages to be indexed: tell how long the oldest has waited, dead ones aside", async () => {
    const row = { application: "z", chat: 1 }
    const revision = (hours: number) => (Date.now() - hours * HOUR_MS) * 1000
    await stores()
      .mysql.insertInto("pending_index")
      .values([
        { ...row, message: 1, revision: revision(1), due_at: new Date(0) },
        { ...row, message: 2, revision: revision(5), due_at: null },
      ])
      .execute()
    const { SearchLag } = oneOf(await inStage(report))
    expect(SearchLag).toBeGreaterThanOrEqual(HOUR_MS / 1000)
    expect(SearchLag).toBeLessThan((HOUR_MS + 60_000) / 1000)
    await stores().mysql.deleteFrom("pending_index").where("application", "=", "z").execute()
  })

  test.each([
    ["mysql", "SearchLag", "OutboxAge"],
    ["redis", "OutboxAge", "SearchLag"],
  ] as const)("without %s: lack %s, and have %s", async (dependency, missing, present) => {
    const line = oneOf(await inStage(() => withEnvironment(away(dependency), report)))
    expect([line[missing], line[present]]).toEqual([undefined, expect.any(Number)])
  })

  test("with neither MySQL nor Redis: are none", async () => {
    const both = { ...away("mysql"), ...away("redis") }
    expect(await inStage(() => withEnvironment(both, report))).toEqual([])
  })
})
