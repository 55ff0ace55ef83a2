// Draws the timeline of a campaign as an SVG without scripts, fonts or libraries. Its style follows the reader's light
// or dark background.
import type { Fault, Harmed } from "../faults/fault.ts"
import type { FaultRecord } from "../faults/fault-log.ts"
import type { Sample } from "./samples.ts"
import { clock } from "./status.ts"

const WIDTH = 1600
const LEFT = 90
const RIGHT = 24
const PLOT = WIDTH - LEFT - RIGHT
const PANEL_HEIGHT = 150
const PANEL_GAP = 46
const LANE_HEIGHT = 19
const BAR_HEIGHT = 14
const TOP = 64
/** Approximate width of a letter in a label. */
const LETTER_WIDTH = 6.6
const TICKS_X = 15
const TICKS_Y = 4

type Series = { label: string; style: string; values: (number | null)[] }
type Panel = { title: string; unit: string; series: Series[] }
type Scale = (seconds: number) => number

const COLOURS: Record<Harmed, string> = {
  redis: "#d1495b",
  mysql: "#2f78b7",
  elasticmq: "#d98324",
  elasticsearch: "#3a9d5d",
  api: "#8957b5",
  client: "#7a828c",
}

const STYLE = `
  text { font: 12px system-ui, sans-serif; fill: #24292f }
  .title { font-size: 18px; font-weight: 600 } .panel { font-weight: 600 } .unit { fill: #57606a }
  .back { fill: #ffffff } .grid { stroke: #d8dee4 } .axis { stroke: #8c959f }
  .line { fill: none; stroke-width: 1.4; stroke-linejoin: round } .bar-label { font-size: 11px }
  .a { stroke: #1a7f64 } .b { stroke: #c2761a } .c { stroke: #cf222e } .d { stroke: #7a828c }
  .shade { opacity: .07 }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 } .unit { fill: #9198a1 } .back { fill: #0d1117 } .grid { stroke: #30363d }
    .axis { stroke: #6e7681 } .a { stroke: #3fcf9f } .b { stroke: #e8a04c } .c { stroke: #ff7b72 } .d { stroke: #9aa4af }
    .shade { opacity: .13 }
  }`

const escaped = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;")
const round = (value: number): string => value.toFixed(1).replace(/\.0$/, "")

const text = (x: number, y: number, said: string, more = ""): string =>
  `<text x="${round(x)}" y="${round(y)}" ${more}>${escaped(said)}</text>`

/** Returns 1, 2 or 5 times a power of ten, so that about `ticks` steps reach `max`. */
function stepFor(max: number, ticks: number): number {
  const raw = Math.max(max, 1) / ticks
  const power = 10 ** Math.floor(Math.log10(raw))
  const factor = [1, 2, 5, 10].find((one) => one * power >= raw) ?? 10
  return factor * power
}

/** Returns a step of time that is easy to read. */
function timeStep(seconds: number): number {
  const steps = [5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600]
  return steps.find((step) => seconds / step <= TICKS_X) ?? 7_200
}

function drawLine({ style, values }: Series, seconds: number[], x: Scale, y: (value: number) => number): string {
  let path = ""
  let isDown = false
  for (const [index, value] of values.entries()) {
    if (value !== null) path += `${isDown ? "L" : "M"}${round(x(seconds[index] ?? 0))} ${round(y(value))}`
    isDown = value !== null
  }
  return `<path class="line ${style}" d="${path}"/>`
}

function drawLegend(series: Series[], top: number): string {
  let x = LEFT + PLOT
  return series
    .toReversed()
    .map(({ label, style }) => {
      x -= label.length * LETTER_WIDTH + 34
      const line = `<path class="line ${style}" d="M${round(x)} ${top - 13}h18" style="stroke-width:3"/>`
      return line + text(x + 23, top - 9, label)
    })
    .join("")
}

function drawPanel({ title, unit, series }: Panel, top: number, seconds: number[], x: Scale): string {
  const highest = Math.max(1, ...series.flatMap(({ values }) => values.map((value) => value ?? 0)))
  const step = stepFor(highest, TICKS_Y)
  const max = Math.ceil(highest / step) * step
  const y = (value: number) => top + PANEL_HEIGHT - (value / max) * PANEL_HEIGHT
  const parts = [text(LEFT, top - 9, title, 'class="panel"')]
  parts.push(text(LEFT + title.length * 7.4 + 8, top - 9, unit, 'class="unit"'), drawLegend(series, top))
  for (let value = 0; value <= max; value += step) {
    parts.push(`<path class="${value === 0 ? "axis" : "grid"}" d="M${LEFT} ${round(y(value))}h${PLOT}"/>`)
    parts.push(text(LEFT - 8, y(value) + 4, value.toLocaleString("en"), 'text-anchor="end"'))
  }
  parts.push(...series.map((one) => drawLine(one, seconds, x, y)))
  return parts.join("\n")
}

type Bar = { fault: Fault; from: number; to: number; lane: number; labelledBefore: boolean }

/** Space between a bar, its label and the next bar. */
const LABEL_GAP = 6

