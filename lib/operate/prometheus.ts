/**
 * DESIGN. The text of GET /metrics: what this process has counted, and gauges of the stores, which every copy of the API
 * shows alike. The gauges are those of `status` with smaller bounds, kept for some seconds, so that a scraper, or many,
 * cost the stores next to nothing. A store that is away, or hangs, is `up` 0 and its other gauges are missing. In the
 * cloud the text has the gauges alone.
 */
import {
  BATCH_OUTCOMES,
  count,
  EVENT_OUTCOMES,
  JOB_OUTCOMES,
  type Labels,
  labelText,
  METERS,
  type Meter,
  meterLines,
  sampleLine,
} from "../meters.ts"
import { QUEUES } from "../queue/queues.ts"
import type { SearchStores } from "../stores.ts"
import { readStatus, type Status } from "./status.ts"

/** Less than any interval of scrapes. */
const KEPT_MS = 5_000
/** Together well below the 10 s after which Prometheus gives a scrape up. */
const BOUNDS = { surveyMs: 250, partMs: 2_500 }
/** The functions with a schedule; a test compares them with serverless.yml. */
export const JOBS = ["sync-counts", "relay-outbox"] as const

export const METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"

type Sample = [labels: Labels, value: number | undefined]
type Gauge = { name: string; help: string; type?: "counter" | "gauge"; of: (status: Status) => Sample[] }

const one = (value: number | undefined): Sample[] => [[{}, value]]
/** Returns the seconds since then; 0 for never, since nothing waits. */
const age = (part: { oldestAt: Date | undefined } | null, at: Date): number | undefined =>
  part === null ? undefined : Math.max(0, at.getTime() - (part.oldestAt?.getTime() ?? at.getTime())) / 1_000

const depthOf = ({ queues }: Status, name: string) => queues?.find(({ queue }) => queue === name)
const eachQueue = (samples: (queue: (typeof QUEUES)[keyof typeof QUEUES]) => Sample[]): Sample[] =>
  Object.values(QUEUES).flatMap(samples)

export const GAUGES: readonly Gauge[] = [
  {
    name: "chat_store_up",
    help: "1 if the store answers and does what a request needs, else 0.",
    of: ({ dependencies }) => Object.entries(dependencies).map(([store, { state }]) => [{ store }, +(state === "up")]),
  },
  {
    name: "chat_store_check_seconds",
    help: "Time that the check of a store took.",
    of: ({ dependencies }) =>
      Object.entries(dependencies).map(([store, { latency_ms }]) => [{ store }, latency_ms / 1_000]),
  },
  {
    name: "chat_queue_messages",
    help: "Messages in a queue.",
    of: (status) =>
      eachQueue(({ name: queue }) => {
        const depth = depthOf(status, queue)
        return [
          [{ queue, state: "visible" }, depth?.visible],
          [{ queue, state: "in_flight" }, depth?.inFlight],
          [{ queue, state: "delayed" }, depth?.delayed],
        ]
      }),
  },
  {
    name: "chat_dead_letters",
    help: "Messages in the dead-letter queue of a queue.",
    of: (status) =>
      eachQueue(({ name: queue, deadLetters }) => {
        const depth = depthOf(status, deadLetters)
        return [[{ queue }, depth && depth.visible + depth.inFlight + depth.delayed]]
      }),
  },
  {
    name: "chat_outbox_events",
    help: "Events in the outbox, dead and retained ones included.",
    of: ({ outbox }) => one(outbox?.events),
  },
  { name: "chat_outbox_bytes", help: "Bytes of these events.", of: ({ outbox }) => one(outbox?.bytes) },
  { name: "chat_outbox_dead_events", help: "The dead ones among them.", of: ({ outbox }) => one(outbox?.dead) },
  {
    name: "chat_outbox_oldest_age_seconds",
    help: "Time since the oldest event was accepted, dead and retained ones aside.",
    of: ({ outbox, at }) => one(age(outbox, at)),
  },
  {
    name: "chat_outbox_fullest_ratio",
    help: "Used share of its bound of the fullest shard.",
    of: ({ outbox }) => one(outbox === null ? undefined : (outbox.fullest[0]?.share ?? 0)),
  },
  {
    name: "chat_shards_unsettled",
    help: "Shards that take no writes.",
    of: ({ outbox }) => one(outbox?.unsettled.length),
  },
  {
    name: "chat_index_pending",
    help: "Rows of pending_index, up to 100,000 of each state.",
    of: ({ index }) =>
      (["due", "waiting", "dead"] as const).map((state): Sample => [{ state }, index ? index[state] : undefined]),
  },
  {
    name: "chat_index_oldest_age_seconds",
    help: "Time since the oldest message that is to be indexed was changed, dead ones aside.",
    of: ({ index, at }) => one(age(index, at)),
  },
  {
    name: "chat_counters_dirty",
    help: "Counters that are not yet in the count columns, up to 100,000.",
    of: ({ counts }) => one(counts?.dirty),
  },
  {
    name: "chat_counters_differing",
    help: "Counters, of a thousand others, that differ from their column.",
    of: ({ counts }) => one(counts?.differing),
  },
  {
    name: "chat_redis_used_bytes",
    help: "Memory that the fullest server of Redis uses.",
    of: ({ redis }) => one(redis?.usedBytes),
  },
  { name: "chat_redis_max_bytes", help: "Its maxmemory; 0 is none.", of: ({ redis }) => one(redis?.maxBytes) },
]

