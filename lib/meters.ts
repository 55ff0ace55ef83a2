/**
 * DESIGN. What this process has done since it started: counters and histograms, which GET /metrics shows. They live on
 * globalThis, since bundled functions have modules of their own but share one process in the emulator. A label has one
 * of few values that the code knows, never a token, a path or a text of the client's. In AWS Lambda nothing is counted:
 * each instance would count for itself, and CloudWatch has the sums (docs/decisions/0029-metrics-and-traces.md).
 */
import { isInCloud } from "./in-cloud.ts"

/** With bounds it is a histogram, else a counter. */
export type Meter = { name: string; bounds?: readonly number[] }
export type Labels = Readonly<Record<string, string | number>>
/** `buckets` counts values by the first bound that they do not exceed; the last one is of those beyond all bounds. */
type Series = { labels: string; value: number; buckets?: number[] }

/** Seconds, from a read that finds everything at hand to the time limit of a request. */
const REQUEST_BOUNDS = [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10]
/** Seconds, from a queue at rest to beyond the age at which an alarm rings. */
const WAIT_BOUNDS = [0.1, 0.5, 1, 2, 5, 10, 30, 60, 120, 360, 900]

/** Their help texts are in lib/operate/prometheus.ts, since most functions need only the names. */
export const METERS = {
  requests: { name: "chat_requests_total" },
  requestSeconds: { name: "chat_request_duration_seconds", bounds: REQUEST_BOUNDS },
  batches: { name: "chat_batches_total" },
  batchSeconds: { name: "chat_batch_duration_seconds", bounds: REQUEST_BOUNDS },
  events: { name: "chat_events_total" },
  waits: { name: "chat_queue_wait_seconds", bounds: WAIT_BOUNDS },
  jobs: { name: "chat_job_runs_total" },
} as const satisfies Record<string, Meter>

/** `failed`: it threw or ran out of time. `partial`: some of its messages come again. */
export const BATCH_OUTCOMES = ["done", "partial", "failed"] as const
/**
 * `again`: their message comes again. `postponed`: a store is away, so they come later. `late`: sent to the queue again,
 * since the batch ran out of time. `newer`: left to newer functions. `unreadable`: messages that hold no events.
 */
export const EVENT_OUTCOMES = ["done", "again", "postponed", "late", "newer", "unreadable"] as const
/** `postponed`: a store is away. */
export const JOB_OUTCOMES = ["done", "postponed", "failed"] as const

const SHARED = Symbol.for("chat-backend.meters")
const ofProcess = globalThis as { [SHARED]?: Map<string, Map<string, Series>> }
const counts = !isInCloud(process.env)

/** The emulator puts service and stage before the name of a function. */
const PREFIX = /^chat-backend-local-/
export const shortName = (functionName = "unknown"): string => functionName.replace(PREFIX, "")

/** Returns labels as Prometheus' text format has them. */
export const labelText = (labels: Labels): string =>
  Object.entries(labels)
    .map(([name, value]) => `${name}=${JSON.stringify(String(value))}`)
    .join(",")

/** Returns the value at `key`, which is made when it is first asked for. */
function at<Value>(map: Map<string, Value>, key: string, make: () => Value): Value {
  const known = map.get(key)
  if (known !== undefined) return known
  const made = make()
  map.set(key, made)
  return made
}

function seriesOf({ name }: Meter, labels: Labels): Series {
  ofProcess[SHARED] ??= new Map()
  const text = labelText(labels)
  return at(
    at(ofProcess[SHARED], name, () => new Map<string, Series>()),
    text,
    () => ({ labels: text, value: 0 }),
  )
}

/** Counts `amount` more; with 0, makes sure that the series is shown. */
export function count(meter: Meter, labels: Labels, amount = 1): void {
  if (counts) seriesOf(meter, labels).value += amount
}

/** Notes a value in a histogram. */
export function observe(meter: Meter & { bounds: readonly number[] }, labels: Labels, value: number): void {
  if (!counts) return
  const series = seriesOf(meter, labels)
  series.buckets ??= Array.from({ length: meter.bounds.length + 1 }, () => 0)
  const first = meter.bounds.findIndex((bound) => value <= bound)
  const bucket = first === -1 ? meter.bounds.length : first
  series.buckets[bucket] = (series.buckets[bucket] ?? 0) + 1
  series.value += value
}

/** Returns a line of Prometheus' text format. */
export const sampleLine = (name: string, labels: string, value: number): string =>
  labels === "" ? `${name} ${value}` : `${name}{${labels}} ${value}`

function seriesLines({ name, bounds }: Meter, { labels, value, buckets = [] }: Series): string[] {
  if (bounds === undefined) return [sampleLine(name, labels, value)]
  let sum = 0
  const lines = [...bounds, "+Inf"].map((bound, index) => {
    sum += buckets[index] ?? 0
    return sampleLine(`${name}_bucket`, `${labels},le="${bound}"`, sum)
  })
  return [...lines, sampleLine(`${name}_sum`, labels, value), sampleLine(`${name}_count`, labels, sum)]
}

/** Returns the lines of what a meter has counted, in Prometheus' text format. */
export function meterLines(meter: Meter): string[] {
  const all = [...(ofProcess[SHARED]?.get(meter.name)?.values() ?? [])]
  return all.flatMap((series) => seriesLines(meter, series))
}
