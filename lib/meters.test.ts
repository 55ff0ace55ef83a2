import { spawnSync } from "node:child_process"
import { expect, test } from "@jest/globals"
import { count, METERS, type Meter, meterLines, observe, shortName } from "./meters.ts"

const linesWith = (text: string): string[] =>
  Object.values<Meter>(METERS).flatMap((meter) => meterLines(meter).filter((line) => line.includes(text)))

test("a counter: adds up by its labels, and shows a zero", () => {
  count(METERS.requests, { function: "one", status: 200 })
  count(METERS.requests, { function: "one", status: 200 }, 2)
  count(METERS.requests, { function: "one", status: 503 }, 0)
  expect(linesWith('function="one"')).toEqual([
    'chat_requests_total{function="one",status="200"} 3',
    'chat_requests_total{function="one",status="503"} 0',
  ])
})

test("a histogram: counts a value in each bucket whose bound it does not exceed", () => {
  for (const value of [0.002, 0.4, 0.5, 60]) observe(METERS.requestSeconds, { function: "two" }, value)
  const buckets = linesWith('_bucket{function="two"').map((line) => line.replace(/^.*le="(.*)"\} /, "$1 "))
  expect(buckets).toEqual(
    ["0.002 1", "0.005 1", "0.01 1", "0.025 1", "0.05 1", "0.1 1", "0.25 1"].concat(
      ["0.5 3", "1 3", "2 3", "5 3", "10 3"],
      ["+Inf 4"],
    ),
  )
  expect(linesWith('_count{function="two"')).toEqual(['chat_request_duration_seconds_count{function="two"} 4'])
  expect(linesWith('_sum{function="two"')).toEqual(['chat_request_duration_seconds_sum{function="two"} 60.902'])
})

test("a label's value: is escaped", () => {
  count(METERS.jobs, { function: 'a"b\\c\nd', outcome: "done" })
  expect(linesWith("a\\")).toEqual(['chat_job_runs_total{function="a\\"b\\\\c\\nd",outcome="done"} 1'])
})

test("the name of a function: loses what the emulator puts before it", () => {
  expect([shortName("chat-backend-local-get-health"), shortName("get-health"), shortName()]).toEqual([
    "get-health",
    "get-health",
    "unknown",
  ])
})

test.each([
  ["in AWS Lambda", { AWS_EXECUTION_ENV: "AWS_Lambda_nodejs24.x" }, 0],
  ["elsewhere", {}, 1],
])("%s: a process counts only where it can be scraped", (_, environment, series) => {
  const script = `
    const { count, METERS, meterLines } = await import(${JSON.stringify(new URL("meters.ts", import.meta.url))})
    count(METERS.requests, { function: "f", status: 200 })
    console.log(meterLines(METERS.requests).length)`
  const { NODE_OPTIONS: _options, SQS_ENDPOINT: _endpoint, AWS_EXECUTION_ENV: _runtime, ...env } = process.env
  const options = { env: { ...env, ...environment }, encoding: "utf8" } as const
  const { stdout, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", script], options)
  expect([stderr, Number(stdout)]).toEqual(["", series])
})