const METERS_HELP: Record<keyof typeof METERS, string> = {
  requests: "Requests answered.",
  requestSeconds: "Time from a request to its answer, in the function.",
  batches: "Batches that a consumer was given.",
  batchSeconds: "Time that a consumer took for a batch.",
  events: "Events that a consumer was given.",
  waits: "Time from the sending of a message to its receipt by a consumer.",
  jobs: "Runs of the functions with a schedule.",
}

/** Of this process; the names are those that all clients of Prometheus use. */
export const PROCESS: readonly (Omit<Gauge, "of"> & { of: () => number })[] = [
  {
    name: "process_cpu_seconds_total",
    help: "Processor time of this process.",
    type: "counter",
    of: () => (({ user, system }) => (user + system) / 1e6)(process.cpuUsage()),
  },
  {
    name: "process_resident_memory_bytes",
    help: "Memory of this process.",
    of: () => process.memoryUsage.rss(),
  },
  {
    name: "process_start_time_seconds",
    help: "When this process started, in seconds since 1970.",
    of: () => Math.round(Date.now() / 1_000 - process.uptime()),
  },
]

/** Returns lines below their head; nothing if there are none. */
const headed = (name: string, help: string, type: string, lines: string[]): string[] =>
  lines.length === 0 ? [] : [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, ...lines]

const gaugeLines = ({ name, help, type = "gauge" }: Omit<Gauge, "of">, samples: Sample[]): string[] =>
  headed(
    name,
    help,
    type,
    samples.flatMap(([labels, value]) => (value === undefined ? [] : [sampleLine(name, labelText(labels), value)])),
  )

const countedLines = (): string[] =>
  Object.entries<Meter>(METERS).flatMap(([key, meter]) =>
    headed(meter.name, METERS_HELP[key as keyof typeof METERS], typeOf(meter), meterLines(meter)),
  )

export const typeOf = ({ bounds }: Meter): "counter" | "histogram" => (bounds ? "histogram" : "counter")

/** Shows series before they have counted anything: Prometheus takes the first value of a series for no increase. */
function showZeros(): void {
  const all = (meter: Meter, label: string, names: readonly string[], outcomes: readonly string[]) => {
    for (const name of names) for (const outcome of outcomes) count(meter, { [label]: name, outcome }, 0)
  }
  const queues = Object.values(QUEUES).map(({ name }) => name)
  all(METERS.batches, "queue", queues, BATCH_OUTCOMES)
  all(METERS.events, "queue", queues, EVENT_OUTCOMES)
  all(METERS.jobs, "function", JOBS, JOB_OUTCOMES)
}

let kept: { at: number; stores: SearchStores; status: Promise<Status> } | undefined

/** Returns the status, read anew if it is older than KEPT_MS. Requests that come meanwhile share it. */
function keptStatus(stores: SearchStores): Promise<Status> {
  const now = performance.now()
  if (kept?.stores !== stores || now - kept.at > KEPT_MS) kept = { at: now, stores, status: readStatus(stores, BOUNDS) }
  return kept.status
}

/** Returns the text of GET /metrics. Throws no DependencyAway. */
export async function metricsText(stores: SearchStores): Promise<string> {
  const status = await keptStatus(stores)
  showZeros()
  const lines = [
    ...countedLines(),
    ...GAUGES.flatMap((gauge) => gaugeLines(gauge, gauge.of(status))),
    ...PROCESS.flatMap((gauge) => gaugeLines(gauge, [[{}, gauge.of()]])),
  ]
  return `${lines.join("\n")}\n`
}
