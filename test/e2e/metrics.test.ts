// What Prometheus and Grafana are given (monitoring/) asks for metrics that a real API shows.
import { beforeAll, expect, test } from "@jest/globals"
import { eventually } from "../steps/eventually.ts"
import { matches, read } from "../steps/project-files.ts"
import { useRunningApi } from "../steps/running-api.ts"
import { type Samples, samplesOf } from "../steps/samples.ts"

/** The jobs run each minute. */
const JOBS_LIMIT_MS = 90_000
/** Prometheus makes these itself. */
const OF_PROMETHEUS = ["up", "ALERTS"]

const { api } = useRunningApi()
let scraped: Samples
let text = ""

beforeAll(async () => {
  const { chats } = api()
  const token = await chats.givenApplication()
  await chats.givenMessage(token, await chats.givenChat(token))
  await eventually(async () => {
    text = await (await fetch(`${api().baseUrl}/metrics`)).text()
    scraped = samplesOf(text)
    expect(scraped.sampleOf("chat_job_runs_total", { function: "sync-counts", outcome: "done" })).toBeGreaterThan(0)
    expect(scraped.sampleOf("chat_events_total", { queue: "index-messages", outcome: "done" })).toBeGreaterThan(0)
  }, JOBS_LIMIT_MS)
})

type Query = { name: string; selector: string }

/** Returns the metrics of PromQL expressions, with their selectors. */
const queriesIn = (expressions: string[]): Query[] =>
  expressions.flatMap((expression) =>
    [...expression.matchAll(/\b((?:chat|process)_[a-z_]+|up\b|ALERTS\b)(?:\{([^}]*)\})?/g)].map(
      ([, name = "", selector = ""]) => ({ name, selector }),
    ),
  )

const dashboard = JSON.parse(read("monitoring/grafana/dashboards/chat-backend.json")) as {
  panels: { targets: { expr: string }[] }[]
}

test.each([
  ["the dashboard", dashboard.panels.flatMap(({ targets }) => targets.map(({ expr }) => expr))],
  ["the alerts", read("monitoring/alerts.yml").split("\n")],
])("%s: asks for metrics, labels and values of labels that the API has", (_, expressions) => {
  const queries = queriesIn(expressions).filter(({ name }) => !OF_PROMETHEUS.includes(name))
  expect(queries.length).toBeGreaterThan(10)
  const lines = text.split("\n")
  for (const { name, selector } of queries) {
    const wanted = selector.split(/, ?/).filter((one) => one !== "" && !/^job=|=~/.test(one))
    const found = lines.filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
    expect([name, selector, found.some((line) => wanted.every((one) => line.includes(one)))]).toEqual([
      name,
      selector,
      true,
    ])
  }
})

test("labels by which the dashboard and the alerts sum up: are there", () => {
  const expressions = [JSON.stringify(dashboard), read("monitoring/alerts.yml")].join("\n")
  const labels = new Set(matches(expressions, / by \(([a-z_, ]+)\)/g).flatMap((list) => list.split(/, ?/)))
  labels.delete("alertname")
  expect([...labels].filter((label) => !text.includes(`${label}="`))).toEqual([])
  expect(labels.size).toBeGreaterThan(4)
})
