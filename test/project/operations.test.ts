// What docs/operations.md says of log lines, limits and time-outs is true.
import { expect, test } from "@jest/globals"
import { BATCH_OUTCOMES, EVENT_OUTCOMES, JOB_OUTCOMES, METERS, type Meter } from "../../lib/meters.ts"
import { GAUGES, JOBS, PROCESS, typeOf } from "../../lib/operate/prometheus.ts"
import { QUEUES, RECEIVES_MAX } from "../../lib/queue/queues.ts"
import { VISIBILITY_TIMEOUT_SECONDS } from "../../local/services/settings.ts"
import { matches, projectPaths, read, sectionOf } from "../steps/project-files.ts"

const sources = projectPaths().filter((path) => /^(lib|functions)\/.*\.ts$/.test(path) && !path.endsWith(".test.ts"))

/** Returns a constant of a file as a number. */
const constant = (path: string, name: string): number => {
  const [, value = ""] = new RegExp(`const ${name} = ([\\d_]+)$`, "m").exec(read(path)) ?? []
  expect([path, name, value]).toEqual([path, name, expect.stringMatching(/\d/)])
  return Number(value.replaceAll("_", ""))
}
const seconds = (path: string, name: string): string => `${constant(path, name) / 1_000} s`

test("the table of log lines: has each message that is logged, and no other", () => {
  const logged = sources.flatMap((path) => matches(read(path), /\blog\.(?:info|warn|error)\(\s*"([^"]+)"/g))
  const table = sectionOf("docs/operations.md", "Logs")
  const first = matches(table, /^\| (`.*?) +\|/gm).flatMap((cell) => matches(cell, /`([^`]+)`/g))
  // A request that met something away logs its name.
  const ofRequests = first.filter((message) => /^\w+ is away$/.test(message))
  expect(ofRequests.length).toBeGreaterThan(0)
  expect(first.filter((message) => !ofRequests.includes(message)).sort()).toEqual([...new Set(logged)].sort())
})

test("connections, time-outs and bounds: are those of the clients", () => {
  const capacity = sectionOf("docs/operations.md", "Capacity").replaceAll(/ +/g, " ")
  const mysql = "lib/clients/mysql.ts"
  const redis = "lib/clients/redis-node.ts"
  expect(capacity).toContain(
    `| ${constant(mysql, "CONNECTIONS_MAX")} at most per process; on AWS ${constant(mysql, "CONNECTIONS_MAX_IN_LAMBDA")} at most per instance`,
  )
  expect(capacity).toContain(`innodb_lock_wait_timeout = ${constant(mysql, "LOCK_TIMEOUT_SECONDS")}`)
  expect(capacity).toContain(
    `MySQL: a read ${seconds(mysql, "READ_TIMEOUT_MS")}, a statement ${seconds(mysql, "STATEMENT_TIMEOUT_MS")}, a transaction ${seconds(mysql, "ANSWER_TIMEOUT_MS")} ` +
      `(${constant(mysql, "WAITING_MAX")} waiting requests at most, each for ${seconds(mysql, "WAIT_MAX_MS")})`,
  )
  expect(capacity).toContain(
    `Redis ${seconds(redis, "CALL_TIMEOUT_MS")}, the acceptance of a write ${seconds("lib/write/accept.ts", "ACCEPT_MAX_MS")}`,
  )
  expect(capacity).toContain(`SQS ${constant("lib/clients/sqs.ts", "SEND_TIMEOUT_MS")} ms`)
  expect(capacity).toContain(`search ${seconds("lib/search/querying/search.ts", "SEARCH_TIMEOUT_MS")}`)
  expect(capacity).toContain(`a request ${seconds("lib/http/endpoint.ts", "REQUEST_TIMEOUT_MS")}`)
})

test("the table of queues: is that of the emulator and of resources/", () => {
  const queues = sectionOf("docs/operations.md", "Queues").replaceAll(/ +/g, " ")
  const [onAws] = new Set(
    Object.values(QUEUES).flatMap(({ name }) => matches(read(`resources/${name}.yml`), /VisibilityTimeout: (\d+)/g)),
  )
  expect(queues).toContain(`| visibility timeout | ${VISIBILITY_TIMEOUT_SECONDS} s | ${onAws} s |`)
  expect(queues).toContain(`| receives before the dead-letter queue | ${RECEIVES_MAX} | ${RECEIVES_MAX} |`)
  const [batch] = new Set(matches(read("serverless.yml"), /batchSize: (\d+)/g))
  const [atOnce] = new Set(matches(read("serverless.yml"), /maximumConcurrency: (\d+)/g))
  expect(queues).toContain(`| batch, batches side by side | ${batch} messages, ${atOnce} |`)
})

test("the tables of alarms and metrics: are those of resources/, with their thresholds, and of the relay", () => {
  const alarms = sectionOf("docs/operations.md", "Alarms").replaceAll(/ +/g, " ")
  const [first = "", second = ""] = alarms.split("| metric |")
  const firstCells = (text: string) => matches(text, /^\| (`.*?) \|/gm).flatMap((cell) => matches(cell, /`(\w+)`/g))
  const queues = Object.values(QUEUES).map(({ name }) => `resources/${name}.yml`)
  const text = ["resources/alarms.yml", ...queues].map(read).join("\n")
  expect(firstCells(first).sort()).toEqual(matches(text, /^ {2}(\w+)Alarm:$/gm).sort())
  const reported = matches(read("lib/operate/metrics.ts"), /addMetric\(\s*"(\w+)"/g)
  expect(firstCells(second).sort()).toEqual(reported.sort())
  const queueAges = matches(text, /MetricName: ApproximateAgeOfOldestMessage(?:\n.*){3} +Threshold: (\d+)/g)
  expect(queueAges).toHaveLength(queues.length)
  const [lag = ""] = matches(text, /&lagSeconds (\d+)/g)
  for (const age of queueAges) expect(first).toMatch(new RegExp(`QueueAge. \\| [^|]*more than ${age} s`))
  for (const alarm of ["OutboxAge", "SearchLag"])
    expect(first).toMatch(new RegExp(`${alarm}. \\| [^|]*more than ${lag} s`))
  const ofStage = (name: string) => new RegExp(`:alarms\\.${name}, (\\d+)`).exec(read("serverless.yml"))?.[1]
  expect(first).toContain(`more than ${ofStage("serverErrorsPercent")} % of requests`)
  expect(first).toContain(`exceeds ${Number(ofStage("latencyMs")) / 1_000} s`)
})

test("the table of metrics: has each metric of a scrape with its type, and the values of its labels", () => {
  const table = sectionOf("docs/operations.md", "Metrics").replaceAll(/ +/g, " ")
  const rows = matches(table, /^\| (`.*?` \| \w+ \|)/gm)
  const told = rows.flatMap((row) => matches(row, /`(\w+)`/g).map((name) => [name, / (\w+) \|$/.exec(row)?.[1]]))
  const meters = Object.values<Meter>(METERS).map((meter) => [meter.name, typeOf(meter)])
  const gauges = [...GAUGES, ...PROCESS].map(({ name, type = "gauge" }) => [name, type])
  const byName = (one: unknown[], other: unknown[]) => `${one[0]}`.localeCompare(`${other[0]}`)
  expect(told.sort(byName)).toEqual([...meters, ...gauges].sort(byName))
  const outcomes = [...EVENT_OUTCOMES, ...BATCH_OUTCOMES, ...JOB_OUTCOMES]
  expect(outcomes.filter((outcome) => !table.includes(`\`${outcome}\``))).toEqual([])
})

test("the jobs whose runs are counted: are the functions with a schedule", () => {
  const functions = read("serverless.yml").split(/^ {2}(?=[a-z-]+:)/m)
  const scheduled = functions.filter((text) => text.includes("schedule: rate")).map((text) => text.split(":")[0])
  expect([...JOBS].sort()).toEqual(scheduled.sort())
})

test("the alerts of Prometheus: are the alarms of resources/, but for throttles, with their thresholds and durations", () => {
  const files = ["alarms", ...Object.values(QUEUES).map(({ name }) => name)].map((name) =>
    read(`resources/${name}.yml`),
  )
  const alarms = matches(files.join("\n"), /^ {2}(\w+)Alarm:$/gm)
  const alerts = read("monitoring/alerts.yml").split("- alert: ").slice(1)
  const byName = new Map(alerts.map((text) => [text.split("\n")[0], text]))
  const here = alarms.filter((name) => !name.endsWith("Throttles"))
  expect([...byName.keys()].sort()).toEqual(["ApiDown", ...here].sort())
  const [lag = ""] = matches(files.join("\n"), /&lagSeconds (\d+)/g)
  const [size = ""] = matches(files.join("\n"), /MetricName: OutboxFullest\n(?:.*\n){2} +Threshold: (\d+)/g)
  const ofStage = (name: string) => new RegExp(`:alarms\\.${name}, (\\d+)`).exec(read("serverless.yml"))?.[1]
  const [age = ""] = matches(
    files.join("\n"),
    /MetricName: ApproximateAgeOfOldestMessage(?:\n.*){3} +Threshold: (\d+)/g,
  )
  const thresholds: [string, string | undefined, string | undefined][] = [
    ["PersistQueueAge", age, undefined],
    ["IndexQueueAge", age, undefined],
    ["OutboxAge", lag, "3m"],
    ["OutboxSize", size, undefined],
    ["SearchLag", lag, "3m"],
    ["ServerErrors", ofStage("serverErrorsPercent"), "3m"],
    ["Latency", ofStage("latencyMs"), "5m"],
  ]
  for (const [name, above, lasting] of thresholds) {
    expect([name, byName.get(name)]).toEqual([
      name,
      expect.stringMatching(new RegExp(`> ${above}( or absent.*)?$`, "m")),
    ])
    expect([name, /for: (\w+)/.exec(byName.get(name) ?? "")?.[1]]).toEqual([name, lasting])
  }
})

test("the settings of the proxy: are those of nginx.conf", () => {
  const keys = sectionOf("docs/operations.md", "Keys and limits").replaceAll(/\s+/g, " ")
  const [, server = ""] = read("proxy/nginx.conf").split("\n  server {\n")
  const setting = (name: string) => new RegExp(`^ +${name} (.*?);`, "m").exec(server)?.[1] ?? ""
  expect(keys).toContain(`not complete within ${setting("client_header_timeout").replace("s", " s")}`)
  // Long enough for the API to answer an incomplete body first.
  const [, limitMs = ""] = /REQUEST_LIMIT_MS = ([\d_]+)/.exec(read("local/http-server/gateway.ts")) ?? []
  const limitSeconds = Number(limitMs.replaceAll("_", "")) / 1000
  expect(keys).toContain(`not there in full after ${limitSeconds} s gets 408`)
  expect(Number.parseInt(setting("client_body_timeout"), 10)).toBeGreaterThan(limitSeconds + 2)
  const [, lineBytes] = setting("large_client_header_buffers").split(" ")
  expect(keys).toContain(`a request line of more than ${lineBytes?.replace("k", " KiB")}`)
  expect(keys).toContain(`more than ${setting("limit_conn").split(" ").at(-1)} requests under way`)
  expect(keys).toContain(`closes idle connections after ${setting("keepalive_timeout").replace("s", " s")}`)
})
