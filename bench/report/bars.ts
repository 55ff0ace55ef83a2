// Groups of horizontal bars as an SVG of its own making: no script, no font, no library. Values of one size stand on a
// linear scale, where their differences show; others on a logarithmic one.
const WIDTH = 900
const LEFT = 240
const RIGHT = 90
const TOP = 84
const BAR = 13
const GAP = 14
const STYLES = ["a", "b", "c"]
/** The greatest value over the least, up to which the scale is linear. */
const LINEAR_UP_TO = 10
const TICKS = 5

const STYLE = `
  text { font: 12px system-ui, sans-serif; fill: #24292f }
  .title { font-size: 15px; font-weight: 600 } .unit { fill: #57606a } .value { font-size: 11px }
  .back { fill: #ffffff } .grid { stroke: #d8dee4 }
  .a { fill: #1a7f64 } .b { fill: #c2761a } .c { fill: #7a828c }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 } .unit { fill: #9198a1 } .back { fill: #0d1117 } .grid { stroke: #30363d }
    .a { fill: #3fb68b } .b { fill: #e0a458 }
  }`

export type Bars = { title: string; unit: string; series: string[]; groups: { label: string; values: number[] }[] }

const escapeXml = (text: string): string => text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`)
const shown = (value: number): string =>
  value >= 10 || value === 0 ? Math.round(value).toLocaleString("en") : value.toPrecision(2)

/** `ticks`: values that get a line; `shareOf`: the position of a value, from 0 to 1. */
type Scale = { name: string; ticks: number[]; shareOf(value: number): number }

function scaleOf(values: number[]): Scale {
  const [least, greatest] = [Math.min(...values), Math.max(...values)]
  if (greatest / least <= LINEAR_UP_TO) {
    const power = 10 ** Math.floor(Math.log10(greatest / TICKS))
    const step = ([1, 2, 5].find((factor) => factor * power * TICKS >= greatest) ?? 10) * power
    const ticks = Array.from({ length: Math.ceil(greatest / step) + 1 }, (_, index) => index * step)
    return { name: "linear", ticks, shareOf: (value) => value / (ticks.at(-1) ?? 1) }
  }
  const [low, high] = [Math.floor(Math.log10(least)), Math.ceil(Math.log10(greatest))]
  const ticks = Array.from({ length: high - low + 1 }, (_, index) => 10 ** (low + index))
  return { name: "logarithmic", ticks, shareOf: (value) => (Math.log10(value) - low) / (high - low) }
}

/** Values must be above 0. */
export function drawBars({ title, unit, series, groups }: Bars): string {
  const scale = scaleOf(groups.flatMap((group) => group.values))
  const x = (value: number) => LEFT + scale.shareOf(value) * (WIDTH - LEFT - RIGHT)
  const groupHeight = series.length * BAR + GAP
  const bottom = TOP + groups.length * groupHeight
  const parts: string[] = []
  for (const tick of scale.ticks) {
    const at = x(tick).toFixed(1)
    parts.push(`<line class="grid" x1="${at}" x2="${at}" y1="${TOP - 8}" y2="${bottom}"/>`)
    parts.push(`<text x="${at}" y="${bottom + 18}" text-anchor="middle">${shown(tick)}</text>`)
  }
  for (const [index, { label, values: own }] of groups.entries()) {
    const y = TOP + index * groupHeight
    parts.push(`<text x="${LEFT - 10}" y="${y + groupHeight / 2}" text-anchor="end">${escapeXml(label)}</text>`)
    for (const [at, value] of own.entries()) {
      const [top, right] = [y + at * BAR, x(value)]
      parts.push(
        `<rect class="${STYLES[at]}" x="${LEFT}" y="${top}" width="${(right - LEFT).toFixed(1)}" height="${BAR - 2}"/>`,
      )
      parts.push(`<text class="value" x="${(right + 5).toFixed(1)}" y="${top + BAR - 4}">${shown(value)}</text>`)
    }
  }
  for (const [index, name] of series.entries()) {
    const left = LEFT + index * 230
    parts.push(`<rect class="${STYLES[index]}" x="${left}" y="46" width="12" height="12"/>`)
    parts.push(`<text x="${left + 18}" y="56">${escapeXml(name)}</text>`)
  }
  const height = bottom + 46
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${escapeXml(title)}">
<style>${STYLE}</style>
<rect class="back" width="${WIDTH}" height="${height}"/>
<text class="title" x="20" y="28">${escapeXml(title)}</text>
${parts.join("\n")}
<text class="unit" x="${LEFT}" y="${bottom + 36}">${escapeXml(unit)}, ${scale.name}</text>
</svg>
`
}
