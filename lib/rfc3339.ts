const TIME = /^(\d{4}-\d{2}-\d{2})T(\d{2}:\d{2})(?::(\d{2})(?:\.(\d+))?)?(?:Z|([+-])(\d{2}):?(\d{2}))$/i

const MINUTE_MS = 60_000
const DAY_MS = 24 * 60 * MINUTE_MS

/** Returns an offset from UTC in ms, or NaN for an impossible one. */
function offsetMs(sign: string, hours: number, minutes: number): number {
  if (hours > 23 || minutes > 59) return Number.NaN
  return (sign === "-" ? -1 : 1) * (hours * 60 + minutes) * MINUTE_MS
}

/** Returns a date and time in ms as if in UTC, or NaN for an impossible one. */
function wallClockMs(date: string, minute: string, second: string): number {
  const written = `${date}T${minute}:${second}.000Z`
  const time = Date.parse(written)
  // Date.parse reads February 30 as March 2, and 24:00 as the next day.
  return Number.isNaN(time) || new Date(time).toISOString() !== written ? Number.NaN : time
}

/**
 * Returns an RFC 3339 time in ms since 1970, or NaN, as Date.parse does. A fraction of a millisecond is dropped, or
 * with `rounding` "up" counts as one. A leap second, possible only at the end of a UTC day, is read as the second after
 * it. Beyond the RFC, an offset may lack its colon (as strftime's %z writes it), and seconds may be omitted.
 */
export function parseRfc3339(text: string, rounding: "down" | "up"): number {
  const match = TIME.exec(text)
  if (match === null) return Number.NaN
  const [, date = "", minute = "", second = "00", fraction = "", sign = "+", hours = "00", minutes = "00"] = match
  const isLeapSecond = second === "60"
  const local = wallClockMs(date, minute, isLeapSecond ? "59" : second)
  const wholeSecond = local - offsetMs(sign, Number(hours), Number(minutes)) + (isLeapSecond ? 1_000 : 0)
  if (isLeapSecond && wholeSecond % DAY_MS !== 0) return Number.NaN
  const isRoundedUp = rounding === "up" && /[1-9]/.test(fraction.slice(3))
  return wholeSecond + Number(fraction.slice(0, 3).padEnd(3, "0")) + (isRoundedUp ? 1 : 0)
}
