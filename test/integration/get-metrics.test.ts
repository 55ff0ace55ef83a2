import { expect, test } from "@jest/globals"
import type { Dependency } from "../../lib/errors.ts"
import { GAUGES } from "../../lib/operate/prometheus.ts"
import type { SearchStores } from "../../lib/stores.ts"
import { chatApi, directTransport } from "../steps/chat-api.ts"
import { deliver, drainQueues, sqsRecord } from "../steps/drain.ts"
import { type Samples, samplesOf } from "../steps/samples.ts"
import { away, useTestStores, withEnvironment } from "../steps/stores.ts"

const stores = useTestStores()
const api = chatApi(directTransport())
const HOUR_MS = 3_600_000

async function scrape(): Promise<Samples & { text: string }> {
  const { status, headers, text = "" } = await api.call({ path: "/metrics" })
  expect([status, headers["content-type"]]).toEqual([200, "text/plain; version=0.0.4; charset=utf-8"])
  return Object.assign(samplesOf(text), { text })
}

/** Scrapes with stores of its own, so that no status is kept from an earlier scrape. */
const scrapeAfresh = (act: (own: SearchStores) => Promise<void> = async () => undefined, changes = {}) =>
  withEnvironment(changes, async (own) => {
    await act(own)
    return scrape()
  })

test("a scrape of stores at rest: has every gauge, with the stores up and nothing waiting", async () => {
  await drainQueues(stores())
  const { names, sampleOf } = await scrapeAfresh()
  expect(GAUGES.map(({ name }) => name).filter((name) => !names.has(name))).toEqual([])
  for (const store of ["mysql", "redis", "sqs", "elasticsearch"]) expect(sampleOf("chat_store_up", { store })).toBe(1)
  expect(sampleOf("chat_queue_messages", { queue: "persist-writes", state: "visible" })).toBe(0)
  expect(sampleOf("chat_dead_letters", { queue: "index-messages" })).toBe(0)
  expect([sampleOf("chat_outbox_events"), sampleOf("chat_outbox_oldest_age_seconds")]).toEqual([0, 0])
  expect(sampleOf("chat_index_pending", { state: "due" })).toBe(0)
  expect(sampleOf("chat_redis_used_bytes")).toBeGreaterThan(100_000)
  expect(sampleOf("process_start_time_seconds")).toBeLessThanOrEqual(Date.now() / 1_000)
})

test("requests: are counted by function and status, with their times", async () => {
  const before = await scrape()
  await api.call({ path: "/health" })
  await api.call({ path: "/applications/none" })
  const after = await scrape()
  // The tests' context names each function so.
  const grown = (name: string, labels: Record<string, string>) =>
    after.sampleOf(name, labels, 0) - before.sampleOf(name, labels, 0)
  const labels = { function: "some-function" }
  expect(grown("chat_requests_total", { ...labels, status: "404" })).toBe(1)
  // The first scrape is counted once it has been answered.
  expect(grown("chat_requests_total", { ...labels, status: "200" })).toBe(2)
  expect(grown("chat_request_duration_seconds_count", labels)).toBe(3)
  expect(grown("chat_request_duration_seconds_bucket", { ...labels, le: "+Inf" })).toBe(3)
})

test("consumers: count batches and events by what became of them, and the time in the queue", async () => {
  await drainQueues(stores())
  const before = await scrape()
  await api.givenApplication()
  await drainQueues(stores())
  await deliver("persist", [sqsRecord("no events")])
  const after = await scrape()
  const grown = (name: string, labels: Record<string, string>) =>
    after.sampleOf(name, { queue: "persist-writes", ...labels }) -
    before.sampleOf(name, { queue: "persist-writes", ...labels })
  expect(grown("chat_events_total", { outcome: "done" })).toBe(1)
  expect(grown("chat_events_total", { outcome: "unreadable" })).toBe(1)
  expect([
    grown("chat_batches_total", { outcome: "done" }),
    grown("chat_batches_total", { outcome: "partial" }),
  ]).toEqual([1, 1])
  expect(after.sampleOf("chat_queue_wait_seconds_count", { queue: "persist-writes" })).toBeGreaterThanOrEqual(2)
})

test("what no consumer and no job has done yet: is shown as zero, so that its first time is an increase", async () => {
  const { sampleOf } = await scrape()
  for (const queue of ["persist-writes", "index-messages"])
    expect(sampleOf("chat_batches_total", { queue, outcome: "failed" })).toBe(0)
  for (const job of ["sync-counts", "relay-outbox"])
    expect(sampleOf("chat_job_runs_total", { function: job, outcome: "failed" })).toBe(0)
})

