// Finds out, from all dates of a file, in which order they have day, month and year.
import type { FormatOptions } from "../format.ts"
import type { Stamp } from "./whatsapp-stamp.ts"

export type DateOrder = NonNullable<FormatOptions["dateOrder"]>
const ORDERS: readonly DateOrder[] = ["dmy", "mdy", "ymd"]

const DAY_MS = 86_400_000
/** WhatsApp came out in 2009: an earlier year is that of another calendar, or no year. */
const FIRST_YEAR = 2009
/** The Buddhist calendar of Thailand has the months and days of the Gregorian one, and other years. */
const BUDDHIST_AHEAD = 543
/** How far lines may go back: a message that was long on its way. A wrong order of day and month goes back by weeks. */
const BACK_MAX_MS = 7 * DAY_MS

/** Returns the start of a date as if it were in UTC, or null if in this order it is none between 2009 and tomorrow. */
export function dayOf({ numbers }: Stamp, order: DateOrder): number | null {
  const at = (unit: string) => numbers[order.indexOf(unit)] ?? ""
  const year = yearOf(at("y"))
  const [month, day] = [Number(at("m")), Number(at("d"))]
  if (year === null || at("m").length > 2 || at("d").length > 2) return null
  const start = Date.UTC(year, month - 1, day)
  const date = new Date(start)
  const exists = date.getUTCMonth() === month - 1 && date.getUTCDate() === day
  return exists && start < Date.now() + DAY_MS ? start : null
}

function yearOf(text: string): number | null {
  const number = Number(text)
  const years = { 2: [2000 + number, 2500 + number - BUDDHIST_AHEAD], 4: [number, number - BUDDHIST_AHEAD] }[
    text.length
  ]
  const thisYear = new Date(Date.now() + DAY_MS).getUTCFullYear()
  return years?.find((year) => year >= FIRST_YEAR && year <= thisYear) ?? null
}

/**
 * Returns whether some language writes its short dates so, by CLDR: month first only with "/", and a year of two digits
 * never first with a "." that no space follows.
 */
function isWritten({ numbers, separator }: Stamp, order: DateOrder): boolean {
  if (/[年년]/u.test(separator)) return order === "ymd"
  if (order === "mdy") return separator.trim() === "/"
  return order === "dmy" || separator !== "." || numbers[0].length === 4
}

export type FoundOrder = { order: DateOrder } | { why: string; line: number; option?: "--date-order" }
type Candidate = { order: DateOrder; last: number; bad: { line: number; why: string } | null }

/** Returns a function that takes the stamps of a file one by one, and one that tells the order that they have. */
export function orderFinder(given: DateOrder | undefined) {
  const candidates = ORDERS.filter((order) => given === undefined || order === given).map(
    (order): Candidate => ({ order, last: Number.NEGATIVE_INFINITY, bad: null }),
  )
  // The first date on which two orders differ.
  let doubtful: { line: number; text: string } | null = null
  const look = (stamp: Stamp, line: number, candidate: Candidate): number | null => {
    const day = given !== undefined || isWritten(stamp, candidate.order) ? dayOf(stamp, candidate.order) : null
    if (day === null) candidate.bad ??= { line, why: `"${stamp.text}" has no date in the order ${candidate.order}` }
    else if (given === undefined && day < candidate.last - BACK_MAX_MS)
      candidate.bad ??= { line, why: `"${stamp.text}" goes back in time in the order ${candidate.order}` }
    else candidate.last = Math.max(day, candidate.last)
    return day
  }
  const see = (stamp: Stamp, line: number): void => {
    const days = new Set<number | null>()
    for (const candidate of candidates) {
      if (candidate.bad !== null) continue
      const day = look(stamp, line, candidate)
      if (candidate.bad === null) days.add(day)
    }
    if (days.size > 1) doubtful ??= { line, text: stamp.text }
  }
  const found = (): FoundOrder => {
    const left = candidates.filter(({ bad }) => bad === null)
    const [first] = left
    if (first !== undefined && (left.length === 1 || doubtful === null)) return { order: first.order }
    if (first !== undefined) {
      const why = ambiguous(doubtful?.text ?? "", left)
      return { line: doubtful?.line ?? 1, why, option: "--date-order" }
    }
    const longest = candidates.toSorted((a, b) => (b.bad?.line ?? 0) - (a.bad?.line ?? 0))[0]?.bad
    return { line: longest?.line ?? 1, why: `${longest?.why}${given === undefined ? HINT : ""}` }
  }
  return { see, found }
}

const HINT =
  ". No order of day, month and year fits all lines. If the dates are not in order in the file, --date-order tells it; of \
calendars only the Gregorian and the Buddhist one are read"

const ambiguous = (text: string, left: Candidate[]): string =>
  `"${text}" may be a date in the order ${left.map(({ order }) => order).join(" or ")}, and no line of the file decides \
it: give --date-order`
