// Turns what a clock in a time zone showed into an instant, from the runtime's own tz database.

/** Farther than any clock is from UTC, and than a change of a clock is from the instant it is looked for at. */
const DAY_MS = 86_400_000

/** Returns whether the runtime knows the zone, such as "Europe/Berlin". */
export function isTimezone(timezone: string): boolean {
  try {
    new Intl.DateTimeFormat("en", { timeZone: timezone })
    return true
  } catch {
    return false
  }
}

/**
 * Returns a function that tells the instant, in milliseconds, at which clocks in the zone showed `localMs` (the date and
 * time, written as if it were UTC).
 * - In a fold, where the hour comes twice, it is the first time, unless that is before `notBefore` and the second is not.
 * - In a gap, where clocks were put forward over it, it is as if they had not been yet: 02:30 means 03:30.
 */
export function clockOf(timezone: string): (localMs: number, notBefore: number) => number {
  const format = new Intl.DateTimeFormat("en-US", {
    timeZone: timezone,
    calendar: "gregory",
    numberingSystem: "latn",
    hourCycle: "h23",
    year: "numeric",
    month: "numeric",
    day: "numeric",
    hour: "numeric",
    minute: "numeric",
    second: "numeric",
  })
  const offsetMs = (instant: number): number => {
    const part: { [type: string]: number } = {}
    for (const { type, value } of format.formatToParts(instant)) part[type] = Number(value)
    const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = part
    return Date.UTC(year, month - 1, day, hour, minute, second) - Math.floor(instant / 1_000) * 1_000
  }
  // Of the day asked for last: the offset, if it is the same from the day before to the day after.
  let day = Number.NaN
  let constant: number | null = null
  return (localMs, notBefore) => {
    const start = Math.floor(localMs / DAY_MS) * DAY_MS
    if (start !== day) {
      day = start
      const offset = offsetMs(start - DAY_MS)
      constant = offset === offsetMs(start + 2 * DAY_MS) ? offset : null
    }
    if (constant !== null) return localMs - constant
    const before = offsetMs(localMs - DAY_MS)
    const after = offsetMs(localMs + DAY_MS)
    const instants = [...new Set([localMs - before, localMs - after])]
      .filter((instant) => instant + offsetMs(instant) === localMs)
      .sort((a, b) => a - b)
    return instants.find((instant) => instant >= notBefore) ?? instants[0] ?? localMs - before
  }
}