test("what waits to be stored: is counted, with its age, and names no token", async () => {
  const token = await api.givenApplication("a secret name")
  const { sampleOf, text } = await scrapeAfresh()
  expect(sampleOf("chat_outbox_events")).toBeGreaterThanOrEqual(1)
  expect(sampleOf("chat_outbox_bytes")).toBeGreaterThan(50)
  expect(sampleOf("chat_outbox_fullest_ratio")).toBeGreaterThan(0)
  expect(sampleOf("chat_outbox_oldest_age_seconds")).toBeLessThan(60)
  expect(sampleOf("chat_queue_messages", { queue: "persist-writes", state: "visible" })).toBeGreaterThanOrEqual(1)
  expect(text).not.toContain(token)
  expect(text).not.toContain("secret name")
  await drainQueues(stores())
})

test("what waits to be indexed: is counted by its state, with the age of the oldest", async () => {
  const row = { application: "z", chat: 1 }
  const revision = (hours: number) => (Date.now() - hours * HOUR_MS) * 1000
  const insert = async ({ mysql }: SearchStores) => {
    const rows = [
      { ...row, message: 1, revision: revision(1), due_at: new Date(0) },
      { ...row, message: 2, revision: revision(5), due_at: null },
    ]
    await mysql.insertInto("pending_index").values(rows).execute()
  }
  const { sampleOf } = await scrapeAfresh(insert)
  await stores().mysql.deleteFrom("pending_index").where("application", "=", "z").execute()
  expect(["due", "waiting", "dead"].map((state) => sampleOf("chat_index_pending", { state }))).toEqual([1, 0, 1])
  expect(sampleOf("chat_index_oldest_age_seconds")).toBeGreaterThanOrEqual(HOUR_MS / 1_000)
  expect(sampleOf("chat_index_oldest_age_seconds")).toBeLessThan(HOUR_MS / 1_000 + 60)
})

test("with an admin key: is for its holders", async () => {
  const ADMIN_API_KEY = "a-key-of-an-operator-0123456789"
  await withEnvironment({ ADMIN_API_KEY }, async () => {
    expect((await api.call({ path: "/metrics" })).status).toBe(401)
    for (const headers of [{ "x-api-key": ADMIN_API_KEY }, { authorization: `Bearer ${ADMIN_API_KEY}` }])
      expect((await api.call({ path: "/metrics", headers })).status).toBe(200)
  })
})

test.each<[Dependency, string[]]>([
  ["mysql", ["chat_index_pending", "chat_index_oldest_age_seconds", "chat_counters_dirty", "chat_counters_differing"]],
  ["redis", GAUGES.map(({ name }) => name).filter((name) => /^chat_(outbox|shards|redis)_/.test(name))],
  ["sqs", ["chat_queue_messages", "chat_dead_letters"]],
  ["elasticsearch", []],
])("without %s: it is not up, its gauges are missing, and all others are there", async (dependency, missing) => {
  const { names, sampleOf } = await scrapeAfresh(undefined, away(dependency))
  const up = (store: string) => sampleOf("chat_store_up", { store })
  expect(up(dependency)).toBe(0)
  for (const other of ["mysql", "redis", "sqs", "elasticsearch"]) if (other !== dependency) expect(up(other)).toBe(1)
  expect(GAUGES.map(({ name }) => name).filter((name) => !names.has(name))).toEqual(missing)
})

test("scrapes at once and soon after: read the stores once", async () => {
  await withEnvironment({}, async (own) => {
    let depths = 0
    const { depth } = own.sqs
    own.sqs.depth = (url) => {
      depths++
      return depth(url)
    }
    await Promise.all(Array.from({ length: 20 }, scrape))
    await scrape()
    // Four queues, and one of them for readiness.
    expect(depths).toBe(5)
  })
})

test("each label: has one of few values", async () => {
  const { text } = await scrape()
  const labels = [...text.matchAll(/[{,](\w+)="([^"]*)"/g)].map(([, name = "", value = ""]) => [name, value] as const)
  const values = Map.groupBy(labels, ([name]) => name)
  expect([...values.keys()].sort()).toEqual(["function", "le", "outcome", "queue", "state", "status", "store"])
  for (const [name, all] of values)
    expect([name, new Set(all.map(([, value]) => value)).size <= 30]).toEqual([name, true])
})