/** Places each fault in the first lane that has room for its bar and label. */
function placeBars(records: FaultRecord[], startedAt: number, x: Scale): { bars: Bar[]; lanes: number } {
  const ends: number[] = []
  const bars = records.map(({ fault, startedAt: began, endedAt = began }): Bar => {
    const from = (began - startedAt) / 1000
    const to = (endedAt - startedAt) / 1000
    const [left, right] = [x(from), Math.max(x(to), x(from) + 2)]
    const labelWidth = fault.name.length * LETTER_WIDTH + LABEL_GAP
    // Near the right edge the label is before its bar.
    const labelledBefore = right + labelWidth > LEFT + PLOT
    const begin = labelledBefore ? left - labelWidth : left
    const free = ends.findIndex((end) => end <= begin)
    const lane = free < 0 ? ends.length : free
    ends[lane] = (labelledBefore ? right : right + labelWidth) + LABEL_GAP
    return { fault, from, to, lane, labelledBefore }
  })
  return { bars, lanes: Math.max(1, ends.length) }
}

function drawBar({ fault, from, to, lane, labelledBefore }: Bar, x: Scale, top: number, bottom: number): string {
  const colour = COLOURS[fault.harms]
  const [left, width] = [x(from), Math.max(2, x(to) - x(from))]
  const y = top + lane * LANE_HEIGHT
  const title = `<title>${escaped(fault.name)}, ${clock(from * 1000)} to ${clock(to * 1000)}</title>`
  const shape = (top: number, height: number, more: string) =>
    `<rect x="${round(left)}" y="${round(top)}" width="${round(width)}" height="${round(height)}" fill="${colour}" ${more}/>`
  const label = labelledBefore
    ? text(left - 4, y + 11, fault.name, 'class="bar-label" text-anchor="end"')
    : text(left + width + 4, y + 11, fault.name, 'class="bar-label"')
  const shade = shape(y, bottom - y, 'class="shade"')
  return `<g>${title}${shade}${shape(y, BAR_HEIGHT, 'rx="2"')}${label}</g>`
}

function drawTimeAxis(lastsSeconds: number, x: Scale, bottom: number): string {
  const step = timeStep(lastsSeconds)
  const parts: string[] = []
  for (let second = 0; second <= lastsSeconds; second += step) {
    parts.push(`<path class="axis" d="M${round(x(second))} ${bottom}v5"/>`)
    parts.push(text(x(second), bottom + 19, clock(second * 1000), 'text-anchor="middle"'))
  }
  parts.push(
    text(LEFT + PLOT / 2, bottom + 38, "minutes:seconds since the load began", 'text-anchor="middle" class="unit"'),
  )
  return parts.join("\n")
}

const panelsOf = (samples: Sample[]): Panel[] => {
  const column = (read: (sample: Sample) => number | null) => samples.map(read)
  return [
    {
      title: "Writes and reads",
      unit: "per second",
      series: [
        { label: "acknowledged", style: "a", values: column(({ acknowledged }) => acknowledged) },
        { label: "refused", style: "b", values: column(({ refused }) => refused) },
        { label: "unanswered", style: "c", values: column(({ unknown }) => unknown) },
        { label: "reads", style: "d", values: column(({ reads }) => reads) },
      ],
    },
    {
      title: "99th percentile",
      unit: "of all requests answered or given up in the second, ms",
      series: [{ label: "p99", style: "a", values: column(({ p99Ms }) => p99Ms) }],
    },
    {
      title: "Backlog",
      unit: "waiting; interrupted where the store did not answer",
      series: [
        { label: "outbox, events", style: "a", values: column(({ outbox }) => outbox) },
        { label: "persist queue, messages", style: "b", values: column(({ persistQueue }) => persistQueue) },
        { label: "index queue, messages", style: "c", values: column(({ indexQueue }) => indexQueue) },
        { label: "pending_index, rows", style: "d", values: column(({ pendingIndex }) => pendingIndex) },
      ],
    },
  ]
}

/** Returns the timeline as SVG. `startedAt` is in ms since 1970, as in the records. */
export function drawTimeline(title: string, samples: Sample[], records: FaultRecord[], startedAt: number): string {
  const lastsSeconds = Math.max(1, ...samples.map(({ at }) => at))
  const x: Scale = (seconds) => LEFT + (Math.min(seconds, lastsSeconds) / lastsSeconds) * PLOT
  const { bars, lanes } = placeBars(records, startedAt, x)
  const lanesTop = TOP + 22
  const panels = panelsOf(samples)
  const panelsTop = lanesTop + lanes * LANE_HEIGHT + 40
  const panelTop = (index: number) => panelsTop + index * (PANEL_HEIGHT + PANEL_GAP)
  const bottom = panelTop(panels.length - 1) + PANEL_HEIGHT
  const height = bottom + 56
  const seconds = samples.map(({ at }) => at)
  let keyX = LEFT + 60
  const key = Object.entries(COLOURS).map(([part, colour]) => {
    const drawn = `<rect x="${round(keyX)}" y="${TOP - 4}" width="12" height="12" rx="2" fill="${colour}"/>`
    keyX += part.length * LETTER_WIDTH + 38
    return drawn + text(keyX - part.length * LETTER_WIDTH - 21, TOP + 6, part)
  })
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-labelledby="title">`,
    `<title id="title">${escaped(title)}</title><style>${STYLE}</style>`,
    `<rect class="back" width="${WIDTH}" height="${height}"/>`,
    text(LEFT, 34, title, 'class="title"'),
    text(LEFT, TOP + 6, "Faults", 'class="panel"'),
    ...key,
    ...bars.map((bar) => drawBar(bar, x, lanesTop, bottom)),
    ...panels.map((panel, index) => drawPanel(panel, panelTop(index), seconds, x)),
    drawTimeAxis(lastsSeconds, x, bottom),
    "</svg>\n",
  ].join("\n")
}
