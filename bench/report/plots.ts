// Pictures of what a benchmark has found.
import { drawBars } from "./bars.ts"
import { type Figure, type Plot, summarize } from "./bench-run.ts"

/** `series`: what each bar of a group is called, by the key of its figure. */
type MedianPlot = { file: string; title: string; unit: string; series: Record<string, string> }

/** A group of bars for each name that has all of these figures: their medians over the rounds. */
export function plotMedians(figures: Figure[], { file, title, unit, series }: MedianPlot): Plot {
  const groups = summarize(figures).flatMap(({ name, medians }) => {
    const values = Object.keys(series).flatMap((key) => medians[key]?.median ?? [])
    return values.length === Object.keys(series).length ? [{ label: name, values }] : []
  })
  return { file, title, svg: drawBars({ title, unit, series: Object.values(series), groups }) }
}
