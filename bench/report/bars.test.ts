import { expect, test } from "@jest/globals"
import { drawBars } from "./bars.ts"

/** How long the bars of these values are. */
function lengthsOf(values: number[]): number[] {
  const groups = values.map((value) => ({ label: `${value}`, values: [value] }))
  const svg = drawBars({ title: "title", unit: "unit", series: ["series"], groups })
  return [...svg.matchAll(/<rect class="a" x="[\d.]+" y="[\d.]+" width="([\d.]+)" height="11"/g)].map(([, width]) =>
    Number(width),
  )
}

test("values of one size: bars are as long as the values are great", () => {
  const [one = 0, two = 0, ten = 0] = lengthsOf([31, 62, 310])
  expect(two / one).toBeCloseTo(2, 2)
  expect(ten / one).toBeCloseTo(10, 1)
})

test("values of many sizes: bars grow alike from each to ten times as much", () => {
  const [one = 0, ten = 0, hundred = 0] = lengthsOf([0.31, 3.1, 31])
  expect(one).toBeGreaterThan(0)
  expect(hundred - ten).toBeCloseTo(ten - one, 0)
})
